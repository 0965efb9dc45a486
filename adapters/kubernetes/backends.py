"""The paths of an Ingress and the Services that they go to.  Pure: JSON in, patches out.

Called by `patch_ingress_backend`.  A path is known by host, path and type, never by its place in
the list, which moves when somebody adds another one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import json_patches
from adapters.kubernetes.json_patches import Operation, Part
from adapters.values import listed
from flows.actions import PermanentError

Object = Mapping[str, Any]
Port = int | str
Identity = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Service and the number or the name of its port."""

    service: str
    port: Port

    def __str__(self) -> str:
        """Write `boardroom-backend-blue:80`."""
        return f"{self.service}:{self.port}"

    def plain(self) -> dict[str, Any]:
        """Return it as it stands in an Ingress."""
        key = "number" if isinstance(self.port, int) else "name"
        return {"name": self.service, "port": {key: self.port}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One path of an Ingress.  The default backend has no `kind`; a path without a Service no
    `target`.

    `kind` is the path's type, `nth` tells paths apart that are the same otherwise; `holder` is
    where the rule around it stands, and `place` where its Service does.
    """

    host: str
    path: str
    kind: str
    nth: int
    target: Target | None
    holder: tuple[Part, ...]
    place: tuple[Part, ...]

    @property
    def identity(self) -> Identity:
        """Return what it is known by."""
        return self.host, self.path, self.kind, self.nth

    def __str__(self) -> str:
        """Write `app.example.com/api`, or `the default backend`."""
        return told(self.identity)


def told(identity: Identity) -> str:
    """Write what a path is known by."""
    host, path, kind, _ = identity
    return f"{host or 'any host'}{path}" if kind else "the default backend"


def backends(ingress: Object) -> tuple[Backend, ...]:
    """Return every path of an Ingress, and its default backend."""
    spec = ingress.get("spec") or {}
    seen: dict[tuple[str, str, str], int] = {}
    found: list[Backend] = []
    if default := spec.get("defaultBackend"):
        top: tuple[Part, ...] = ("spec", "defaultBackend")
        found.append(_backend(("", "", ""), 0, default, holder=top, place=top))
    for index, rule in enumerate(spec.get("rules") or ()):
        holder: tuple[Part, ...] = ("spec", "rules", index)
        for number, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            key = (rule.get("host") or "", path.get("path") or "/", str(path["pathType"]))
            nth = seen[key] = seen.get(key, -1) + 1
            place = (*holder, "http", "paths", number, "backend")
            found.append(_backend(key, nth, path["backend"], holder=holder, place=place))
    return tuple(found)


def _backend(
    key: tuple[str, str, str],
    nth: int,
    backend: Object,
    *,
    holder: tuple[Part, ...],
    place: tuple[Part, ...],
) -> Backend:
    host, path, kind = key
    return Backend(
        host=host,
        path=path,
        kind=kind,
        nth=nth,
        target=target_of(backend),
        holder=holder,
        place=(*place, "service"),
    )


def target_of(backend: Object) -> Target | None:
    """Return the Service that a backend names; one that is another resource names none."""
    service = backend.get("service")
    if not service:
        return None
    port = service.get("port") or {}
    return Target(service=str(service["name"]), port=port.get("number") or str(port.get("name")))


def named(every: Iterable[Backend], wanted: Iterable[tuple[str, str]]) -> tuple[Backend, ...]:
    """Return the paths of these hosts and paths; raise `PermanentError` where one is not there."""
    found = tuple(every)
    asked = tuple(wanted)
    there = {(each.host, each.path) for each in found if each.kind}
    if missing := [
        f"{host or 'any host'}{path}" for host, path in asked if (host, path) not in there
    ]:
        raise PermanentError(
            f"The Ingress has no path {listed(missing)}. It has {listed(map(str, found), 10)}."
        )
    return tuple(each for each in found if each.kind and (each.host, each.path) in asked)


def patch(ingress: Object, changes: Iterable[tuple[Backend, Target]]) -> list[Operation]:
    """Return the patch that has these paths go to other Services, and tests all that it is about.

    The test of a rule is on its host and on all its paths with their Services.
    """
    every = tuple(changes)
    holders = dict.fromkeys(backend.holder for backend, _ in every)
    return [
        *(json_patches.test(holder, _at(ingress, holder)) for holder in holders),
        *(json_patches.replace(backend.place, target.plain()) for backend, target in every),
    ]


def _at(value: Any, path: tuple[Part, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


def port_name(service: Object, port: Port) -> str | None:
    """Return the name of a Service's port (of one without name, "") or None where it has none."""
    for each in (service.get("spec") or {}).get("ports") or ():
        if port in (each.get("port"), each.get("name") or None):
            return str(each.get("name") or "")
    return None
