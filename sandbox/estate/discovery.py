"""What a client asks first: the server's version, groups and kinds."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.estate.resources import RESOURCES, Resource
from sandbox.estate.values import Object

VERSION: Object = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.4",
    "gitCommit": "sandbox",
    "gitTreeState": "clean",
    "buildDate": "2025-04-22T16:01:54Z",
    "goVersion": "go1.23.6",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def answer(path: str) -> Object | None:
    """Return the discovery document under a path, or nothing if it is none."""
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            return _group_list()
        case ["apis", group]:
            return _group(group) if group in _groups() else None
        case ["api", "v1"]:
            return _resource_list("", "v1")
        case ["apis", group, version] if _groups().get(group) == version:
            return _resource_list(group, version)
    return None


def _groups() -> dict[str, str]:
    return {item.group: item.version for item in RESOURCES if item.group}


def _group(name: str) -> Object:
    version = {"groupVersion": f"{name}/{_groups()[name]}", "version": _groups()[name]}
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": [version],
        "preferredVersion": version,
    }


def _group_list() -> Object:
    groups = [_group(name) for name in _groups()]
    for group in groups:
        del group["kind"], group["apiVersion"]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _resource_list(group: str, version: str) -> Object:
    served = [item for item in RESOURCES if (item.group, item.version) == (group, version)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": list(_entries(served)),
    }


def _entries(served: Iterable[Resource]) -> Iterable[Object]:
    for item in served:
        entry: Object = {
            "name": item.plural,
            "singularName": item.singular,
            "namespaced": item.namespaced,
            "kind": item.kind,
            "verbs": list(item.verbs),
        }
        yield entry | ({"shortNames": list(item.short)} if item.short else {})
        if item.scalable:
            yield {
                "name": f"{item.plural}/scale",
                "singularName": "",
                "namespaced": True,
                "group": "autoscaling",
                "version": "v1",
                "kind": "Scale",
                "verbs": ["get", "patch", "update"],
            }
