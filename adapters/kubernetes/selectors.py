"""One key of Services' selectors: reading it, and moving it from value to value under tests.

Called by `switch_selector`, and by `get_selector`, which only reads.  Several Services move one
after the other; where one fails, those that moved go back, because half a switch is worse than
none.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import json_patches
from adapters.kubernetes.cluster import Cluster, Patch
from adapters.kubernetes.errors import NotFoundError
from adapters.kubernetes.resources import SERVICES
from adapters.values import listed
from flows.actions import ActionError, PermanentError, TransientError, UnknownOutcomeError

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One Service's way from the value in `before`, its whole selector, to another value."""

    service: str
    before: Mapping[str, str]
    key: str
    to: str

    @property
    def origin(self) -> str:
        """Return the value that is left."""
        return self.before[self.key]

    @property
    def path(self) -> tuple[str, ...]:
        """Return where the value stands."""
        return ("spec", "selector", self.key)


def selector_of(service: Object) -> dict[str, str]:
    """Return a Service's selector; one that is filled by hand has none."""
    return dict((service.get("spec") or {}).get("selector") or {})


async def read(cluster: Cluster, names: Iterable[str]) -> dict[str, Object]:
    """Read Services side by side; raise `PermanentError` that names all that are missing."""
    every = tuple(dict.fromkeys(names))
    found = await asyncio.gather(*(cluster.find(SERVICES, name) for name in every))
    missing = [name for name, each in zip(every, found, strict=True) if each is None]
    if missing:
        raise PermanentError(
            f"There is no Service {listed(missing)} in namespace {cluster.namespace}: compare the "
            f"names with `kubectl -n {cluster.namespace} get services`."
        )
    return {name: each for name, each in zip(every, found, strict=True) if each is not None}


async def find(
    cluster: Cluster, *, names: Iterable[str], labels: str, key: str
) -> tuple[dict[str, Object], tuple[str, ...]]:
    """Return the Services of these names or labels, and the labelled ones without the key.

    Raises `PermanentError` that names all that are missing, and where no labels lead to the key.
    """
    if wanted := tuple(names):
        return await read(cluster, wanted), ()
    every = await cluster.items(SERVICES, labels=labels)
    found: dict[str, Object] = {each["metadata"]["name"]: each for each in every}
    meant = {name: each for name, each in sorted(found.items()) if key in selector_of(each)}
    if not meant:
        raise PermanentError(
            f"Namespace {cluster.namespace} has no Service with the labels {labels} that "
            f"selects pods by {key}: correct selector or key."
        )
    return meant, tuple(sorted(found.keys() - meant.keys()))


async def move(cluster: Cluster, each: Move, *, dry_run: bool = False) -> None:
    """Set the value, unless it is set already.

    Raises `PermanentError` where the selector is neither what it was nor what it is to be.
    """
    service = await cluster.read(SERVICES, each.service)
    now = selector_of(service)
    if now.get(each.key) == each.to:
        return
    if now != each.before:
        raise PermanentError(
            f"Somebody changed the selector of {each.service} meanwhile: it was "
            f"{written(each.before)} and is {written(now)}. Nothing was changed there."
        )
    body = [
        json_patches.test(("spec", "selector"), dict(each.before)),
        json_patches.replace(each.path, each.to),
    ]
    await cluster.patch(SERVICES, each.service, body, kind=Patch.JSON, dry_run=dry_run)


async def move_back(cluster: Cluster, each: Move) -> bool:
    """Set the value of before where ours is; say whether anything was to be done.

    Raises `PermanentError` where it is neither: that is somebody else's change.
    """
    now = selector_of(await cluster.read(SERVICES, each.service)).get(each.key)
    if now == each.origin:
        return False
    if now != each.to:
        raise foreign(each, now)
    body = [json_patches.test(each.path, each.to), json_patches.replace(each.path, each.origin)]
    await cluster.patch(SERVICES, each.service, body, kind=Patch.JSON)
    return True


def ours(every: Iterable[Move], services: Mapping[str, Object]) -> tuple[Move, ...]:
    """Return the moves that are to be taken back: not those of Services that are back already.

    Raises `PermanentError` where a Service has a third value.
    """
    values = {name: selector_of(service) for name, service in services.items()}
    for each in every:
        if (now := values[each.service].get(each.key)) not in (each.origin, each.to):
            raise foreign(each, now)
    return tuple(e for e in every if values[e.service].get(e.key) != e.origin)


def foreign(each: Move, now: str | None) -> PermanentError:
    """Say that a Service has a value that is neither ours nor the one of before."""
    told = f"{each.key}={now}" if now else f"no {each.key}"
    return PermanentError(
        f"{each.service} has {told} now, neither {each.to} (set here) nor {each.origin} (before): "
        "somebody changed it since. Decide by hand what it should be."
    )


async def move_all(cluster: Cluster, moves: Iterable[Move]) -> None:
    """Move one after the other; where one fails, move back those that moved.

    The error says where each Service is then.  It is permanent where a look by people is needed,
    transient where all are as before, and of unknown outcome where an answer is missing.  Where a
    look shows that a move took effect whose answer is missing, the others move first.
    """
    every = tuple(moves)
    done: list[Move] = []
    doubt: ActionError | None = None
    for each in every:
        try:
            await move(cluster, each)
        except ActionError as error:
            if not await _arrived(cluster, each, error):
                raise await _back(cluster, every, done, each, error) from error
            doubt = error
        done.append(each)
    if doubt:
        raise doubt


async def _arrived(cluster: Cluster, each: Move, error: ActionError) -> bool:
    """Look whether a move took effect whose answer is missing."""
    if not isinstance(error, UnknownOutcomeError):
        return False
    try:
        service = await cluster.read(SERVICES, each.service)
    except ActionError:
        return False
    return selector_of(service).get(each.key) == each.to


async def _back(
    cluster: Cluster,
    every: tuple[Move, ...],
    done: list[Move],
    failed: Move,
    error: ActionError,
) -> ActionError:
    """Move back what moved, and return the error that says so."""
    moved = [each for each in done if each.origin != each.to]
    if not moved:
        return error
    problems: dict[str, ActionError] = {}
    for each in reversed(moved):
        try:
            await move_back(cluster, each)
        except ActionError as problem:
            problems[each.service] = problem
    unknown = isinstance(error, UnknownOutcomeError)
    why = f"{failed.service} {'may or may not be' if unknown else 'could not be'} switched"
    if not problems:
        back = listed(each.service for each in moved)
        return _like(error, f"{why}, so these went back: {back}. {error}")
    where = await _where(cluster, every)
    told = f"The Services are apart: {where}. {why}, {listed(problems)} did not go back. {error}"
    open_ = (TransientError, UnknownOutcomeError)
    if isinstance(error, open_) or any(isinstance(each, open_) for each in problems.values()):
        return UnknownOutcomeError(told)
    return PermanentError(told)


def _like(error: ActionError, told: str) -> ActionError:
    """Return an error of the same kind with other words."""
    match error:
        case TransientError():
            return TransientError(told, delay=error.delay)
        case UnknownOutcomeError():
            return UnknownOutcomeError(told)
        case _:
            return PermanentError(told)


async def _where(cluster: Cluster, every: tuple[Move, ...]) -> str:
    """Look where each Service is: `checkout on blue, cart not known`."""
    answers = await asyncio.gather(
        *(cluster.read(SERVICES, each.service) for each in every), return_exceptions=True
    )
    return listed((_place(e, a) for e, a in zip(every, answers, strict=True)), limit=20)


def _place(each: Move, answer: Object | BaseException) -> str:
    if isinstance(answer, NotFoundError):
        return f"{each.service} is gone"
    if isinstance(answer, BaseException):
        return f"{each.service} not known"
    return f"{each.service} on {selector_of(answer).get(each.key)}"


def written(selector: Mapping[str, str]) -> str:
    """Write a selector: `app=checkout, deployment-color=green`."""
    return ", ".join(f"{key}={value}" for key, value in selector.items()) or "empty"
