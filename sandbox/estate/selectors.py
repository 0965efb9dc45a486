"""Label and field selectors, as list and watch take them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sandbox.estate.resources import PODS, SECRETS, Resource
from sandbox.estate.statuses import bad_request
from sandbox.estate.values import Object

Predicate = Callable[[Object], bool]

_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*$")
_PART = re.compile(r",(?![^(]*\))")
_EQUAL = re.compile(r"^\s*([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)\s*$")
_WORD = re.compile(r"!?[A-Za-z0-9._/-]+")
_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_COMMON_FIELDS = ("metadata.name", "metadata.namespace")
_FIELDS = {
    SECRETS: ("type",),
    PODS: (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
}


def by_labels(selector: str) -> Predicate:
    """Return a test of an object's labels: `a=b,c!=d,e in (f,g),h,!i`."""
    tests = [_label_test(part) for part in _PART.split(selector) if part.strip()]
    return lambda item: all(test(item["metadata"].get("labels") or {}) for test in tests)


def matches(labels: Mapping[str, str], selector: Object) -> bool:
    """Tell whether a selector (`matchLabels`, `matchExpressions`) selects these labels."""
    wanted = selector.get("matchLabels") or {}
    rules = selector.get("matchExpressions") or []
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _meets(rule, labels) for rule in rules
    )


def by_fields(resource: Resource, selector: str) -> Predicate:
    """Return a test of the few fields that a kind can be selected by (`metadata.name`, …)."""
    tests = []
    known = (*_COMMON_FIELDS, *_FIELDS.get(resource, ()))
    for part in filter(None, (piece.strip() for piece in selector.split(","))):
        found = _EQUAL.match(part)
        if not found:
            raise bad_request(f"invalid selector: '{selector}'; can't understand '{part}'")
        if found[1] not in known:
            raise _unknown_field(resource, found[1])
        tests.append(found.groups())
    return lambda item: all(
        (_field(item, path) == value) is (operator != "!=") for path, operator, value in tests
    )


def _unknown_field(resource: Resource, name: str) -> Exception:
    if resource in _FIELDS:
        return bad_request(f"field label not supported: {name}")
    listed = ", ".join(f'"{field}"' for field in _COMMON_FIELDS)
    return bad_request(f'"{name}" is not a known field selector: only {listed}')


def _meets(rule: Object, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(rule["key"]), rule.get("values") or []
    match rule["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


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
    if not _WORD.fullmatch(name):
        raise bad_request(_misread(name))
    if name.startswith("!"):
        return lambda labels: name[1:] not in labels
    return lambda labels: name in labels


def _misread(text: str) -> str:
    """Say where a requirement stops being one, as the real parser does."""
    words = text.split()
    if len(words) > 1 and words[1] not in ("in", "notin"):
        return f"unable to parse requirement: found '{words[1]}', expected: {_OPERATORS}"
    if len(words) > 1:
        return "unable to parse requirement: found '', expected: ',', ')' or identifier"
    return (
        f"unable to parse requirement: found '{text}', expected: !, identifier, or 'end of string'"
    )


def _field(item: Object, path: str) -> str:
    value: object = item
    for key in path.split("."):
        value = value.get(key, "") if isinstance(value, dict) else ""
    return str(value)
