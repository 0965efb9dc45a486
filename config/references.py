"""A name that an expression or a template reads: what it is, where it stands, whether it is there.

Made by `config.expressions` and `config.names`, checked by `config.checks`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A dotted name and where it stands in its text.

    `guarded` marks one that may be missing, as in `has(…)`, `is defined` and `default(…)`.
    """

    path: tuple[str, ...]
    offset: int
    guarded: bool = False

    @property
    def name(self) -> str:
        """The dotted form."""
        return ".".join(self.path)


def in_order(references: Iterable[Reference]) -> tuple[Reference, ...]:
    """Return references as they stand in the text."""
    return tuple(sorted(references, key=lambda each: (each.offset, each.path)))


def first_missing(
    references: Iterable[Reference],
    values: Mapping[str, Any],
    is_unknown: Callable[[Any], bool] = lambda value: False,
) -> tuple[str, Reference] | None:
    """Return the first name that the values don't have, as far as it is missing, and who reads it.

    `is_unknown` may call further values missing, such as null.
    """
    for reference in references:
        if reference.guarded:
            continue
        value: Any = values
        for length, part in enumerate(reference.path, start=1):
            if not isinstance(value, Mapping) or part not in value or is_unknown(value[part]):
                return ".".join(reference.path[:length]), reference
            value = value[part]
    return None
