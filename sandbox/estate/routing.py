"""Reads a Kubernetes API path and method into what is asked: verb, kind, place, name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.estate.resources import NAMESPACES, Resource, find
from sandbox.estate.statuses import method_not_allowed, no_such_path

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the API server, in RBAC's words."""

    verb: str
    resource: Resource
    namespace: str
    name: str
    subresource: str


def parse(method: str, path: str, query: Mapping[str, str]) -> Call:
    """Return the call that `api/v1/…` or `apis/GROUP/VERSION/…` stands for."""
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            raise no_such_path()
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    resource = find(group, version, rest[0]) if rest else None
    if resource is None or len(rest) > 3:
        raise no_such_path()
    if resource == NAMESPACES and len(rest) > 1:
        namespace = ""
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    verb = _verb(method, name, query)
    if verb not in resource.verbs or (verb == "create") != (method == "POST"):
        raise method_not_allowed()
    return Call(
        verb=verb, resource=resource, namespace=namespace, name=name, subresource=subresource
    )


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    if method in ("GET", "HEAD"):
        if query.get("watch") in ("true", "1"):
            return "watch"
        return "get" if name else "list"
    if method not in _VERBS or (method != "POST" and not name):
        raise method_not_allowed()
    return _VERBS[method]
