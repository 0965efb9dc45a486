"""Collects what is wrong with an object, in the API server's words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sandbox.estate.statuses import Cause

IMMUTABLE = "field is immutable"
NOT_NEGATIVE = "must be greater than or equal to 0"


class Causes:
    """The causes found so far, in the order in which they were found."""

    def __init__(self) -> None:
        self.found: list[Cause] = []

    def required(self, field: str, why: str = "") -> None:
        """Note that a value is missing."""
        problem = f"Required value: {why}" if why else "Required value"
        self.found.append(Cause(field=field, problem=problem, reason="FieldValueRequired"))

    def invalid(self, field: str, value: Any, why: str) -> None:
        """Note that a value is wrong."""
        self.found.append(Cause(field=field, problem=f"Invalid value: {shown(value)}: {why}"))

    def unfit(self, field: str, why: str) -> None:
        """Note that a custom kind's own rule doesn't hold."""
        self.found.append(Cause(field=field, problem=f"Invalid value: {why}"))

    def redacted(self, field: str, why: str) -> None:
        """Note that a secret value is wrong, without the value."""
        problem = f'Invalid value: "<secret contents redacted>": {why}'
        self.found.append(Cause(field=field, problem=problem))

    def unsupported(self, field: str, value: Any, known: Iterable[str]) -> None:
        """Note that a value is none of those that there are."""
        listed = ", ".join(shown(item) for item in known)
        problem = f"Unsupported value: {shown(value)}: supported values: {listed}"
        self.found.append(Cause(field=field, problem=problem, reason="FieldValueNotSupported"))

    def forbidden(self, field: str, why: str) -> None:
        """Note that a value may not be given, or not be changed."""
        self.found.append(
            Cause(field=field, problem=f"Forbidden: {why}", reason="FieldValueForbidden")
        )

    def duplicate(self, field: str, value: Any) -> None:
        """Note that a value is there twice."""
        problem = f"Duplicate value: {shown(value)}"
        self.found.append(Cause(field=field, problem=problem, reason="FieldValueDuplicate"))

    def not_found(self, field: str, value: Any) -> None:
        """Note that a value refers to nothing."""
        problem = f"Not found: {shown(value)}"
        self.found.append(Cause(field=field, problem=problem, reason="FieldValueNotFound"))

    def too_long(self, field: str, longest: int) -> None:
        """Note that a value has too many bytes."""
        problem = f"Too long: may not be more than {longest} bytes"
        self.found.append(Cause(field=field, problem=problem, reason="FieldValueTooLong"))

    def not_negative(self, field: str, value: Any) -> None:
        """Check that a number is at least 0."""
        if isinstance(value, int) and value < 0:
            self.invalid(field, value, NOT_NEGATIVE)

    def one_of(self, field: str, value: Any, known: Iterable[str]) -> None:
        """Check that a value, if there is one, is one of those that there are."""
        listed = list(known)
        if value not in (None, "") and value not in listed:
            self.unsupported(field, value, listed)

    def immutable(self, field: str, new: Any, old: Any) -> None:
        """Check that a value is what it was."""
        if new != old:
            self.invalid(field, new, IMMUTABLE)


def shown(value: Any) -> str:
    """Return a value as messages write it: JSON, compact, in the order of its keys."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
