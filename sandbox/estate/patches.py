"""The three kinds of patch that the API server applies to an object.

Strategic merge is the one that mocks get wrong: lists of containers, variables and ports are
merged by their key, so that patching one image keeps a sidecar.
"""

from __future__ import annotations

from typing import Any

from sandbox.estate.statuses import bad_request, patch_failed
from sandbox.estate.values import Object, clone

_MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port"),  # of a container, of a Service
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
}
_PRIMITIVE_SETS = {"finalizers"}


def merge_patch(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_merge(target: Object, patch: Object) -> Object:
    """Apply a strategic merge patch, with its `$patch`, `$retainKeys` and order directives."""
    patch = dict(patch)
    directive = patch.pop("$patch", None)
    if directive == "replace":
        return _without_directives(patch)
    if directive == "delete":
        return {}
    result = dict(target)
    kept = patch.pop("$retainKeys", None)
    orders = {key: patch.pop(key) for key in list(patch) if key.startswith("$setElementOrder/")}
    removals = {
        key: patch.pop(key) for key in list(patch) if key.startswith("$deleteFromPrimitiveList/")
    }
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge_value(key, result.get(key), value)
    for name, values in removals.items():
        key = name.partition("/")[2]
        result[key] = [item for item in result.get(key) or [] if item not in values]
    for name, order in orders.items():
        _reorder(result, name.partition("/")[2], order)
    if kept is not None:
        result = {key: value for key, value in result.items() if key in kept}
    return result


def _merge_value(key: str, old: Any, new: Any) -> Any:
    if isinstance(new, dict):
        return strategic_merge(old if isinstance(old, dict) else {}, new)
    if isinstance(new, list) and key in _PRIMITIVE_SETS:
        return [*(old or []), *(item for item in new if item not in (old or []))]
    if isinstance(new, list) and key in _MERGE_KEYS:
        return _merge_list(key, old or [], new)
    return new


def _merge_list(key: str, old: list[Any], new: list[Any]) -> list[Any]:
    if any(item.get("$patch") == "replace" for item in new):
        return [item for item in new if "$patch" not in item]
    result = list(old)
    for item in new:
        name = _merge_key(key, item)
        at = next((i for i, entry in enumerate(result) if entry.get(name) == item[name]), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del result[at]
        elif at is None:
            result.append(strategic_merge({}, item))
        else:
            result[at] = strategic_merge(result[at], item)
    return result


def _merge_key(key: str, item: Object) -> str:
    for name in _MERGE_KEYS[key]:
        if name in item:
            return name
    raise bad_request(f"map: {item} does not contain declared merge key: {_MERGE_KEYS[key][0]}")


def _reorder(result: Object, key: str, order: list[Any]) -> None:
    items = result.get(key)
    if not items:
        return
    if not isinstance(order[0] if order else None, dict):
        result[key] = sorted(items, key=lambda item: _index(order, item))
        return
    name = next(name for name in _MERGE_KEYS[key] if name in order[0])
    names = [entry[name] for entry in order]
    result[key] = sorted(items, key=lambda item: _index(names, item.get(name)))


def _index(order: list[Any], value: Any) -> int:
    return order.index(value) if value in order else len(order)


def _without_directives(patch: Object) -> Object:
    return {key: value for key, value in patch.items() if not key.startswith("$")}


def json_patch(target: Object, operations: list[Object]) -> Object:
    """Apply a JSON patch (RFC 6902), all of it or nothing."""
    document: Any = clone(target)
    for operation in operations:
        try:
            document = _apply(document, operation)
        except (KeyError, IndexError, ValueError, TypeError):
            raise patch_failed() from None
    if not isinstance(document, dict):
        raise patch_failed()
    return document


def _apply(document: Any, operation: Object) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _set(document, path, operation["value"], insert=True)
        case "replace":
            _get(document, path)
            return _set(document, path, operation["value"], insert=False)
        case "remove":
            return _remove(document, path)
        case "test":
            if _get(document, path) != operation["value"]:
                raise ValueError("test failed")
            return document
        case "copy":
            value = _get(document, _pointer(operation["from"]))
            return _set(document, path, value, insert=True)
        case "move":
            origin = _pointer(operation["from"])
            value = _get(document, origin)
            return _set(_remove(document, origin), path, value, insert=True)
        case unknown:
            raise ValueError(f"unknown operation {unknown}")


def _pointer(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError("a pointer starts with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _get(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _set(document: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        at = len(parent) if last == "-" else int(last)
        if insert:
            parent.insert(at, value)
        else:
            parent[at] = value
    else:
        parent[last] = value
    return document


def _remove(document: Any, path: list[str]) -> Any:
    parent, last = _get(document, path[:-1]), path[-1]
    del parent[int(last) if isinstance(parent, list) else last]
    return document
