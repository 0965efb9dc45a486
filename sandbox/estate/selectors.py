"""Label and field selectors, as list and watch take them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sandbox.estate.statuses import bad_request
from sandbox.estate.values import Object

Predicate = Callable[[Object], bool]

_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*$")
_PART = re.compile(r",(?![^(]*\))")
_EQUAL = re.compile(r"^\s*([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)\s*$")


def by_labels(selector: str) -> Predicate:
    """Return a test of an object's labels: `a=b,c!=d,e in (f,g),h,!i`."""
    tests = [_label_test(part) for part in _PART.split(selector) if part.strip()]
    return lambda item: all(test(item["metadata"].get("labels") or {}) for test in tests)


def matches(labels: Mapping[str, str], selector: Object) -> bool:
    """Tell whether a workload's selector (its `matchLabels`) selects these labels."""
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items())


def _label_test(part: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET.match(part):
        key, word, values = found.groups()
        listed = {value.strip() for value in values.split(",")}
        if word == "in":
            return lambda labels: labels.get(key) in listed
        return lambda labels: labels.get(key) not in listed
    if found := _EQUAL.match(part):
        key, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    name = part.strip()
    if not re.fullmatch(r"!?[A-Za-z0-9._/-]+", name):
        raise bad_request(f'unable to parse requirement: found "{name}"')
    if name.startswith("!"):
        return lambda labels: name[1:] not in labels
    return lambda labels: name in labels


def by_fields(selector: str) -> Predicate:
    """Return a test of the few fields that can be selected by (`metadata.name`, `status.phase`)."""
    tests = []
    for part in filter(None, (piece.strip() for piece in selector.split(","))):
        found = _EQUAL.match(part)
        if not found:
            raise bad_request(f'invalid selector: "{part}"; can\'t understand')
        tests.append(found.groups())
    return lambda item: all(
        (_field(item, path) == value) is (operator != "!=") for path, operator, value in tests
    )


def _field(item: Object, path: str) -> str:
    value: object = item
    for key in path.split("."):
        value = value.get(key, "") if isinstance(value, dict) else ""
    return str(value)
