"""The time of day in the demo: the clock on the sandbox's wall, which the page can hurry.

The bot of the demo (`bot.demo_bot`) goes by it.  It is read off the sandbox a few times a second
and counted on in between; a bot that was killed comes back to the time that it is there.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError

log = logging.getLogger(__name__)
EVERY = 0.2
TIMEOUT = 2.0


class Face(BaseModel):
    """What the clock showed: `now` at the real moment `real`, with `speed` seconds a second."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    now: float
    real: float
    speed: float


class WallClock:
    """The clock on the wall, seen from another process of the same machine."""

    def __init__(self, page: str, *, real: Callable[[], float] = time.time) -> None:
        self._url = f"{page.rstrip('/')}/estate/api/wall"
        self._real = real
        moment = real()
        self._face = Face(now=moment, real=moment, speed=1.0)

    def now(self) -> datetime:
        """Return the time (UTC)."""
        passed = max(0.0, self._real() - self._face.real)
        return datetime.fromtimestamp(self._face.now + passed * self._face.speed, UTC)

    def elapsed(self) -> float:
        """Return a count of seconds that is hurried with the clock: it is never set back."""
        return self.now().timestamp()

    async def read(self) -> None:
        """Look at the wall.  Raises `aiohttp.ClientError` or `TimeoutError` where it is gone."""
        async with self._session() as session:
            await self._read(session)

    async def follow(self, wake: Callable[[], None]) -> None:
        """Look again and again, until cancelled.

        `wake` is called while time is hurried: whoever sleeps until something is due has counted
        in real seconds.
        """
        async with self._session() as session:
            while True:
                await asyncio.sleep(EVERY)
                try:
                    await self._read(session)
                except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
                    log.debug("the clock can't be seen: %s", error)
                if self._face.speed > 1:
                    wake()

    async def _read(self, session: aiohttp.ClientSession) -> None:
        async with session.get(self._url) as response:
            response.raise_for_status()
            self._face = Face.model_validate_json(await response.read())

    def _session(self) -> aiohttp.ClientSession:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        return aiohttp.ClientSession(timeout=timeout, trust_env=False)
