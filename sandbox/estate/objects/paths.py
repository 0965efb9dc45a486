"""Sets of field paths, as `managedFields` keeps them.

A path is a tuple of steps in their written form: `f:spec`, `k:{"name":"app"}`, `v:"finalizer"`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from sandbox.estate.values import Object

Path: TypeAlias = tuple[str, ...]
Paths: TypeAlias = frozenset[Path]

NOTHING: Paths = frozenset()
_SELF = "."


def field_step(name: str) -> str:
    """Return the step to a field."""
    return f"f:{name}"


def key_step(item: Mapping[str, Any]) -> str:
    """Return the step to the item of a list that has these values in its key fields."""
    return f"k:{json.dumps(dict(sorted(item.items())), separators=(',', ':'))}"


def value_step(value: object) -> str:
    """Return the step to a value of a set."""
    return f"v:{json.dumps(value, separators=(',', ':'))}"


def to_fields(paths: Iterable[Path]) -> Object:
    """Return paths in the nested form of `fieldsV1`."""
    root: Object = {}
    for path in sorted(paths):
        node = root
        for step in path:
            node = node.setdefault(step, {})
        node[_SELF] = {}
    return _without_lone_selves(root)


def from_fields(fields: Object) -> Paths:
    """Read `fieldsV1`."""
    found: set[Path] = set()
    _collect(fields, (), found)
    return frozenset(found)


def shown(path: Path) -> str:
    """Return a path as messages write it: `.spec.containers[name="app"].image`."""
    return "".join(_shown(step) for step in path)


def below(paths: Paths, step: str) -> Paths:
    """Return what is under a step, seen from there."""
    return frozenset(path[1:] for path in paths if path[0] == step and len(path) > 1)


def by_step(paths: Paths) -> dict[str, Paths]:
    """Return, for every first step, what is under it."""
    found: dict[str, set[Path]] = {}
    for path in paths:
        rest = found.setdefault(path[0], set())
        if len(path) > 1:
            rest.add(path[1:])
    return {step: frozenset(rest) for step, rest in found.items()}


def _without_lone_selves(node: Object) -> Object:
    if list(node) == [_SELF]:
        return {}
    return {
        step: {} if step == _SELF else _without_lone_selves(rest) for step, rest in node.items()
    }


def _collect(node: Object, path: Path, found: set[Path]) -> None:
    if path and (not node or _SELF in node):
        found.add(path)
    for step, rest in node.items():
        if step != _SELF:
            _collect(rest, (*path, step), found)


def _shown(step: str) -> str:
    kind, _, rest = step.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "v":
        return f"[={rest}]"
    keys = json.loads(rest)
    pairs = ",".join(f"{name}={json.dumps(value)}" for name, value in keys.items())
    return f"[{pairs}]"
