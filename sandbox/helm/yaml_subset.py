"""Just enough YAML for a chart's manifest: block maps, block lists, scalars on one line.

Written by the estate when it renders a release, read back by the simulated `helm`. Any YAML
parser reads what `dump` writes; `load` reads only that.
"""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(?::[A-Za-z0-9_.-]+)*")
_PLAIN_KEY = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "infinity"}
_ENTRY = re.compile(r'(?P<key>"(?:[^"\\]|\\.)*"|[^\s:"]+):(?: (?P<value>.*))?')


class YamlError(ValueError):
    """The text isn't of the form that `dump` writes."""


def dump(value: dict[str, Any]) -> str:
    """Return a map as YAML text."""
    return "".join(f"{line}\n" for line in _map_lines(value, ""))


def _map_lines(value: dict[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for key, item in value.items():
        name = key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else json.dumps(key)
        lines += _entry_lines(f"{indent}{name}:", item, indent)
    return lines


def _entry_lines(head: str, item: Any, indent: str) -> list[str]:
    if isinstance(item, dict) and item:
        return [head, *_map_lines(item, indent + "  ")]
    if isinstance(item, list) and item:
        return [head, *(line for entry in item for line in _item_lines(entry, indent))]
    return [f"{head} {_scalar(item)}"]


def _item_lines(entry: Any, indent: str) -> list[str]:
    if not isinstance(entry, dict) or not entry:
        return [f"{indent}- {_scalar(entry)}"]
    first, *rest = _map_lines(entry, indent + "  ")
    return [f"{indent}- {first[len(indent) + 2 :]}", *rest]


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value)


def load_all(text: str) -> list[dict[str, Any]]:
    """Return the documents of a manifest, without empty ones."""
    parts = re.split(r"(?m)^---\s*$", text)
    return [document for part in parts if (document := load(part))]


def load(text: str) -> dict[str, Any]:
    """Return one document."""
    lines = [line for line in text.split("\n") if line.strip() and line.lstrip()[0] != "#"]
    value, rest = _load_map(lines, _indent(lines[0])) if lines else ({}, [])
    if rest:
        raise YamlError(f"unexpected line: {rest[0]!r}")
    return value


def _load_map(lines: list[str], indent: int) -> tuple[dict[str, Any], list[str]]:
    value: dict[str, Any] = {}
    while lines and _indent(lines[0]) == indent and not lines[0].lstrip().startswith("- "):
        found = _ENTRY.fullmatch(lines[0].strip())
        if not found:
            raise YamlError(f"not a map entry: {lines[0]!r}")
        key = str(_load_scalar(found["key"])) if found["key"][0] == '"' else found["key"]
        if found["value"] is not None:
            value[key], lines = _load_scalar(found["value"]), lines[1:]
        else:
            value[key], lines = _load_block(lines[1:], indent)
    return value, lines


def _load_block(lines: list[str], indent: int) -> tuple[Any, list[str]]:
    if lines and lines[0].lstrip().startswith("- "):
        return _load_list(lines, _indent(lines[0]))
    if lines and _indent(lines[0]) > indent:
        return _load_map(lines, _indent(lines[0]))
    return None, lines


def _load_list(lines: list[str], indent: int) -> tuple[list[Any], list[str]]:
    items: list[Any] = []
    while lines and _indent(lines[0]) == indent and lines[0].lstrip().startswith("- "):
        body = lines[0].strip()[2:]
        if _ENTRY.fullmatch(body):
            inner = " " * (indent + 2)
            item, lines = _load_map([inner + body, *lines[1:]], indent + 2)
        else:
            item, lines = _load_scalar(body), lines[1:]
        items.append(item)
    return items, lines


def _load_scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
