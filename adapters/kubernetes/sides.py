"""Both ends of a switch between pods of two colours: what takes the traffic, and what is to.

Called by `switch_selector`.  Says no before anything changed where the other end is not ready.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import endpoints
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.endpoints import Endpoint, Pods
from adapters.kubernetes.resources import PODS
from adapters.kubernetes.selectors import Move, selector_of, written
from adapters.values import count, listed
from flows.actions import Change, PermanentError, TransientError

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One Service before its switch.  `live` of its `behind` endpoints are ready.

    `here` and `there` are the pods of the value that it leaves and of the one that it takes,
    `digests` what each one of the latter runs; `needed` of them must be ready.
    """

    move: Move
    live: int
    behind: int
    here: Pods
    there: Pods
    digests: tuple[frozenset[str], ...]
    needed: int

    @property
    def in_place(self) -> bool:
        """Say whether there is nothing to do."""
        return self.move.origin == self.move.to

    def relied_on(self) -> Any:
        """Return what a change of would be drift: the selector, and what the other end runs."""
        runs = [] if self.in_place else sorted(frozenset[str]().union(*self.digests))
        return [self.move.service, dict(self.move.before), self.move.to, runs]

    def change(self) -> Change:
        """Write what changes for people: endpoints of now, pods of then."""
        now = f"{self.move.origin}, {self.live} of {self.behind} endpoints ready"
        images = f" ({listed(self.here.images, 3)})" if self.here.images else ""
        return Change(
            subject=f"service/{self.move.service}",
            before=now + images,
            after=f"{self.move.to}, {self.there}",
        )


async def survey(cluster: Cluster, moves: Iterable[Move], at_least: int | None) -> tuple[Side, ...]:
    """Look at both ends of each Service."""
    every = tuple(moves)
    found, pods = await asyncio.gather(
        endpoints.behind(cluster, (each.service for each in every)),
        cluster.items(PODS, labels=every[0].key),
    )
    return tuple(_side(each, found[each.service], pods, at_least) for each in every)


def _side(
    move: Move, behind: tuple[Endpoint, ...], pods: list[dict[str, Any]], at_least: int | None
) -> Side:
    there = endpoints.selected({**move.before, move.key: move.to}, pods)
    live = endpoints.ready(behind)
    return Side(
        move=move,
        live=live,
        behind=len(behind),
        here=endpoints.counted(endpoints.selected(move.before, pods)),
        there=endpoints.counted(there),
        digests=tuple(endpoints.digests_of(pod) for pod in there),
        needed=at_least if at_least is not None else max(live, 1),
    )


def moves(services: Mapping[str, Object], key: str, to: str) -> tuple[Move, ...]:
    """Return each Service's way; raise `PermanentError` where one does not select by the key."""
    without = [
        f"{name} ({written(selector_of(each))})"
        for name, each in services.items()
        if key not in selector_of(each)
    ]
    if without:
        raise PermanentError(
            f"{listed(without)} does not select pods by {key}: a switch of it would change "
            "nothing, or everything. Correct the names, or the Service."
        )
    return tuple(
        Move(service=name, before=selector_of(each), key=key, to=to)
        for name, each in services.items()
    )


def agree(every: Iterable[Move], before: Mapping[str, str], *, mixed: bool) -> None:
    """Raise `PermanentError` where the Services are on several values.

    `before` has the values of those that this very step switched already.
    """
    values: dict[str, list[str]] = {}
    for each in every:
        was = before.get(each.service, "") if each.origin == each.to else ""
        values.setdefault(was or each.origin, []).append(each.service)
    if len(values) > 1 and not mixed:
        told = "; ".join(f"{value}: {listed(names)}" for value, names in values.items())
        raise PermanentError(
            f"The Services are not on one value ({told}), so it is not clear what is live. Find "
            "out why; if they are to be switched all the same, say `mixed: true`."
        )


def enough(sides: Iterable[Side]) -> None:
    """Raise `PermanentError` where too few pods of the other end are ready."""
    lacking = [
        f"{side.move.service} has {side.there}, and needs {side.needed}"
        for side in sides
        if not side.in_place and side.there.ready < side.needed
    ]
    if lacking:
        raise PermanentError(
            f"The pods that are to take over are too few: {listed(lacking)}. "
            "Scale them up first, or say with at_least how many are enough."
        )


def as_expected(sides: Iterable[Side], images: Mapping[str, str]) -> None:
    """Raise `PermanentError` where a pod of the other end does not run the image it should."""
    by_name = {side.move.service: side for side in sides}
    if unknown := [name for name in images if name not in by_name]:
        raise PermanentError(
            f"images names {listed(unknown)}, which is not switched: correct it, so that nothing "
            "is switched unchecked."
        )
    wrong = [
        f"{name} would get {listed(sorted(runs)) or 'pods that run nothing yet'}, not {wanted}"
        for name, wanted in images.items()
        for runs in dict.fromkeys(by_name[name].digests)
        if wanted.rpartition("@")[2] not in runs
    ]
    if wrong:
        raise PermanentError(
            f"The pods that are to take over run another image: {listed(wrong, 2)}. Deploy the "
            "expected image there first, or correct images."
        )


def fewer(sides: Iterable[Side]) -> tuple[str, ...]:
    """Warn where fewer pods take over than there are now, ready or not."""
    return tuple(
        f"{side.move.service}: its traffic goes from {count(side.here.total, 'pod')} to "
        f"{side.there.ready}, which may be too few."
        for side in sides
        if not side.in_place and side.there.ready < side.here.total
    )


async def can_go_back(cluster: Cluster, ways: Iterable[Move]) -> None:
    """Raise `TransientError` while a Service has no ready pod of the value that it goes back to."""
    every = tuple(ways)
    if not every:
        return
    pods = await cluster.items(PODS, labels=every[0].key)
    empty = [
        f"{way.service} ({way.key}={way.origin})"
        for way in every
        if not endpoints.counted(endpoints.selected(way.before, pods)).ready
    ]
    if empty:
        raise TransientError(
            f"No pod is ready to take the traffic back of {listed(empty)}, so nothing was switched "
            "back yet: scale these pods up.",
            delay=endpoints.RISING_DELAY,
        )
