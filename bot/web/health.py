"""Whether the bot is as it should be, part by part, in a sentence each: `/readyz` and `/healthz`.

A part's check says what is wrong with it, or nothing.  Each has its time, and what was found
counts for a second: a monitor that asks often costs nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

FRESH = 1.0
WITHIN = 3.0
DRAINING = "Backout is stopping: it begins nothing new and gives what is under way its time."

Check = Callable[[], Awaitable[str]]
"""Looks, and says what is wrong; empty where nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What was found of one part; `why` is empty where it is as it should be."""

    name: str
    why: str

    @property
    def ok(self) -> bool:
        """Whether it is as it should be."""
        return not self.why


class Health:
    """Looks at every part.  `vital` names those that only a new start mends."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        vital: tuple[str, ...] = (),
        within: float = WITHIN,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = checks
        self._vital = vital
        self._within = within
        self._elapsed = elapsed
        self._found: tuple[Part, ...] = ()
        self._until = float("-inf")
        self._turn = asyncio.Lock()
        self.draining = False

    async def parts(self) -> tuple[Part, ...]:
        """Return what is known of every part, looked at within the last second."""
        async with self._turn:
            if self._elapsed() >= self._until:
                self._found = tuple(
                    await asyncio.gather(*(self._look(name) for name in self._checks))
                )
                self._until = self._elapsed() + FRESH
        if not self.draining:
            return self._found
        return (*self._found, Part(name="draining", why=DRAINING))

    async def dead(self) -> tuple[Part, ...]:
        """Return the vital parts that are not as they should be; they are looked at afresh."""
        found = [await self._look(name) for name in self._vital]
        return tuple(part for part in found if not part.ok)

    async def _look(self, name: str) -> Part:
        try:
            async with asyncio.timeout(self._within):
                return Part(name=name, why=await self._checks[name]())
        except TimeoutError:
            return Part(name=name, why=f"It did not answer within {self._within:g} s.")
        except Exception as error:  # noqa: BLE001 whatever it is, the part is not well
            return Part(name=name, why=f"It can't be looked at: {type(error).__name__}.")
