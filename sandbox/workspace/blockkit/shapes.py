"""A small vocabulary to write Block Kit's rules down as data.

A `Check` looks at one value and notes problems under a JSON pointer. `Shape` checks an object:
required and optional keys, and nothing else. Used by the other modules of this package.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_URL = re.compile(r"(https?|mailto|slack|tel):\S+", re.IGNORECASE)


@dataclass(slots=True)
class Problems:
    """What is wrong so far."""

    messages: list[str] = field(default_factory=list)

    def add(self, message: str, pointer: str) -> None:
        """Note one problem."""
        self.messages.append(f"{message} [json-pointer:{pointer or '/'}]")


Check = Callable[[Any, str, Problems], None]


def string(highest: int, lowest: int = 1) -> Check:
    """Text within a length."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str):
            problems.add("must be a string", pointer)
        elif len(value) < lowest:
            problems.add(f"must be more than {lowest - 1} characters", pointer)
        elif len(value) > highest:
            problems.add(f"must be less than {highest + 1} characters", pointer)

    return check


def matching(pattern: re.Pattern[str], what: str) -> Check:
    """Text that fits a pattern."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            problems.add(f"must be {what}", pointer)

    return check


date = matching(_DATE, "a date in the format YYYY-MM-DD")
time = matching(_TIME, "a time in the format HH:mm")


def url(highest: int = 3000) -> Check:
    """An absolute address."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        string(highest)(value, pointer, problems)
        if isinstance(value, str) and value and not _URL.fullmatch(value):
            problems.add("must be a valid URL", pointer)

    return check


def boolean(value: Any, pointer: str, problems: Problems) -> None:
    """Accept true and false only."""
    if not isinstance(value, bool):
        problems.add("must be a boolean", pointer)


def integer(lowest: int, highest: int) -> Check:
    """A whole number within bounds."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            problems.add("must be an integer", pointer)
        elif not lowest <= value <= highest:
            problems.add(f"must be between {lowest} and {highest}", pointer)

    return check


def choice(*allowed: str) -> Check:
    """One of a few words."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if value not in allowed:
            problems.add(f"must be one of: {', '.join(allowed)}", pointer)

    return check


def listing(item: Check, lowest: int = 1, highest: int = 100) -> Check:
    """A list with a bounded number of items."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, list):
            problems.add("must be an array", pointer)
            return
        if len(value) < lowest:
            problems.add(f"no fewer than {lowest} items required", pointer)
        if len(value) > highest:
            problems.add(f"no more than {highest} items allowed", pointer)
        for number, entry in enumerate(value):
            item(entry, f"{pointer}/{number}", problems)

    return check


def anything(_value: Any, _pointer: str, _problems: Problems) -> None:
    """Accept whatever is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """An object's keys; `more` checks what concerns several keys together."""

    required: Mapping[str, Check] = field(default_factory=dict)
    optional: Mapping[str, Check] = field(default_factory=dict)
    more: Check = anything

    def __call__(self, value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            problems.add("must be an object", pointer)
            return
        for key in self.required:
            if value.get(key) is None:
                problems.add(f"missing required field: {key}", pointer)
        for key, entry in value.items():
            check = self.required.get(key) or self.optional.get(key)
            if check is None:
                problems.add(f"additional property not allowed: {key}", pointer)
            elif entry is not None:
                check(entry, f"{pointer}/{key}", problems)
        self.more(value, pointer, problems)


def typed(shapes: Mapping[str, Check], what: str) -> Check:
    """An object whose `type` names the shape that it must have."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            problems.add("must be an object", pointer)
            return
        shape = shapes.get(str(value.get("type")))
        if shape is None:
            problems.add(f"unsupported type for {what}: {value.get('type')}", f"{pointer}/type")
        else:
            shape(value, pointer, problems)

    return check
