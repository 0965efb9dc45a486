"""Reads a Kubernetes API path and method into what is asked: verb, kind, place, name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.estate.resources import EXEC, LOG, NAMESPACES, Resource, find, serves
from sandbox.estate.statuses import method_not_allowed, no_such_resource

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class NoSuchPathError(Exception):
    """Nothing is served there, which the real server says in plain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to the API server, in RBAC's words."""

    verb: str
    resource: Resource
    namespace: str
    name: str
    subresource: str

    @property
    def target(self) -> str:
        """Return what rights are about: `deployments`, `deployments/scale`."""
        plural = self.resource.plural
        return f"{plural}/{self.subresource}" if self.subresource else plural


def parse(method: str, path: str, query: Mapping[str, str]) -> Call:
    """Return the call that `api/v1/…` or `apis/GROUP/VERSION/…` stands for."""
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            raise NoSuchPathError
    if not rest and not serves(group, version) and not _served_group(group):
        raise NoSuchPathError
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and not _is_namespace_part(rest):
        namespace, rest = rest[1], rest[2:]
    resource = find(group, version, rest[0]) if rest else None
    if resource is None or len(rest) > 3:
        raise no_such_resource()
    if resource == NAMESPACES and len(rest) > 1:
        namespace = ""
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if subresource and subresource not in resource.subresources:
        raise no_such_resource()
    verb = _verb(method, name, query)
    if verb not in resource.verbs or (subresource in (LOG, EXEC) and verb != "get"):
        raise method_not_allowed()
    return Call(
        verb=verb, resource=resource, namespace=namespace, name=name, subresource=subresource
    )


def _served_group(group: str) -> bool:
    return any(serves(group, version) for version in ("v1", "v2", "v1beta1", "v1alpha1"))


def _is_namespace_part(rest: list[str]) -> bool:
    return len(rest) == 3 and rest[2] in NAMESPACES.subresources


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    if method in ("GET", "HEAD"):
        if query.get("watch") in ("true", "1"):
            return "watch"
        return "get" if name else "list"
    if method == "DELETE" and not name:
        return "deletecollection"
    if method not in _VERBS or (method == "POST") == bool(name):
        raise method_not_allowed()
    return _VERBS[method]
