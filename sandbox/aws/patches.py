"""Replace methods of moto's classes while the server runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any
from unittest import mock

Around = Callable[..., Any]


class Patches:
    """What has been replaced; leaving the block puts it back."""

    def __init__(self, block: ExitStack) -> None:
        self._block = block

    def around(self, owner: type, name: str, replacement: Around) -> None:
        """Call `replacement(original, self, …)` wherever `name` was called."""
        original = getattr(owner, name)

        def replaced(this: Any, *values: Any, **named: Any) -> Any:
            return replacement(original, this, *values, **named)

        self._block.enter_context(mock.patch.object(owner, name, replaced))

    def told(self, owner: type, name: str, replacement: Callable[[Any, Any], Any]) -> None:
        """Tell `replacement(self, what it would be)` wherever a property is asked for."""
        original = getattr(owner, name)

        def replaced(this: Any) -> Any:
            return replacement(this, original.fget(this))

        self._block.enter_context(mock.patch.object(owner, name, property(replaced)))


def arguments(
    original: Around, this: Any, values: Sequence[Any], named: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call by their names."""
    return inspect.signature(original).bind(this, *values, **named).arguments
