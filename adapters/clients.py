"""Shared connections: made on first use, one a key, closed at shutdown.

Made once by the wiring in `bot`, handed to actions as `context.clients`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

C = TypeVar("C")


class ClientPool:
    """Implements `flows.actions.Clients`."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Any, Callable[[Any], Awaitable[None]]]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(
        self, key: str, make: Callable[[], Awaitable[C]], close: Callable[[C], Awaitable[None]]
    ) -> C:
        """Return the connection of this key, making it once.

        A failure to make it is raised to every waiter in turn and not remembered.
        """
        if key not in self._made:
            async with self._locks.setdefault(key, asyncio.Lock()):
                if key not in self._made:
                    self._made[key] = (await make(), close)
        found: C = self._made[key][0]
        return found

    async def close(self) -> None:
        """Close everything, last made first; one that fails to close does not keep the others."""
        while self._made:
            _, (client, close) = self._made.popitem()
            with contextlib.suppress(Exception):  # nothing can be done about it at shutdown
                await close(client)
