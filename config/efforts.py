"""How much work one expression or template may make: it is counted, never timed.

A condition of a few characters can loop over its own loops, or double a text again and again; a
plan must not hang on it, nor may the bot run out of memory.  Used by `config.runners` for
expressions and by `config.sandboxes` for templates.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

MOST_STEPS = 100_000
"""Steps of one evaluation: parts of an expression visited, rounds of loops, items written out."""
MOST_SIZE = 1_000_000
"""Characters, and items at any depth, of a value that is made on the way."""
MOST_BITS = 4_096
"""Bits of a whole number."""
_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


class EffortError(Exception):
    """It would take too much work, or grow too large."""

    def __init__(self, message: str = "it takes too much work: make it simpler") -> None:
        super().__init__(message)


@contextmanager
def bounded(steps: int = MOST_STEPS) -> Iterator[None]:
    """Bound the work that is done inside the block."""
    token = _left.set([steps])
    try:
        yield
    finally:
        _left.reset(token)


def spend(steps: int = 1) -> None:
    """Count work.  Raises `EffortError` where there was too much; outside of a block, never."""
    left = _left.get()
    if left is None:
        return
    left[0] -= steps
    if left[0] < 0:
        raise EffortError


def counted(items: Iterable[Any]) -> Iterator[Any]:
    """Yield items, counting each."""
    for item in items:
        spend()
        yield item


def fits(value: Any) -> Any:
    """Return a value that is within the limits.  Raises `EffortError` for any other.

    A value that holds itself several times counts as often as it would be written out.
    """
    room = MOST_SIZE
    waiting = [value]
    while waiting:
        each = waiting.pop()
        match each:
            case str() | bytes():
                room -= len(each)
            case bool() | float() | None:
                room -= 1
            case int():
                room -= MOST_SIZE + 1 if each.bit_length() > MOST_BITS else 1
            case Mapping():
                room -= 1
                waiting.extend(each.keys())
                waiting.extend(each.values())
            case list() | tuple() | set() | frozenset():
                room -= 1
                waiting.extend(each)
            case _:
                room -= 1
        if room < 0 or len(waiting) > MOST_SIZE:
            raise EffortError("a value in it grows too large")
    return value
