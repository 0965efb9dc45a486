"""Label selectors as people write them, and as objects hold them.  Pure.

Called by the actions of this folder that take a selector.  The syntax is that of
`kubectl -l`: `app=shop,tier in (web, api),!canary`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

KEY = r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
EQUAL = re.compile(rf"\s*(?P<key>{KEY})\s*(?P<sign>==|=|!=)\s*(?P<value>{VALUE})\s*")
AMONG = re.compile(
    rf"\s*(?P<key>{KEY})\s+(?P<sign>in|notin)\s*\((?P<values>\s*{VALUE}\s*(?:,\s*{VALUE}\s*)*)\)\s*"
)
THERE = re.compile(rf"\s*(?P<sign>!?)\s*(?P<key>{KEY})\s*")
OPERATORS = {"in": "In", "notin": "NotIn", "!": "DoesNotExist", "": "Exists"}
EXCLUDING = ("NotIn", "DoesNotExist")

Rule = dict[str, Any]


def parse(text: str) -> dict[str, Any]:
    """Read a selector into `matchLabels` and `matchExpressions`; an empty one is empty.

    Raises `ValueError` that quotes what can't be read.
    """
    exact: dict[str, str] = {}
    rules: list[Rule] = []
    rest = text.strip()
    while rest:
        end = _requirement(rest, exact, rules)
        if end == len(rest):
            break
        if rest[end] != "," or not rest[end + 1 :].strip():
            raise _unreadable(rest[end:])
        rest = rest[end + 1 :]
    found: dict[str, Any] = {}
    if exact:
        found["matchLabels"] = exact
    if rules:
        found["matchExpressions"] = rules
    return found


def _requirement(text: str, exact: dict[str, str], rules: list[Rule]) -> int:
    """Read the first requirement; return where it ends."""
    if match := AMONG.match(text):
        values = [value.strip() for value in match["values"].split(",")]
        rules.append(_rule(match["key"], OPERATORS[match["sign"]], values))
    elif match := EQUAL.match(text):
        if match["sign"] == "!=":
            rules.append(_rule(match["key"], "NotIn", [match["value"]]))
        elif exact.setdefault(match["key"], match["value"]) != match["value"]:
            raise ValueError(f"{match['key']} can't have two values at once")
    elif match := THERE.match(text):
        rules.append(_rule(match["key"], OPERATORS[match["sign"]]))
    else:
        raise _unreadable(text)
    return match.end()


def _rule(key: str, operator: str, values: list[str] | None = None) -> Rule:
    return {"key": key, "operator": operator, **({"values": values} if values else {})}


def _unreadable(text: str) -> ValueError:
    return ValueError(
        f"“{text.strip()}” is no label selector: write key=value, key!=value, "
        "key in (a, b), key notin (a, b), key or !key, with commas between them"
    )


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Say whether a selector takes these labels; an empty one takes all."""
    exact = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in exact.items()):
        return False
    return all(_meets(rule, labels) for rule in selector.get("matchExpressions") or ())


def bears(found: Mapping[str, Any], selector: Mapping[str, Any]) -> bool:
    """Say whether a selector takes an object by its own labels or those of its pods.

    People label either, and a workload without pods has no other place for them.  What must be
    there may stand on either; what must not be there may stand on neither.
    """
    every = list(_labels_of(found))
    return all(
        (all if rule["operator"] in EXCLUDING else any)(_meets(rule, each) for each in every)
        for rule in _rules(selector)
    )


def _labels_of(found: Mapping[str, Any]) -> Iterable[Mapping[str, str]]:
    """Return the labels of an object, and those of what it makes."""
    yield (found.get("metadata") or {}).get("labels") or {}
    spec = found.get("spec") or {}
    for made in (spec.get("jobTemplate"), spec.get("template")):
        if made:
            yield from _labels_of(made)


def _rules(selector: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for key, value in (selector.get("matchLabels") or {}).items():
        yield _rule(key, "In", [value])
    yield from selector.get("matchExpressions") or ()


def _meets(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(rule["key"])
    match rule["operator"]:
        case "In":
            return value in rule["values"]
        case "NotIn":
            return value not in rule["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case other:
            raise ValueError(f"there is no operator {other}")


def written(selector: Mapping[str, Any]) -> str:
    """Write a selector the way that people and the API's `labelSelector` take it."""
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for rule in selector.get("matchExpressions") or ():
        among = ", ".join(rule.get("values") or ())
        match rule["operator"]:
            case "In":
                parts.append(f"{rule['key']} in ({among})")
            case "NotIn":
                parts.append(f"{rule['key']} notin ({among})")
            case "Exists":
                parts.append(str(rule["key"]))
            case _:
                parts.append(f"!{rule['key']}")
    return ",".join(parts)


def _checked(text: str) -> str:
    parse(text)
    return text


Selector = Annotated[str, Field(max_length=500), AfterValidator(_checked)]
"""A selector in an input."""
