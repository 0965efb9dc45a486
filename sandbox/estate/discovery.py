"""What a client asks first: the server's version, groups and kinds."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from sandbox.estate.resources import EXEC, LOG, RESOURCES, SCALE, Resource
from sandbox.estate.values import Object

VERSION: Object = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3",
    "gitCommit": "sandbox",
    "gitTreeState": "clean",
    "buildDate": "2026-10-14T09:12:44Z",
    "goVersion": "go1.26.8",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_GETS = ("get", "patch", "update")


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
        case ["apis", group, version] if version in _groups().get(group, ()):
            return _resource_list(group, version)
    return None


def subresource_verbs(name: str) -> list[str]:
    """Return what can be done with a subresource."""
    return list({LOG: ("get",), EXEC: ("create", "get")}.get(name, _GETS))


def _groups() -> dict[str, list[str]]:
    """Return the versions of each group, the preferred one first."""
    found: dict[str, list[str]] = {}
    for item in RESOURCES:
        versions = found.setdefault(item.group, [])
        if item.group and item.version not in versions:
            versions.append(item.version)
    del found[""]
    return found


def _group(name: str) -> Object:
    versions = [
        {"groupVersion": f"{name}/{version}", "version": version} for version in _groups()[name]
    ]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": versions,
        "preferredVersion": versions[0],
    }


def _group_list() -> Object:
    groups = [_group(name) for name in _groups()]
    for group in groups:
        del group["kind"], group["apiVersion"]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _resource_list(group: str, version: str) -> Object:
    served = [item for item in RESOURCES if (item.group, item.version) == (group, version)]
    document: Object = {"kind": "APIResourceList"}
    if group:
        document["apiVersion"] = "v1"
    return document | {
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": list(_entries(served)),
    }


def _entries(served: Iterable[Resource]) -> Iterable[Object]:
    for item in sorted(served, key=lambda item: item.plural):
        entry: Object = {
            "name": item.plural,
            "singularName": item.singular,
            "namespaced": item.namespaced,
            "kind": item.kind,
            "verbs": list(item.verbs),
        }
        if item.short:
            entry["shortNames"] = list(item.short)
        if item.everyday:
            entry["categories"] = ["all"]
        if "get" in item.verbs:
            entry["storageVersionHash"] = _stored_as(item)
        yield entry
        for name in item.subresources:
            yield _subresource(item, name)


def _stored_as(item: Resource) -> str:
    """Return the digest of the version that a kind is stored in: the preferred one."""
    version = _groups()[item.group][0] if item.group else item.version
    digest = hashlib.sha256(f"{item.group}/{version}/{item.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _subresource(item: Resource, name: str) -> Object:
    entry: Object = {
        "name": f"{item.plural}/{name}",
        "singularName": "",
        "namespaced": item.namespaced,
        "kind": {SCALE: "Scale", EXEC: "PodExecOptions"}.get(name, item.kind),
        "verbs": subresource_verbs(name),
    }
    return entry | ({"group": "autoscaling", "version": "v1"} if name == SCALE else {})
