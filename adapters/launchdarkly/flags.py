"""One flag in one environment: what it serves, and how that is changed.

LaunchDarkly counts variations by index where it answers and by id where it is asked, and its
indices move when a variation is deleted, so ids are used for everything here.  Called by
`set_flag`.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from adapters.http import exchanges
from adapters.http.exchanges import Answer, Request
from adapters.values import redact
from config.models.connections import LaunchDarklyConnection
from flows.actions import ActionError, Context, PermanentError, TransientError

SERVICE = "LaunchDarkly"
SEMANTIC_PATCH = "application/json; domain-model=launchdarkly.semanticpatch"
BETA = {"LD-API-Version": "beta"}
LONGEST_WAIT = 60.0
LONGEST_LABEL = 40

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """What a flag does in the connection's environment.

    `default` is what people get whom no rule gives something else: `{"variation": id}`, or
    `{"weights": {id: 100,000 for all}, "context": kind, "bucket": attribute}`, or
    `{"experiment": true}`.  `off` is the id that is served while the flag is off, if any.
    `targeting` are rules, single targets and prerequisites as LaunchDarkly tells them.
    """

    key: str
    labels: Mapping[str, str]
    on: bool
    default: Object
    off: str | None
    targeting: Object
    version: int

    def state(self) -> Object:
        """Return what is compared, captured and put back."""
        return {"on": self.on, "default": self.default, "off": self.off}

    def needs(self) -> list[str]:
        """Return the keys of the flags that must serve something for this one to count."""
        return [str(each.get("key")) for each in self.targeting["prerequisites"]]

    def told(self, state: Mapping[str, Any]) -> str:
        """Say in words what people get in a state."""
        if state["on"]:
            rules = len(self.targeting["rules"])
            beside = f" (and {rules} rules)" if rules > 1 else " (and a rule)" if rules else ""
            return f"on, serving {self._default(state['default'])}{beside}"
        if state["off"] is None:
            return "off, serving what each application has in its code"
        return f"off, serving {self.label(state['off'])}"

    def label(self, variation: str) -> str:
        """Return a variation as people know it."""
        return self.labels.get(variation, f"variation {variation}")

    def _default(self, default: Mapping[str, Any]) -> str:
        if "experiment" in default:
            return "an experiment"
        if "variation" in default:
            return self.label(str(default["variation"]))
        parts = (f"{weight / 1000:g} % {self.label(i)}" for i, weight in default["weights"].items())
        return ", ".join(parts)


def connection(context: Context) -> LaunchDarklyConnection:
    """Return the system's connection; raise `PermanentError` where it has none."""
    found = context.system.connections.launchdarkly
    if found is None:
        raise PermanentError(
            f"{context.system.title} has no LaunchDarkly: add connections.launchdarkly to "
            "system.yaml."
        )
    return found


async def read(context: Context, key: str) -> Flag:
    """Look at a flag.

    Raises `PermanentError` where flag or environment are not there or it is archived.
    """
    known = connection(context)
    path = f"{_path(known.project, key)}?env={quote(known.environment, safe='')}"
    answer = await _call(context, Request(method="GET", url=path))
    if answer.status == 404:
        raise PermanentError(
            f'{SERVICE} has no flag "{key}" in the project {known.project}: check both keys, and '
            "that Backout's token may see them."
        )
    if error := refusal(answer, writes=False):
        raise error
    return _flag(answer.json(), key, known)


async def patch(context: Context, key: str, instructions: list[Object], comment: str) -> None:
    """Send a semantic patch: all of its instructions take effect, or none."""
    known = connection(context)
    request = Request(
        method="PATCH",
        url=_path(known.project, key),
        headers={"Content-Type": SEMANTIC_PATCH},
        body={
            "environmentKey": known.environment,
            "comment": comment,
            "instructions": instructions,
        },
        writes=True,
    )
    if error := refusal(await _call(context, request), writes=True):
        raise error


async def dependents(context: Context, key: str) -> list[str] | None:
    """Return the flags that count on this one; None where LaunchDarkly does not tell (its plan)."""
    known = connection(context)
    there = f"{known.project}/{known.environment}/{quote(key, safe='')}/dependent-flags"
    try:
        request = Request(method="GET", url=f"/api/v2/flags/{there}", headers=BETA)
        answer = await _call(context, request)
    except TransientError:
        return None
    body = answer.json()
    if answer.status != 200 or not isinstance(body, dict):
        return None
    return sorted(str(each.get("key")) for each in body.get("items") or ())


def instructions_to(wanted: Mapping[str, Any], now: Mapping[str, Any]) -> list[Object]:
    """Return what leads from one state to another.  The flag is turned off first, and on last."""
    found: list[Object] = []
    if wanted["default"] != now["default"]:
        found.append({"kind": "updateFallthroughVariationOrRollout", **_serve(wanted["default"])})
    if wanted["on"] != now["on"]:
        if wanted["on"]:
            found.append({"kind": "turnFlagOn"})
        else:
            found.insert(0, {"kind": "turnFlagOff"})
    return found


def refusal(answer: Answer, *, writes: bool) -> ActionError | None:
    """Turn an answer that is no success into an error; None for a success."""
    said = _said(answer)
    if answer.status == 405 or (answer.status == 403 and "approv" in said.lower()):
        return PermanentError(
            f"{SERVICE} wants its own approval for changes in this environment ({answer.status}): "
            "have the change approved there and skip the step, or let the role of Backout's token "
            "do `bypassRequiredApproval` on this flag."
        )
    if answer.status == 403:
        return PermanentError(
            f"{SERVICE} forbids it (403): {said}. The role of Backout's token needs `updateOn` and "
            "`updateFallthrough` on this flag in this environment."
        )
    if answer.status == 409:
        return TransientError(f"{SERVICE} was changing the flag at the same moment (409): {said}")
    if answer.status == 429:
        delay = _wait(answer)
        return TransientError(
            f"{SERVICE} limits requests (429); trying again in {delay:g} s.", delay=delay
        )
    return exchanges.refusal(answer, SERVICE, writes=writes)


def _path(project: str, key: str) -> str:
    return f"/api/v2/flags/{quote(project, safe='')}/{quote(key, safe='')}"


async def _call(context: Context, request: Request) -> Answer:
    known = connection(context)
    token = context.surroundings.secret(known.token)
    return await exchanges.exchange(
        context,
        Request(
            method=request.method,
            url=exchanges.address(context, known.url) + request.url,
            headers={"Authorization": token, **(request.headers or {})},
            body=request.body,
            writes=request.writes,
        ),
    )


def _flag(body: Any, key: str, known: LaunchDarklyConnection) -> Flag:
    if not isinstance(body, dict) or "environments" not in body:
        raise PermanentError(f"{known.url} does not speak LaunchDarkly's API: check its url.")
    found = body["environments"].get(known.environment)
    if not isinstance(found, dict):
        raise PermanentError(
            f"The project {known.project} has no environment {known.environment}: check "
            "connections.launchdarkly in system.yaml."
        )
    if body.get("archived") or found.get("archived"):
        raise PermanentError(
            f'The flag "{key}" is archived, and nothing evaluates it: restore it in {SERVICE} '
            "first, or name another one."
        )
    ids = [str(each["_id"]) for each in body.get("variations", ())]
    off = found.get("offVariation")
    return Flag(
        key=key,
        labels={str(each["_id"]): _label(each) for each in body.get("variations", ())},
        on=bool(found.get("on")),
        default=_default(found.get("fallthrough") or {}, ids),
        off=None if off is None else ids[off],
        targeting={
            part: found.get(part) or []
            for part in ("rules", "targets", "contextTargets", "prerequisites")
        },
        version=int(found.get("version") or 0),
    )


def _default(found: Mapping[str, Any], ids: list[str]) -> Object:
    rollout = found.get("rollout")
    if rollout is None:
        return {"variation": ids[int(found.get("variation") or 0)]}
    if rollout.get("experimentAllocation"):
        return {"experiment": True}
    return {
        "weights": {ids[each["variation"]]: each["weight"] for each in rollout["variations"]},
        "context": rollout.get("contextKind") or "user",
        "bucket": rollout.get("bucketBy") or "key",
    }


def _serve(default: Mapping[str, Any]) -> Object:
    if "variation" in default:
        return {"variationId": default["variation"]}
    return {
        "rolloutWeights": default["weights"],
        "rolloutContextKind": default["context"],
        "rolloutBucketBy": default["bucket"],
    }


def _label(variation: Mapping[str, Any]) -> str:
    told = variation.get("name") or json.dumps(variation.get("value"))
    return f'"{str(told)[:LONGEST_LABEL]}"'


def _said(answer: Answer) -> str:
    body = answer.json()
    told = body.get("message") if isinstance(body, dict) else None
    return redact(str(told or answer.content[:200].decode(errors="replace")))


def _wait(answer: Answer) -> float:
    """Return how long to wait: `Retry-After`, or LaunchDarkly's own moment in milliseconds."""
    reset = answer.headers.get("x-ratelimit-reset", "")
    if "retry-after" in answer.headers or not reset.isdigit():
        return answer.retry_after
    return round(min(max(int(reset) / 1000 - time.time(), 1.0), LONGEST_WAIT), 1)
