"""JSON patches (RFC 6902) and merge patches (RFC 7386), as the API server applies them."""

from __future__ import annotations

from typing import Any

from sandbox.estate.values import Object, clone


class PatchError(ValueError):
    """The patch doesn't fit the object: a false `test`, a path that isn't there."""


def merge_patch(target: Any, patch: Any) -> Any:
    """Return a value with a JSON merge patch applied."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(target: Object, operations: list[Any]) -> Object:
    """Return an object with all operations applied; raise `PatchError` for the first that fails."""
    document: Any = clone(target)
    for operation in operations:
        try:
            document = _apply(document, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise PatchError(str(error)) from None
    if not isinstance(document, dict):
        raise PatchError("the document is no object any more")
    return document


def _apply(document: Any, operation: Object) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "add":
            return _set(document, path, operation.get("value"), insert=True)
        case "replace":
            _parent(document, path)
            return _set(document, path, operation.get("value"), insert=False)
        case "remove":
            return _remove(document, path)
        case "test":
            _test(document, path, operation.get("value"))
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


def _parent(document: Any, path: list[str]) -> None:
    """Ask only for the parent: the server's library lets `replace` add a member of an object."""
    parent = _get(document, path[:-1])
    if isinstance(parent, list):
        parent[int(path[-1])]
    elif not isinstance(parent, dict):
        raise TypeError("the parent is neither object nor list")


def _test(document: Any, path: list[str], value: Any) -> None:
    try:
        found = _get(document, path)
    except KeyError:
        found = None  # an absent member passes a test for null
    if found != value:
        raise ValueError("test failed")


def _set(document: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    parent, last = _get(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        at = len(parent) if last == "-" else int(last)
        if not 0 <= at <= len(parent):
            raise IndexError("no such place in the list")
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
