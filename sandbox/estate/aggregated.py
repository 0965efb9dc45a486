"""All groups and kinds in one document: what newer clients ask in place of many small ones.

`kubernetes` answers `/api` and `/apis` with it if a client says that it reads it.
"""

from __future__ import annotations

from sandbox.estate.discovery import subresource_verbs
from sandbox.estate.resources import EXEC, RESOURCES, SCALE, Resource
from sandbox.estate.values import Object

CONTENT_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def answer(path: str, accept: str) -> Object | None:
    """Return the document under a path, or nothing if it is none or not wanted."""
    if CONTENT_TYPE not in accept.replace(" ", ""):
        return None
    match path.strip("/"):
        case "api":
            return _document([_group("")])
        case "apis":
            names = dict.fromkeys(item.group for item in RESOURCES if item.group)
            return _document([_group(name) for name in names])
        case _:
            return None


def _document(groups: list[Object]) -> Object:
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": groups,
    }


def _group(name: str) -> Object:
    served = [item for item in RESOURCES if item.group == name]
    versions = [
        {
            "version": version,
            "resources": [_entry(item) for item in served if item.version == version],
            "freshness": "Current",
        }
        for version in dict.fromkeys(item.version for item in served)
    ]
    return {"metadata": {"name": name} if name else {}, "versions": versions}


def _entry(item: Resource) -> Object:
    entry: Object = {
        "resource": item.plural,
        "responseKind": _kind(item),
        "scope": "Namespaced" if item.namespaced else "Cluster",
        "singularResource": item.singular,
        "verbs": list(item.verbs),
    }
    if item.short:
        entry["shortNames"] = list(item.short)
    if item.everyday:
        entry["categories"] = ["all"]
    if item.subresources:
        entry["subresources"] = [_subresource(item, name) for name in sorted(item.subresources)]
    return entry


def _subresource(item: Resource, name: str) -> Object:
    others = {
        SCALE: {"group": "autoscaling", "version": "v1", "kind": "Scale"},
        EXEC: {"group": "", "version": "", "kind": "PodExecOptions"},
    }
    return {
        "subresource": name,
        "responseKind": others.get(name) or _kind(item),
        "verbs": subresource_verbs(name),
    }


def _kind(item: Resource) -> Object:
    if item.custom:
        return {"group": item.group, "version": item.version, "kind": item.kind}
    return {"group": "", "version": "", "kind": item.kind}
