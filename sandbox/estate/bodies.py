"""Reads the bodies that clients send into complete objects, with the server's complaints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.estate.objects.decoding import Decoded, DecodingError, decode
from sandbox.estate.objects.shapes import shape_of, struct
from sandbox.estate.resources import RESOURCES, Resource
from sandbox.estate.rules.kinds import rules_of
from sandbox.estate.statuses import ApiStatusError, Cause, bad_request, invalid_kind
from sandbox.estate.values import Object

STRICT = "Strict"
WARN = "Warn"
_SCALE_VERSION = "autoscaling/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An object as the server understands it, and what it warns about."""

    object: Object
    warnings: list[str]


def read_new(resource: Resource, data: bytes, validation: str) -> Read:
    """Read the body of a POST or PUT."""
    body = _parsed(data, resource.kind)
    version, kind = body.get("apiVersion") or resource.api_version, body.get("kind")
    _check_kind(resource, str(version), str(kind or resource.kind))
    try:
        decoded = decode(body, shape_of(resource))
    except DecodingError as error:
        raise bad_request(_unreadable(resource.kind, resource.version, str(error))) from None
    warnings = _warnings(decoded, validation)
    if decoded.unknown and validation == STRICT:
        problem = f"strict decoding error: {', '.join(warnings)}"
        raise bad_request(_unreadable(resource.kind, resource.version, problem))
    return Read(object=completed(resource, decoded.object), warnings=warnings)


def read_scale(data: bytes) -> Object:
    """Read the body of a PUT to `/scale`."""
    body = _parsed(data, "Scale")
    try:
        return decode(body, struct("autoscaling.v1.Scale")).object
    except DecodingError as error:
        raise bad_request(_unreadable("Scale", "v1", str(error))) from None


def read_patched(resource: Resource, patched: Object, shown: str, validation: str) -> Read:
    """Read an object as a patch left it; `shown` is how a refusal shows what it refuses."""
    try:
        decoded = decode(patched, shape_of(resource))
    except DecodingError as error:
        raise _bad_patch(shown, str(error)) from None
    warnings = _warnings(decoded, validation)
    if decoded.unknown and validation == STRICT:
        raise _bad_patch(shown, f"strict decoding error: {', '.join(warnings)}")
    return Read(object=completed(resource, decoded.object), warnings=warnings)


def completed(resource: Resource, item: Object) -> Object:
    """Return an object with everything filled in that the server fills in when it reads one."""
    item["apiVersion"], item["kind"] = resource.api_version, resource.kind
    rules_of(resource).fill(item)
    return item


def parse_json(data: bytes) -> Any:
    """Return JSON; `ValueError` with the message of the server's parser if it is none."""
    text = data.decode(errors="replace")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(_json_problem(text, error)) from None


def type_name(value: Any) -> str:
    """Return what the server's JSON library calls a value that it didn't expect."""
    names: dict[type, str] = {list: "array", dict: "object", str: "string", bool: "bool"}
    return names.get(type(value), "number")


def _parsed(data: bytes, kind: str) -> Object:
    try:
        body = parse_json(data or b"{}")
    except ValueError as error:
        raise _unrecognized(kind, str(error), data.decode(errors="replace")) from None
    if not isinstance(body, dict):
        wanted = (
            'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
            'Kind string "json:\\"kind,omitempty\\"" }'
        )
        problem = f"json: cannot unmarshal {type_name(body)} into Go value of type {wanted}"
        raise _unrecognized(kind, problem, data.hex())
    return body


def _unrecognized(kind: str, problem: str, shown: str) -> ApiStatusError:
    return bad_request(
        f"the object provided is unrecognized (must be of type {kind}): couldn't get "
        f"version/kind; json parse error: {problem} ({shown})"
    )


def _json_problem(text: str, error: json.JSONDecodeError) -> str:
    rest = text[error.pos :]
    if not rest.strip():
        return "unexpected end of JSON input"
    where = "looking for beginning of value"
    if "property name" in error.msg:
        where = "looking for beginning of object key string"
    elif "Extra data" in error.msg:
        where = "after top-level value"
    elif "delimiter" in error.msg:
        where = "after object key:value pair" if "," in error.msg else "after object key"
    return f"invalid character '{rest.lstrip()[0]}' {where}"


def _check_kind(resource: Resource, version: str, kind: str) -> None:
    if kind == resource.kind:
        if version != resource.api_version:
            raise bad_request(
                f"the API version in the data ({version}) does not match the expected API "
                f"version ({resource.api_version})"
            )
        return
    short = version.rpartition("/")[2]
    group = resource.group.partition(".")[0] or "core"
    if any(item.api_version == version and item.kind == kind for item in RESOURCES):
        problem = f"converting ({short}.{kind}) to ({group}.{resource.kind}): unknown conversion"
    else:
        problem = (
            f'no kind "{kind}" is registered for version "{version}" in scheme '
            '"pkg/runtime/scheme.go:111"'
        )
    message = f'{kind} in version "{short}" cannot be handled as a {resource.kind}: {problem}'
    raise bad_request(message)


def _unreadable(kind: str, version: str, problem: str) -> str:
    return f'{kind} in version "{version}" cannot be handled as a {kind}: {problem}'


def _bad_patch(shown: str, problem: str) -> ApiStatusError:
    value = json.dumps(shown)
    return invalid_kind(
        "", "", [Cause(field="patch", problem=f"Invalid value: {value}: {problem}")]
    )


def _warnings(decoded: Decoded, validation: str) -> list[str]:
    if validation not in (STRICT, WARN):
        return []
    return [f'unknown field "{name}"' for name in decoded.unknown]
