"""Many changes, few calls: the first is shown at once, the following ones together, none is lost.

`bot.slack.cards` and `bot.slack.homes` mark what changed; what is sent is read when it is sent.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from bot.slack.background import Background
from bot.slack.calls import NoAnswerError, RateLimitedError, SlackCallError

log = logging.getLogger(__name__)
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
Sleep = Callable[[float], Awaitable[None]]


class Coalescer:
    """Calls `send(key)` for every key that is marked, at most once an interval a key.

    A limit or a lost answer delays; the latest state is always sent in the end.
    """

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        *,
        interval: float,
        background: Background,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._send = send
        self._interval = interval
        self._background = background
        self._clock = clock
        self._sleep = sleep
        self._dirty: set[str] = set()
        self._working: set[str] = set()
        self._last: dict[str, float] = {}

    def mark(self, key: str) -> None:
        """Have a key sent; needs a running event loop."""
        self._dirty.add(key)
        if key not in self._working:
            self._working.add(key)
            self._background.spawn(self._work(key), f"view of {key}")

    def forget(self, key: str) -> None:
        """Drop what is known of a key that is not shown any more."""
        self._last.pop(key, None)

    async def _work(self, key: str) -> None:
        try:
            while key in self._dirty:
                await self._rest(key)
                await self._deliver(key)
        finally:
            self._working.discard(key)

    async def _rest(self, key: str) -> None:
        # Several busy keys share Slack's limit of about 50 updates a minute.
        due = self._last.get(key, float("-inf")) + self._interval * max(1, len(self._working))
        if (pause := due - self._clock()) > 0:
            await self._sleep(pause)

    async def _deliver(self, key: str) -> None:
        pause = FIRST_PAUSE
        while True:
            self._dirty.discard(key)
            self._last[key] = self._clock()
            try:
                return await self._send(key)
            except RateLimitedError as error:
                await self._sleep(error.delay)
            except NoAnswerError as error:
                log.info("%s; the view of %s is tried again in %.0f s", error, key, pause)
                await self._sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            except SlackCallError as error:
                log.error("the view of %s can't be shown: %s", key, error)
                return None
