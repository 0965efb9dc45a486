"""Strategic merge patches: lists of containers, variables and ports are merged by their keys.

Mocks get this wrong, so that patching one image drops a sidecar. Items that only the server has
keep their place among those of the patch, and what the patch adds comes first.
"""

from __future__ import annotations

from typing import Any

from sandbox.estate.objects.comparing import part_shape
from sandbox.estate.objects.shapes import Anything, Field, ListOf, Scalar, Shape, Struct
from sandbox.estate.values import Object

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


class MergeKeyError(ValueError):
    """An item of a patch lacks the field by which its list is merged."""


def strategic_merge(target: Object, patch: Object, shape: Shape) -> Object:
    """Return an object with a strategic merge patch applied."""
    match patch.get(_DIRECTIVE):
        case "replace":
            return {key: value for key, value in patch.items() if key != _DIRECTIVE}
        case "delete":
            return {}
        case _:
            pass
    result = dict(target)
    if _RETAIN in patch:
        result = {key: value for key, value in result.items() if key in patch[_RETAIN]}
    for key, value in patch.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            result[name] = [item for item in result.get(name) or [] if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            order = patch.get(f"{_ORDER}{key}")
            result[key] = _merged(result.get(key), value, _entry(shape, key), order)
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and name not in patch and isinstance(result.get(name), list):
            result[name] = _ordered(result[name], [], order, result[name], _entry(shape, name))
    return result


def _entry(shape: Shape, name: str) -> Field:
    if isinstance(shape, Struct) and name in shape.fields:
        return shape.fields[name]
    if isinstance(shape, (Scalar, ListOf)):
        return Field(shape=Anything())
    return Field(shape=part_shape(shape, name))


def _merged(old: Any, new: Any, entry: Field, order: list[Any] | None) -> Any:
    if isinstance(new, dict):
        if not isinstance(old, dict):
            return _plain(new)
        return strategic_merge(old, new, entry.shape)
    if isinstance(new, list) and entry.merges and isinstance(old, list):
        if entry.merge_key:
            return _merged_list(old, new, entry, order)
        both = [*old, *(item for item in new if item not in old)]
        return _ordered(both, new, order or new, old, entry)
    return _plain(new)


def _merged_list(
    old: list[Any], new: list[Any], entry: Field, order: list[Any] | None
) -> list[Any]:
    if any(item.get(_DIRECTIVE) == "replace" for item in new):
        return [item for item in new if _DIRECTIVE not in item]
    assert isinstance(entry.shape, ListOf)
    key, inner = entry.merge_key, entry.shape.item
    result = list(old)
    kept = []
    for item in new:
        if key not in item:
            raise MergeKeyError(f"map: {_go_map(item)} does not contain declared merge key: {key}")
        if item.get(_DIRECTIVE) == "delete":
            result = [entry for entry in result if entry.get(key) != item[key]]
            continue
        kept.append(item)
        at = next((i for i, entry in enumerate(result) if entry.get(key) == item[key]), None)
        if at is None:
            result.append(_plain(item))
        else:
            result[at] = strategic_merge(result[at], item, inner)
    return _ordered(result, kept, order or kept, old, entry)


def _ordered(
    items: list[Any], patch: list[Any], order: list[Any], server: list[Any], entry: Field
) -> list[Any]:
    """Interleave the items of the patch, in its order, with those that only the server has."""
    wanted = [_key(item, entry) for item in order]
    places = [_key(item, entry) for item in server]
    of_patch = {_hashable(_key(item, entry)) for item in [*patch, *order]}
    left = [item for item in items if _hashable(_key(item, entry)) not in of_patch]
    right = [item for item in items if _hashable(_key(item, entry)) in of_patch]
    right.sort(key=lambda item: _index(wanted, _key(item, entry)))
    result = []
    while left and right:
        mine, theirs = _key(left[0], entry), _key(right[0], entry)
        known = mine in places and theirs in places
        first = left if known and places.index(mine) < places.index(theirs) else right
        result.append(first.pop(0))
    return [*result, *left, *right]


def _key(item: Any, entry: Field) -> Any:
    return item.get(entry.merge_key) if isinstance(item, dict) else item


def _hashable(value: Any) -> str:
    return repr(value)


def _index(order: list[Any], value: Any) -> int:
    return order.index(value) if value in order else len(order)


def _plain(value: Any) -> Any:
    """Return a patch's value as it is where nothing was: without directives and nulls."""
    if isinstance(value, dict):
        return {
            key: _plain(member)
            for key, member in value.items()
            if member is not None and not key.startswith("$")
        }
    if isinstance(value, list):
        return [_plain(item) for item in value if not _is_deletion(item)]
    return value


def _is_deletion(item: Any) -> bool:
    return isinstance(item, dict) and item.get(_DIRECTIVE) == "delete"


def _go_map(item: Object) -> str:
    pairs = " ".join(f"{key}:{value}" for key, value in sorted(item.items()))
    return f"map[{pairs}]"
