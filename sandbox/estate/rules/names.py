"""Names, labels and annotations: their forms, and how the API server refuses others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.estate.rules.causes import Causes

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_KEY_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_ANNOTATIONS = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A pattern, a length, and what is said about values that don't fit."""

    pattern: str
    longest: int
    words: str
    unit: str = "characters"

    def problems(self, value: str) -> list[str]:
        """Return what is wrong with a value."""
        found = []
        if len(value) > self.longest:
            found.append(f"must be no more than {self.longest} {self.unit}")
        if not re.fullmatch(self.pattern, value):
            found.append(f"{self.words}, regex used for validation is '{self.pattern}')")
        return found


SUBDOMAIN = Form(
    pattern=_SUBDOMAIN,
    longest=253,
    words=(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
        "or '.', and must start and end with an alphanumeric character (e.g. 'example.com'"
    ),
)
LABEL = Form(
    pattern=_LABEL,
    longest=63,
    words=(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc'"
    ),
)
LABEL_1035 = Form(
    pattern=_LABEL_1035,
    longest=63,
    words=(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "
        "an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        "'abc-123'"
    ),
)
LABEL_VALUE = Form(
    pattern=_VALUE,
    longest=63,
    unit="bytes",
    words=(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "
        "or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
        "'my_value',  or '12345'"
    ),
)
CONFIG_KEY = Form(
    pattern=_CONFIG_KEY,
    longest=253,
    words=(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
        "'key.name',  or 'KEY_NAME',  or 'key-name'"
    ),
)
_KEY = Form(
    pattern=_KEY_NAME,
    longest=63,
    unit="bytes",
    words=(
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "
        "end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc'"
    ),
)


def check_meta(meta: Mapping[str, Any], form: Form, causes: Causes) -> None:
    """Check the name, labels and annotations of an object."""
    name = str(meta.get("name", ""))
    if not name:
        causes.required("metadata.name", "name or generateName is required")
    for problem in form.problems(name) if name else ():
        causes.invalid("metadata.name", name, problem)
    check_labels(meta.get("labels") or {}, "metadata.labels", causes)
    check_annotations(meta.get("annotations") or {}, "metadata.annotations", causes)


def check_labels(labels: Mapping[str, str], field: str, causes: Causes) -> None:
    """Check the keys and values of labels."""
    for key, value in sorted(labels.items()):
        _each(key_problems(key), causes, field, key)
        _each(LABEL_VALUE.problems(value), causes, field, value)


def check_annotations(annotations: Mapping[str, str], field: str, causes: Causes) -> None:
    """Check the keys of annotations, and how long they are together."""
    for key in sorted(annotations):
        _each(key_problems(key.lower()), causes, field, key)
    total = sum(len(key) + len(value) for key, value in annotations.items())
    if total > _ANNOTATIONS:
        causes.too_long(field, _ANNOTATIONS)


def key_problems(key: str) -> list[str]:
    """Return what is wrong with the key of a label or annotation: `prefix/name`."""
    prefix, slash, name = key.rpartition("/")
    found = []
    if slash:
        if not prefix:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {problem}" for problem in SUBDOMAIN.problems(prefix)]
    if not name:
        found.append("name part must be non-empty")
    return found + _KEY.problems(name)


def _each(problems: list[str], causes: Causes, field: str, value: str) -> None:
    for problem in problems:
        causes.invalid(field, value, problem)
