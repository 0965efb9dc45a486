"""Reads JSON as the typed server does: unknown fields fall out, wrong types are refused.

What comes back is what the server would write: pointers' zero values stay, other zero values and
empty lists go.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.estate.clock import RFC3339
from sandbox.estate.objects.quantities import QuantityError, canonical
from sandbox.estate.objects.shapes import Anything, Field, ListOf, MapOf, Scalar, Shape, Struct
from sandbox.estate.values import Object

_KINDS: dict[type, str] = {str: "string", bool: "bool", list: "array", dict: "object"}
_GO_TYPES = {"boolean": "bool", "number": "float64", "bytes": "[]uint8", "time": "string"}
_PLAIN: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "int32": (int,),
    "int64": (int,),
    "intstr": (int, str),
    "number": (int, float),
}
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


class DecodingError(ValueError):
    """A value has the wrong type; the message is the JSON library's."""


@dataclass(slots=True, kw_only=True)
class Decoded:
    """An object as the server reads it, and the fields that it doesn't know."""

    object: Object
    unknown: list[str] = field(default_factory=list)


def decode(body: Object, shape: Struct) -> Decoded:
    """Read an object; raise `DecodingError`."""
    reader = _Reader()
    return Decoded(object=reader.struct(body, shape, "", ""), unknown=reader.unknown)


class _Reader:
    """`path` names the place as warnings do, `fields` as errors do: without indexes."""

    def __init__(self) -> None:
        self.unknown: list[str] = []

    def struct(self, value: Any, shape: Struct, path: str, fields: str) -> Object:
        if not isinstance(value, dict):
            raise _mismatch(value, shape.short, fields, f"v1.{shape.short}")
        self.unknown += [_joined(path, name) for name in sorted(value.keys() - shape.fields.keys())]
        result: Object = {}
        for name, entry in shape.fields.items():
            read = self.member(value.get(name), entry, shape, (path, fields, name))
            if entry.always or read is not None:
                result[name] = read
        return result

    def member(self, value: Any, entry: Field, of: Struct, at: tuple[str, str, str]) -> Any:
        path, fields = _joined(at[0], at[2]), _joined(at[1], at[2])
        if value is None:
            return _absent(entry)
        read = self.value(value, entry.shape, of, path, fields)
        if entry.kept or entry.always or not _is_zero(read, entry.shape):
            return read
        return None

    def value(self, value: Any, shape: Shape, of: Struct, path: str, fields: str) -> Any:
        match shape:
            case Struct():
                return self.struct(value, shape, path, fields)
            case ListOf():
                if not isinstance(value, list):
                    raise _mismatch(value, of.short, fields, _go_type(shape))
                return [
                    self.value(item, shape.item, of, f"{path}[{at}]", fields)
                    for at, item in enumerate(value)
                ]
            case MapOf():
                if not isinstance(value, dict):
                    raise _mismatch(value, of.short, fields, _go_type(shape))
                return {
                    name: self.value(item, shape.item, of, f"{path}[{name}]", fields)
                    for name, item in value.items()
                    if item is not None or isinstance(shape.item, Scalar)
                }
            case Scalar():
                return _scalar(value, shape, of, fields)
            case Anything():
                return value


def _absent(entry: Field) -> Any:
    if not entry.always:
        return None
    if isinstance(entry.shape, Struct) and not entry.kept:
        return _Reader().struct({}, entry.shape, "", "")
    if isinstance(entry.shape, Scalar) and not entry.kept:
        return {"string": "", "boolean": False, "time": None}.get(entry.shape.name, 0)
    return None


def _is_zero(value: Any, shape: Shape) -> bool:
    if isinstance(shape, (Struct, Anything)):
        return value is None
    return not value


def _scalar(value: Any, shape: Scalar, of: Struct, fields: str) -> Any:
    if value is None:
        value = ""  # in a map of strings: Go reads null as the zero value
    match shape.name:
        case "quantity":
            return _quantity(value)
        case "bytes" if isinstance(value, str):
            return _bytes(value)
        case "time" if isinstance(value, str):
            return _time(value)
        case "raw":
            return value
        case name if type(value) in _PLAIN.get(name, ()):
            return value
        case _:
            pass
    raise _mismatch(value, of.short, fields, _GO_TYPES.get(shape.name, shape.name))


def _quantity(value: Any) -> str:
    try:
        return canonical(value)
    except QuantityError as error:
        raise DecodingError(str(error)) from None


def _bytes(value: str) -> str:
    try:
        return base64.b64encode(base64.b64decode(value, validate=True)).decode()
    except binascii.Error:
        wrong = _NOT_BASE64.search(value)
        at = wrong.start() if wrong else len(value) // 4 * 4
        raise DecodingError(f"illegal base64 data at input byte {at}") from None


def _time(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        problem = f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse'
        raise DecodingError(problem) from None
    if moment.microsecond:  # a MicroTime, in leases and events
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return moment.astimezone(UTC).strftime(RFC3339)


def _mismatch(value: Any, struct: str, fields: str, wanted: str) -> DecodingError:
    got = _KINDS.get(type(value), "number")
    if got == "number" and isinstance(value, float):
        got = f"number {json.dumps(value)}"
    where = f"Go struct field {struct}.{fields}" if fields else "Go value"
    return DecodingError(f"json: cannot unmarshal {got} into {where} of type {wanted}")


def _go_type(shape: Shape) -> str:
    match shape:
        case ListOf():
            return f"[]{_go_type(shape.item)}"
        case MapOf():
            return f"map[string]{_go_type(shape.item)}"
        case Struct():
            return f"v1.{shape.short}"
        case Scalar():
            return _GO_TYPES.get(shape.name, shape.name)
        case Anything():
            return "interface {}"


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
