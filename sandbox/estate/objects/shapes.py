"""The types of Kubernetes' objects: fields, merge keys, and what is written when it is empty.

`shapes.json` holds one line a field: its type, then words. `[x]` is a list of x, `{x}` a map to x.
The words: `keys=`, `set` and `atomic` say how an applied list or map is merged, `merge`, `merge=`
and `retain` how a strategic merge patch treats it; `kept` marks pointers, whose zero value is
written, `always` what is written even when it was never given; `default=` and `enum=` speak for
themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeAlias

from sandbox.estate.resources import Resource

_FILE = Path(__file__).with_name("shapes.json")
_WHOLE = "*"  # the entry that says how a whole structure is merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A value without parts; `name` is the type's: string, int32, quantity."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anything:
    """A value of any form: the inside of a custom object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf:
    """A list; with `keys` its items are told apart by these fields, as a `set` by their value."""

    item: Shape
    keys: tuple[str, ...] = ()
    is_set: bool = False

    @property
    def atomic(self) -> bool:
        """Tell whether the list has one owner and is replaced as a whole."""
        return not self.keys and not self.is_set


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf:
    """An object with arbitrary keys."""

    item: Shape
    atomic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Struct:
    """An object with known fields."""

    name: str
    fields: Mapping[str, Field]
    atomic: bool = False

    @property
    def short(self) -> str:
        """Return the name without its package: `DeploymentSpec`."""
        return self.name.rpartition(".")[2]


Shape: TypeAlias = Scalar | Anything | ListOf | MapOf | Struct


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a structure."""

    shape: Shape
    kept: bool = False
    always: bool = False
    default: str = ""
    values: tuple[str, ...] = ()
    merges: bool = False
    merge_key: str = ""
    retains: bool = False


@dataclass(slots=True, kw_only=True)
class _Words:
    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)


def shape_of(resource: Resource) -> Struct:
    """Return the type of a kind's objects."""
    if resource.custom:
        return _custom()
    group = resource.group.partition(".")[0] or "core"
    return struct(f"{group}.{resource.version}.{resource.kind}")


@cache
def struct(name: str) -> Struct:
    """Return a structure by its name: `core.v1.PodSpec`."""
    entries = dict(_entries()[name])
    atomic = entries.pop(_WHOLE, "") == "atomic"
    fields = {key: _field(text) for key, text in entries.items()}
    return Struct(name=name, fields=fields, atomic=atomic)


@cache
def _custom() -> Struct:
    text = Field(shape=Scalar(name="string"))
    meta = Field(shape=struct("meta.v1.ObjectMeta"), always=True)
    inside = Field(shape=Anything())
    fields = {"apiVersion": text, "kind": text, "metadata": meta, "spec": inside, "status": inside}
    return Struct(name="custom", fields=fields)


@cache
def _entries() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def _field(text: str) -> Field:
    kind, *rest = text.split(" ")
    words = _Words()
    for word in rest:
        name, equals, value = word.partition("=")
        if equals:
            words.values[name] = value
        words.flags.add(name)
    return Field(
        shape=_shape(kind, words),
        kept="kept" in words.flags,
        always="always" in words.flags,
        default=words.values.get("default", ""),
        values=_listed(words, "enum"),
        merges="merge" in words.flags,
        merge_key=words.values.get("merge", ""),
        retains="retain" in words.flags,
    )


def _shape(kind: str, words: _Words) -> Shape:
    if kind.startswith("["):
        item = _shape(kind[1:-1], _Words())
        return ListOf(item=item, keys=_listed(words, "keys"), is_set="set" in words.flags)
    if kind.startswith("{"):
        return MapOf(item=_shape(kind[1:-1], _Words()), atomic="atomic" in words.flags)
    if kind == "any":
        return Anything()
    return struct(kind) if "." in kind else Scalar(name=kind)


def _listed(words: _Words, name: str) -> tuple[str, ...]:
    value = words.values.get(name, "")
    return tuple(value.split(",")) if value else ()
