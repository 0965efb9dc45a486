"""What pydantic says about a file, in words that help at three in the morning.

`config.loader` and `config.settings` call this; nothing else sees a pydantic error.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.documents import Document, Trail
from config.places import Problem, did_you_mean

KINDS = {"dict": "a mapping", "list": "a list", "str": "text", "NoneType": "nothing"}
KINDS |= {"int": "a number", "float": "a number", "bool": "true or false"}
EXPECTED = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "dict_type": "expected a mapping (`key: value` lines)",
    "model_type": "expected a mapping (`key: value` lines)",
    "model_attributes_type": "expected a mapping (`key: value` lines)",
    "tuple_type": "expected a list (`- item` lines)",
    "list_type": "expected a list (`- item` lines)",
}
PATTERNS = {
    r"^[a-z][a-z0-9_-]*$": "a name of lower-case letters, digits, `-` and `_`",
    r"^[^@\s]+@[^@\s]+$": "an e-mail address",
    r"^[UW][A-Z0-9]+$": "a Slack user id such as U012AB3CD",
    r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$": "an action such as `helm.rollback`",
    r"^(env:[A-Z][A-Z0-9_]*|file:.+)$": "a reference to a secret: `env:NAME` or `file:PATH`, "
    "never the secret itself",
    r"^(https?://|env:)\S+$": "an address that begins with https:// or http://, or `env:NAME`",
}


def problems(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """Return one problem for each complaint, at the place that it is about."""
    schema = model.model_json_schema(by_alias=True)
    details = (detail for detail in error.errors(include_url=False) if not _follows(detail))
    return [_problem(detail, document, schema) for detail in details]


def _follows(detail: ErrorDetails) -> bool:
    """Tell whether a list is only called too short because its items were refused."""
    found = detail.get("input")
    is_short = detail["type"] == "too_short" and isinstance(found, list)
    return is_short and len(found) >= detail["ctx"]["min_length"]


def _problem(detail: ErrorDetails, document: Document, schema: Mapping[str, Any]) -> Problem:
    path = _path(detail["loc"], document.data)
    kind, name = detail["type"], str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        known = _keys(schema, path[:-1], document.data)
        hint = did_you_mean(name, known)
        return document.problem(path, f"unknown key `{name}`", hint, at_key=True)
    if kind == "missing":
        return document.problem(path, f"`{name}` is missing", _about(schema, path, name, document))
    if name == "[key]":
        message = f"the key `{path[-1]}` must be {_wanted(detail)}" if path else _wanted(detail)
        return document.problem(path, message, at_key=True)
    message, hint = describe(detail)
    return document.problem(path, message, hint)


def describe(detail: ErrorDetails) -> tuple[str, str]:
    """Return what is wrong with a value, and a hint."""
    kind, context, found = detail["type"], detail.get("ctx", {}), detail.get("input")
    if kind in EXPECTED:
        return f"{EXPECTED[kind]}, found {_shown(found)}", ""
    if kind == "literal_error":
        words = re.findall(r"'([^']*)'", str(context["expected"]))
        near = get_close_matches(str(found), words, n=1)
        hint = f"did you mean `{near[0]}`?" if near else ""
        return f"expected one of {', '.join(words)}, found {_shown(found)}", hint
    if kind == "value_error":
        return f"{context['error']}, found {_shown(found)}", ""
    return f"expected {_wanted(detail)}, found {_shown(found)}", ""


def _wanted(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "string_pattern_mismatch":
            return PATTERNS.get(context["pattern"], f"text like {context['pattern']}")
        case "string_too_long":
            return f"at most {context['max_length']} characters"
        case "string_too_short":
            return "some text"
        case "too_short":
            return f"at least {context['min_length']} of them"
        case "greater_than_equal":
            return f"{context['ge']} or more"
        case _:
            said = detail["msg"]
            return said[:1].lower() + said[1:]


def _shown(value: Any) -> str:
    if isinstance(value, str) and value:
        return f"`{value}`" if len(value) <= 60 else f"{len(value)} characters"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value in ([], {}):
        return "an empty list" if value == [] else "an empty mapping"
    if isinstance(value, int | float):
        return f"`{value}`"
    return "nothing" if value in (None, "") else KINDS.get(type(value).__name__, "something else")


def _path(location: tuple[str | int, ...], data: Any) -> Trail:
    """Follow pydantic's location through the data; parts that are tags of a union drop out."""
    path: list[str | int] = []
    for part in location:
        in_mapping = isinstance(data, dict) and part in data
        in_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if in_mapping or in_list:
            path.append(part)
            data = data[part]
    return tuple(path)


def _about(schema: Mapping[str, Any], path: Trail, name: str, document: Document) -> str:
    for part in _schemas(schema, path, document.data):
        described = part.get("properties", {}).get(name, {}).get("description")
        if described:
            return str(described).rstrip(".")
    return ""


def _keys(schema: Mapping[str, Any], path: Trail, data: Any) -> set[str]:
    parts = _schemas(schema, path, data)
    return {name for part in parts for name in part.get("properties", {})}


def _schemas(schema: Mapping[str, Any], path: Trail, data: Any) -> list[Mapping[str, Any]]:
    """Return the parts of a JSON Schema that describe the value at a path."""
    here = list(_alternatives(schema, schema, data))
    for part in path:
        data = data[part]
        inner = [child for each in here if (child := _child(each, part)) is not None]
        here = [found for each in inner for found in _alternatives(each, schema, data)]
    return here


def _child(schema: Mapping[str, Any], part: str | int) -> Mapping[str, Any] | None:
    if isinstance(part, int):
        items: Mapping[str, Any] | None = schema.get("items")
        return items
    child = schema.get("properties", {}).get(part) or schema.get("additionalProperties")
    if child is None:  # pydantic describes dicts with constrained keys by pattern
        child = next(iter(schema.get("patternProperties", {}).values()), None)
    return child if isinstance(child, Mapping) else None


def _alternatives(
    schema: Mapping[str, Any], top: Mapping[str, Any], data: Any
) -> Iterator[Mapping[str, Any]]:
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        yield from _alternatives(top["$defs"][name], top, data)
    for kind in ("anyOf", "oneOf"):
        choices = [one for each in schema.get(kind, ()) for one in _alternatives(each, top, data)]
        # Of several shapes, the one that shares most keys with what was written is meant.
        shares = [len(set(each.get("properties", {})) & set(_names(data))) for each in choices]
        yield from (one for one, s in zip(choices, shares, strict=True) if s == max(shares))
    yield schema


def _names(data: Any) -> tuple[str, ...]:
    return tuple(data) if isinstance(data, dict) else ()
