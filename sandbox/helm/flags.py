"""Flags as Helm's own parser takes them: anywhere, `--name value`, `--name=value`, `-n value`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

SHORT = {"n": "namespace", "o": "output", "a": "all", "h": "help"}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Value = str | bool
GLOBAL: dict[str, Value] = {
    "namespace": "",
    "kubeconfig": "",
    "kube-context": "",
    "debug": False,
    "help": False,
}


class UsageError(Exception):
    """The command line can't be understood; printed after `Error: `."""


def parse(arguments: list[str], known: Mapping[str, Value]) -> tuple[list[str], dict[str, Value]]:
    """Return the positional arguments, and every known flag with its value or default."""
    values: dict[str, Value] = {**GLOBAL, **known}
    positional: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            positional += rest
        elif word.startswith("-") and len(word) > 1:
            _take(word, rest, values)
        else:
            positional.append(word)
    return positional, values


def _take(word: str, rest: Iterator[str], values: dict[str, Value]) -> None:
    name, equals, value = word.lstrip("-").partition("=")
    if not word.startswith("--"):
        if name[0] not in SHORT or SHORT[name[0]] not in values:
            raise UsageError(f"unknown shorthand flag: {name[0]!r} in {word}")
        if len(name) > 1 and not equals:
            value, equals = name[1:], "="
        name = SHORT[name[0]]
    if name not in values:
        raise UsageError(f"unknown flag: --{name}")
    if isinstance(values[name], bool):
        values[name] = value != "false" if equals else True
        return
    if not equals:
        found = next(rest, None)
        if found is None:
            raise UsageError(f"flag needs an argument: --{name}")
        value = found
    values[name] = value


def duration(flag: str, text: str) -> float:
    """Return a Go duration (`5m0s`, `300s`) in seconds."""
    if not _DURATION.fullmatch(text):
        raise UsageError(
            f'invalid argument "{text}" for "--{flag}" flag: time: invalid duration "{text}"'
        )
    return sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(text))


def integer(flag: str, text: str) -> int:
    """Return a whole number."""
    try:
        return int(text)
    except ValueError:
        raise UsageError(
            f'invalid argument "{text}" for "--{flag}" flag: strconv.ParseInt: '
            f'parsing "{text}": invalid syntax'
        ) from None
