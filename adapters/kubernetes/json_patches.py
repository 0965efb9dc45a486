"""Operations of a JSON patch (RFC 6902), which changes nothing unless all its tests hold.  Pure.

Called by the actions that change single fields, here and in `adapters.istio`.
"""

from collections.abc import Iterable
from typing import Any

Operation = dict[str, Any]
Part = str | int


def pointer(path: Iterable[Part]) -> str:
    """Write a path the way a patch takes it: keys may hold slashes."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return "".join(f"/{part}" for part in escaped)


def test(path: Iterable[Part], value: Any) -> Operation:
    """Have the whole patch refused unless just this value is there; nested ones must be equal."""
    return {"op": "test", "path": pointer(path), "value": value}


def replace(path: Iterable[Part], value: Any) -> Operation:
    """Write a value over one that is there."""
    return {"op": "replace", "path": pointer(path), "value": value}


def add(path: Iterable[Part], value: Any) -> Operation:
    """Set a member of an object, whether it is there or not."""
    return {"op": "add", "path": pointer(path), "value": value}


def remove(path: Iterable[Part]) -> Operation:
    """Take a member of an object away that is there."""
    return {"op": "remove", "path": pointer(path)}
