"""Kubernetes' answers and failures as the three kinds of action errors.

Called by `connections` only, so that every action fails in the same words.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import roles
from adapters.values import listed, redact
from flows.actions import (
    MESSAGE_LIMIT,
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


class ExistsError(PermanentError):
    """An object of this name is there already."""


class ChangedError(PermanentError):
    """The object is no longer what a patch was made for; nothing was changed."""


class OwnedError(PermanentError):
    """Somebody else owns fields that an apply would change; nothing was changed."""


class ConflictError(TransientError):
    """Somebody changed the object at the same time; nothing was changed by this call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, as far as an error needs to name it.  `probe` marks writes without effect,
    `manages` those that are written under a field manager.
    """

    method: str
    permission: Permission
    name: str = ""
    probe: bool = False
    manages: bool = False

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
    """Say which rights are missing, and the rules that grant them as they stand in a Role.

    Where a message can't hold the rules, it says who prints them instead.
    """
    missing = roles.rules(permissions)
    wanted = [
        f"{', '.join(rule.verbs)} {_what(rule)}"
        + (f" in namespace {rule.scope}" if rule.scope else "")
        for rule in missing
    ]
    kind = "Role" if any(rule.scope for rule in missing) else "ClusterRole"
    told = _refused("; ".join(wanted), f"Add to its {kind}: {', '.join(map(str, missing))}")
    # Cut in the middle, a rule would look whole; so it is as many rights as fit, and a count.
    for fitting in range(len(wanted), 0, -1):
        if len(told) <= MESSAGE_LIMIT:
            break
        more = len(wanted) - fitting
        rest = f"; and {more} more" if more else ""
        prints = f"`backout permissions` prints all rules for its {kind}."
        told = _refused(f"{'; '.join(wanted[:fitting])}{rest}", prints)
    return PermanentError(told)


def _refused(what: str, advice: str) -> str:
    return f"The cluster does not let Backout {what}. {advice}"


def _what(rule: roles.Rule) -> str:
    resources = ", ".join(_grouped(each, rule.group) for each in rule.resources)
    return f"{resources} {listed(rule.names)}" if rule.names else resources


def _grouped(resource: str, group: str) -> str:
    """Write `deployments.apps/scale`."""
    plural, slash, sub = resource.partition("/")
    return f"{plural}.{group}{slash}{sub}" if group else resource


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
        return _conflict(call, body, said)
    if status == 410:
        return TransientError(f"The list of {call.subject} grew too old; listing again.", delay=0.2)
    if status == 422 and _does_not_fit(call, body):
        return ChangedError(
            f"{call.subject} is no longer what it was when it was looked at, so nothing was "
            "changed: see who changed it, then make a new plan."
        )
    if status in (429, 503):
        delay = _delay(headers)
        return TransientError(
            f"The cluster is busy ({status}); trying again in {delay:g} s.", delay=delay
        )
    if status >= 500 and call.writes:
        return UnknownOutcomeError(f"The cluster answered {status} to a change: {said}")
    if status >= 500:
        return TransientError(f"The cluster answered {status}: {said}", delay=BUSY_DELAY)
    asked = "read" if call.method in READS else "change"
    return PermanentError(f"The cluster refused to {asked} {call.subject} ({status}): {said}")


def _does_not_fit(call: Call, body: bytes) -> bool:
    """Say whether a JSON patch was refused as such: that alone is invalid without any details."""
    found = _status(body)
    return (call.method, found.get("reason"), found.get("details")) == ("PATCH", "Invalid", {})


def _conflict(call: Call, body: bytes, said: str) -> ActionError:
    if _status(body).get("reason") == "AlreadyExists":
        return ExistsError(f"{call.subject} is there already.")
    if any(cause.get("reason") == "FieldManagerConflict" for cause in _causes(body)):
        return OwnedError(f"{call.subject} has fields that another manager owns: {said}")
    return ConflictError(f"{call.subject} was changed by someone else just now.", delay=0.2)


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


def _status(body: bytes) -> dict[str, Any]:
    try:
        status: Any = json.loads(body)
    except ValueError:
        return {"message": body[:200].decode(errors="replace")}
    return status if isinstance(status, dict) else {}


def _causes(body: bytes) -> list[dict[str, Any]]:
    return list((_status(body).get("details") or {}).get("causes") or ())


def _message(body: bytes) -> str:
    return str(_status(body).get("message", ""))[:300]


def _delay(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After", "")
    return min(float(value), LONGEST_DELAY) if value.isdigit() else BUSY_DELAY
