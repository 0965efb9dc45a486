"""Kubernetes' answers and failures as the three kinds of action errors.

Called by `connections` only, so that every action fails in the same words.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.values import redact
from flows.actions import (
    ActionError,
    PermanentError,
    Permission,
    TransientError,
    UnknownOutcomeError,
)

READS = frozenset({"GET", "HEAD"})
BUSY_DELAY = 2.0
LONGEST_DELAY = 60.0


class NotFoundError(PermanentError):
    """The object is not there."""


class ConflictError(TransientError):
    """Somebody changed the object at the same time; nothing was changed by this call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, as far as an error needs to name it.  `probe` marks writes without effect."""

    method: str
    permission: Permission
    name: str = ""
    probe: bool = False

    @property
    def writes(self) -> bool:
        """Say whether a lost answer leaves the outcome open."""
        return self.method not in READS and not self.probe

    @property
    def subject(self) -> str:
        """Name the object: `deployments.apps payment-service in namespace production`."""
        name = f" {self.name}" if self.name else ""
        where = f" in namespace {self.permission.scope}" if self.permission.scope else ""
        return f"{self.permission.resource}{name}{where}"


def missing_right(permissions: tuple[Permission, ...]) -> PermanentError:
    """Say which rights are missing, and the rules that grant them as they stand in a Role."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for each in permissions:
        verbs.setdefault((each.resource, each.scope), []).append(each.verb)
    wanted = "; ".join(
        f"{', '.join(v)} {resource}" + (f" in namespace {scope}" if scope else "")
        for (resource, scope), v in verbs.items()
    )
    rules = ", ".join(f"{{{_rule(resource, v)}}}" for (resource, _), v in verbs.items())
    return PermanentError(f"The cluster does not let Backout {wanted}. Add to its Role: {rules}")


def _rule(resource: str, verbs: list[str]) -> str:
    name, _, sub = resource.partition("/")
    plural, _, group = name.partition(".")
    full = f"{plural}/{sub}" if sub else plural
    return (
        f"apiGroups: {json.dumps([group])}, resources: {json.dumps([full])}, "
        f"verbs: {json.dumps(verbs)}"
    )


def from_answer(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> ActionError:
    """Turn an answer of 400 or above into an error."""
    said = redact(_message(body))
    if status == 401:
        return PermanentError(
            "The cluster does not accept Backout's credentials: renew those of this context "
            "in the kubeconfig."
        )
    if status == 403 and "quota" not in said:
        return missing_right((call.permission,))
    if status == 404:
        return NotFoundError(f"There is no {call.subject}. The cluster says: {said}")
    if status == 409:
        return ConflictError(f"{call.subject} was changed by someone else just now.", delay=0.2)
    if status in (429, 503):
        delay = _delay(headers)
        return TransientError(
            f"The cluster is busy ({status}); trying again in {delay:g} s.", delay=delay
        )
    if status >= 500 and call.writes:
        return UnknownOutcomeError(f"The cluster answered {status} to a change: {said}")
    if status >= 500:
        return TransientError(f"The cluster answered {status}: {said}", delay=BUSY_DELAY)
    return PermanentError(f"The cluster refused to change {call.subject} ({status}): {said}")


def from_failure(call: Call, error: BaseException, *, server: str, sent: bool) -> ActionError:
    """Turn a failed exchange into an error; `sent` says whether the request may have left."""
    why = redact(str(error)) or type(error).__name__
    if sent and call.writes:
        return UnknownOutcomeError(
            f"The answer of {server} about {call.subject} did not arrive: {why}"
        )
    if sent:
        return TransientError(f"The cluster at {server} did not answer in time: {why}")
    return TransientError(f"The cluster at {server} is not there: {why}", delay=BUSY_DELAY)


def _message(body: bytes) -> str:
    try:
        status: Any = json.loads(body)
    except ValueError:
        return body[:200].decode(errors="replace")
    message = status.get("message", "") if isinstance(status, dict) else ""
    return str(message)[:300]


def _delay(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return min(float(value), LONGEST_DELAY) if value.isdigit() else BUSY_DELAY
