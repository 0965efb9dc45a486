"""Many changes, few calls: the first is shown at once, the following ones together, none is lost.

`bot.slack.cards` and `bot.slack.homes` mark what changed; what is sent is read when it is sent.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from bot.slack.background import Background
from bot.slack.calls import NoAnswerError, RateLimitedError, SlackCallError
from flows.engine import AwayError

log = logging.getLogger(__name__)
SPACING = 0.25
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class Pace:
    """So many calls a minute of one method over all keys, with a short burst allowed.

    The generic cell rate algorithm: `_due` is when the calls that were granted so far would have
    been made at an even pace.
    """

    def __init__(self, *, per_minute: float, burst: int, clock: Clock = time.monotonic) -> None:
        self._period = 60.0 / per_minute
        self._tolerance = self._period * burst
        self._clock = clock
        self._due = clock()

    def grant(self) -> float:
        """Grant one call; return how many seconds to wait before it."""
        now = self._clock()
        self._due = max(self._due, now) + self._period
        return max(0.0, self._due - now - self._tolerance)

    @property
    def is_easy(self) -> bool:
        """Whether there is room for calls that nobody would miss."""
        return self._due - self._clock() <= self._tolerance / 2


class Coalescer:
    """Calls `send(key)` for every key that is marked, and reads nothing itself.

    A limit, a lost answer or a journal that is away delays; the latest state is always sent in the
    end.  `shown` hears what became of each, and how many seconds after the first change that it
    shows.
    """

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        *,
        pace: Pace,
        background: Background,
        spacing: float = SPACING,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._send = send
        self._pace = pace
        self._background = background
        self._spacing = spacing
        self._clock = clock
        self._sleep = sleep
        self._dirty: set[str] = set()
        self._working: set[str] = set()
        self._last: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self.shown: Callable[[str, float], None] = lambda _result, _seconds: None

    def mark(self, key: str) -> None:
        """Have a key sent; needs a running event loop."""
        self._dirty.add(key)
        self._since.setdefault(key, self._clock())
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
        """Wait for the pace, and long enough for what follows at once to come along."""
        spaced = self._last.get(key, float("-inf")) + self._spacing - self._clock()
        if (pause := max(spaced, self._pace.grant())) > 0:
            await self._sleep(pause)

    async def _deliver(self, key: str) -> None:
        pause = FIRST_PAUSE
        while True:
            self._dirty.discard(key)
            self._last[key] = self._clock()
            try:
                await self._send(key)
                return self._ended(key, "sent")
            except RateLimitedError as error:
                await self._sleep(error.delay)
            except (NoAnswerError, AwayError) as error:
                log.info("%s; the view of %s is tried again in %.0f s", error, key, pause)
                await self._sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            except SlackCallError as error:
                log.error("the view of %s can't be shown: %s", key, error)
                return self._ended(key, "given_up")

    def _ended(self, key: str, result: str) -> None:
        """Tell how long a change waited; what changed while it was sent waits from now on."""
        now = self._clock()
        since = self._since.pop(key, now)
        if key in self._dirty:
            self._since[key] = now
        self.shown(result, now - since)
