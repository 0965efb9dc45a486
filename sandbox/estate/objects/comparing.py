"""Which fields two objects differ in, and which fields an object has, by their types.

What `managedFields` records is defined by these two functions; `ownership` calls them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.estate.objects.paths import Path, Paths, field_step, key_step, value_step
from sandbox.estate.objects.shapes import Anything, ListOf, MapOf, Scalar, Shape, Struct
from sandbox.estate.values import Object


class _Missing:
    """Stands for a value that isn't there, which `None` (JSON's null) is."""


_MISSING = _Missing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The fields that a change added, changed and removed."""

    added: Paths
    modified: Paths
    removed: Paths


def compare(old: Object, new: Object, shape: Struct) -> Difference:
    """Return what changed from `old` to `new`."""
    found = _Comparison()
    found.compare((), old, new, shape)
    return Difference(
        added=frozenset(found.added) - {()},
        modified=frozenset(found.modified),
        removed=frozenset(found.removed) - {()},
    )


def fields_of(value: Object, shape: Struct) -> Paths:
    """Return every field that an object sets."""
    found: set[Path] = set()
    _add_fields((), value, shape, found)
    return frozenset(found)


def blank(shape: Struct) -> Object:
    """Return an object of this type in which nothing was set, as a typed server holds it."""
    return {
        name: blank(entry.shape)
        if isinstance(entry.shape, Struct) and not entry.kept
        else _zero(entry.shape)
        for name, entry in shape.fields.items()
        if entry.always
    }


def item_step(shape: ListOf, item: Any) -> str:
    """Return the step to an item of a list that isn't atomic."""
    if shape.is_set:
        return value_step(item)
    keys = {}
    for name in shape.keys:
        if name in item:
            keys[name] = item[name]
        elif isinstance(shape.item, Struct) and shape.item.fields[name].default:
            keys[name] = shape.item.fields[name].default
    return key_step(keys)


def part_shape(shape: Struct | MapOf | Anything, name: str) -> Shape:
    """Return the type of an object's member."""
    if isinstance(shape, Struct):
        entry = shape.fields.get(name)
        return entry.shape if entry else Anything()
    return shape.item if isinstance(shape, MapOf) else shape


def deduced(shape: Shape, value: Any) -> Shape:
    """Return what a value of arbitrary form is merged as: maps by key, lists as a whole."""
    if not isinstance(shape, Anything) or isinstance(value, dict):
        return shape
    if isinstance(value, list):
        return ListOf(item=shape)
    return Scalar(name="any")


def is_leaf(shape: Shape, old: Any, new: Any) -> bool:
    """Tell whether two values are compared as a whole."""
    if isinstance(shape, Scalar):
        return True
    atomic = not isinstance(shape, Anything) and shape.atomic
    return atomic or not (_members(old) or _members(new))


def _members(value: Any) -> Any:
    return value if isinstance(value, (dict, list)) else None


def _zero(shape: Shape) -> Any:
    if not isinstance(shape, Scalar):
        return None
    return {"string": "", "boolean": False}.get(shape.name, 0)


@dataclass(slots=True)
class _Comparison:
    added: set[Path] = field(default_factory=set)
    modified: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)

    def compare(self, path: Path, old: Any, new: Any, shape: Shape) -> None:
        here = deduced(shape, old if new is _MISSING else new)
        if is_leaf(here, old, new):
            if old is not _MISSING and new is not _MISSING and old != new:
                self.modified.add(path)
        elif isinstance(here, ListOf):
            self._items(path, old, new, here)
        else:
            assert not isinstance(here, Scalar)
            self._members(path, old, new, here)
        if old is _MISSING:
            self.added.add(path)
        elif new is _MISSING:
            self.removed.add(path)

    def _members(self, path: Path, old: Any, new: Any, shape: Struct | MapOf | Anything) -> None:
        before = old if isinstance(old, dict) else {}
        after = new if isinstance(new, dict) else {}
        for name in before.keys() | after.keys():
            self.compare(
                (*path, field_step(name)),
                before.get(name, _MISSING),
                after.get(name, _MISSING),
                part_shape(shape, name),
            )

    def _items(self, path: Path, old: Any, new: Any, shape: ListOf) -> None:
        before = {item_step(shape, item): item for item in _listed(old)}
        after = {item_step(shape, item): item for item in _listed(new)}
        for step in before.keys() | after.keys():
            self.compare(
                (*path, step), before.get(step, _MISSING), after.get(step, _MISSING), shape.item
            )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _add_fields(path: Path, value: Any, shape: Shape, found: set[Path]) -> None:
    here = deduced(shape, value)
    if isinstance(here, Scalar) or (not isinstance(here, Anything) and here.atomic):
        found.add(path)
    elif isinstance(here, ListOf):
        for item in _listed(value):
            step = (*path, item_step(here, item))
            _add_fields(step, item, here.item, found)
            found.add(step)
    elif isinstance(value, dict):
        for name, member in value.items():
            step = (*path, field_step(name))
            _add_fields(step, member, part_shape(here, name), found)
            known = isinstance(here, Struct) and name in here.fields
            if not known or member is None or member == {}:
                found.add(step)
