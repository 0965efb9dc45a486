"""How an applied configuration is merged into an object, and fields are taken out of one."""

from __future__ import annotations

from typing import Any

from sandbox.estate.objects.comparing import deduced, is_leaf, item_step, part_shape
from sandbox.estate.objects.paths import Path, Paths, by_step, field_step
from sandbox.estate.objects.shapes import Anything, ListOf, MapOf, Scalar, Shape, Struct
from sandbox.estate.values import Object


def merge(live: Object, config: Object, shape: Struct) -> Object:
    """Return the live object with everything that the configuration sets."""
    merged = _merged(live, config, shape)
    assert isinstance(merged, dict)
    return merged


def without(value: Object, paths: Paths, shape: Struct) -> Object:
    """Return an object without these fields and items; atomic parts stay whole."""
    kept = _without(value, paths, shape)
    return kept if isinstance(kept, dict) else {}


def with_parents(paths: Paths, shape: Shape) -> Paths:
    """Return the paths, and of what they lead through the declared fields."""
    found: set[Path] = {path for path in paths if len(path) == 1}
    for step, rest in by_step(paths).items():
        if not rest:
            continue
        inner: Shape = Anything()
        if step.startswith("f:") and isinstance(shape, (Struct, MapOf)):
            inner = part_shape(shape, step[2:])
            if isinstance(shape, Struct) and step[2:] in shape.fields:
                found.add((step,))
        elif isinstance(shape, ListOf):
            inner = shape.item
        found.update((step, *path) for path in with_parents(rest, inner))
    return frozenset(found)


def _merged(old: Any, new: Any, shape: Shape) -> Any:
    here = deduced(shape, new)
    if is_leaf(here, old, new):
        return new
    if isinstance(here, ListOf):
        return _merged_list(old or [], new or [], here)
    assert not isinstance(here, Scalar)
    before, after = old or {}, new or {}
    result = dict(before)
    for name, value in after.items():
        member = part_shape(here, name)
        result[name] = _merged(before[name], value, member) if name in before else value
    return result


def _merged_list(old: list[Any], new: list[Any], shape: ListOf) -> list[Any]:
    """Merge by key; the order is that of `new`, with what only `old` has left where it was."""
    before = {item_step(shape, item): item for item in old}
    after = {item_step(shape, item): item for item in new}
    waiting = list(after)
    result: list[Any] = []

    def take(step: str) -> None:
        item = after[step]
        result.append(_merged(before[step], item, shape.item) if step in before else item)

    for step, item in before.items():
        if step not in after:
            result.append(item)
        elif step in waiting:
            upto = waiting.index(step) + 1
            for earlier in waiting[:upto]:
                take(earlier)
            del waiting[:upto]
    for step in waiting:
        take(step)
    return result


def _without(value: Any, paths: Paths, shape: Shape) -> Any:
    here = deduced(shape, value)
    if isinstance(here, Scalar) or not value:
        return value
    if not isinstance(here, Anything) and here.atomic:
        return None
    rest = by_step(paths)
    if isinstance(here, ListOf):
        return _items_without(value, paths, rest, here)
    result = {}
    for name, member in value.items():
        step = field_step(name)
        if (step,) in paths:
            continue
        inner = rest.get(step)
        result[name] = _without(member, inner, part_shape(here, name)) if inner else member
    return result or None


def _items_without(
    value: list[Any], paths: Paths, rest: dict[str, Paths], shape: ListOf
) -> list[Any] | None:
    result = []
    for item in value:
        step = item_step(shape, item)
        if (step,) in paths:
            continue
        inner = rest.get(step)
        result.append(_without(item, inner, shape.item) if inner else item)
    return result or None
