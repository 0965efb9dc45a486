"""Paths of an Ingress on their way from one Service to another: which, from where, and back.  Pure.

Called by `patch_ingress_backend`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import backends
from adapters.kubernetes.backends import Backend, Identity, Port, Target
from adapters.kubernetes.json_patches import Operation
from adapters.values import count, listed
from flows.actions import PermanentError

CANARY = "nginx.ingress.kubernetes.io/canary"
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One path's way from a Service to another."""

    identity: Identity
    before: Target
    after: Target

    def __str__(self) -> str:
        """Write what the path is known by."""
        return backends.told(self.identity)

    def plain(self) -> dict[str, Any]:
        """Return it as it is captured."""
        return {
            "path": list(self.identity),
            "service": self.before.service,
            "port": self.before.port,
            "new_port": self.after.port,
        }


def recorded(captured: Iterable[Mapping[str, Any]], to: str) -> tuple[Way, ...]:
    """Read captured paths back."""
    return tuple(
        Way(
            identity=(each["path"][0], each["path"][1], each["path"][2], each["path"][3]),
            before=Target(service=each["service"], port=each["port"]),
            after=Target(service=to, port=each["new_port"]),
        )
        for each in captured
    )


def ways(every: Iterable[Backend], to: str, port: Port | None) -> tuple[Way, ...]:
    """Return each path's way to a Service; without a port it keeps its own.

    Raises `PermanentError` for a path that goes to no Service.
    """
    found = tuple(every)
    if without := [str(each) for each in found if each.target is None]:
        raise PermanentError(
            f"{listed(without)} goes to another resource, not to a Service: leave it out."
        )
    return tuple(
        Way(
            identity=each.identity,
            before=each.target,
            after=Target(service=to, port=each.target.port if port is None else port),
        )
        for each in found
        if each.target is not None
    )


def going_to(every: Iterable[Backend], services: Iterable[str]) -> tuple[Backend, ...]:
    """Return the paths that go to one of these Services."""
    names = frozenset(services)
    return tuple(each for each in every if each.target and each.target.service in names)


def agree(every: Iterable[Way], current: str, *, mixed: bool) -> None:
    """Raise `PermanentError` where the paths go to several Services, or not to the one named."""
    services: dict[str, list[str]] = {}
    for way in every:
        services.setdefault(way.before.service, []).append(str(way))
    told = "; ".join(f"{service}: {listed(paths)}" for service, paths in services.items())
    to = next((way.after.service for way in every), "")
    if current and (other := services.keys() - {current, to}):
        raise PermanentError(
            f"Not {current} has the traffic of all these paths, but {listed(sorted(other))} "
            f"({told}). Find out what is live, and correct current."
        )
    if len(services) > 1 and not mixed:
        raise PermanentError(
            f"The paths don't all go to one Service ({told}), so it is not clear what is live. "
            "Find out why; if they are to be changed all the same, say `mixed: true`."
        )


def onwards(every: Iterable[Way], ingress: Object) -> list[Operation]:
    """Return the patch for the paths that don't go there yet, empty where all do."""
    return _patch(every, ingress, back=False)


def back(every: Iterable[Way], ingress: Object) -> list[Operation]:
    """Return the patch that sends them back, empty where all are back."""
    return _patch(every, ingress, back=True)


def _patch(every: Iterable[Way], ingress: Object, *, back: bool) -> list[Operation]:
    there = {each.identity: each for each in backends.backends(ingress)}
    changes: list[tuple[Backend, Target]] = []
    for way in every:
        start, end = (way.after, way.before) if back else (way.before, way.after)
        found = there.get(way.identity)
        if found is None or found.target not in (start, end):
            now = f"goes to {found.target}" if found and found.target else "is gone"
            raise PermanentError(
                f"Somebody changed {way} meanwhile: it {now}, neither {start} nor {end}. "
                "Nothing was changed; decide by hand where it should go."
            )
        if found.target != end:
            changes.append((found, end))
    return backends.patch(ingress, changes)


def warnings(ingress: Object, every: Iterable[Way]) -> tuple[str, ...]:
    """Warn of paths that stay where the others leave, and of an Ingress that is only a share."""
    moving = {way.identity: way.before.service for way in every}
    left = set(moving.values()) - {way.after.service for way in every}
    staying = [e for e in going_to(backends.backends(ingress), left) if e.identity not in moving]
    found = []
    if staying:
        many = f"{count(len(staying), 'path')} of this Ingress"
        found.append(f"{many} still go to {listed(sorted(left))}: {listed(map(str, staying))}.")
    if (ingress["metadata"].get("annotations") or {}).get(CANARY) == "true":
        found.append("This Ingress is a canary's: it has only a share of the traffic of its hosts.")
    return tuple(found)


def told(every: Iterable[Way]) -> str:
    """Write `3 paths`, or name the only one."""
    paths = [str(way) for way in every]
    return paths[0] if len(paths) == 1 else count(len(paths), "path")
