"""The estate's time: processes run `speed` times faster, stamps stay real.

Everything that takes time in the estate (a pod starting, traffic shifting) is measured in
simulated seconds here. Stamps that leave the estate (creationTimestamp, last_deployed,
Prometheus samples) are real UTC, because the bot compares them with its own clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_AT_ONCE = 10  # callbacks that are due, before others of the event loop have their turn
RFC3339 = "%Y-%m-%dT%H:%M:%SZ"


class Clock:
    """Simulated seconds since the start, running at a speed that may change."""

    def __init__(self, *, speed: float = 1.0) -> None:
        self._speed = speed
        self._simulated = 0.0
        self._since = time.monotonic()

    @property
    def speed(self) -> float:
        """How many simulated seconds pass in a real one."""
        return self._speed

    def now(self) -> float:
        """Simulated seconds since the start."""
        return self._simulated + (time.monotonic() - self._since) * self._speed

    def set_speed(self, speed: float) -> None:
        """Run on at another speed, without a jump."""
        self._simulated = self.now()
        self._since = time.monotonic()
        self._speed = speed


def stamp(ago: timedelta = timedelta(0)) -> str:
    """Real UTC in the form that Kubernetes writes."""
    return (datetime.now(UTC) - ago).strftime(RFC3339)


class Timers:
    """Plain callbacks that are due at a simulated time, run by one task."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def after(self, delay: float, call: Callable[[], None]) -> None:
        """Have `call` run `delay` simulated seconds from now."""
        heapq.heappush(self._due, (self._clock.now() + delay, next(self._order), call))
        self._changed.set()

    def wake(self) -> None:
        """Compute the next waiting time again, as the speed has changed."""
        self._changed.set()

    def clear(self) -> None:
        """Forget everything that was due."""
        self._due.clear()
        self._changed.set()

    async def run(self) -> None:
        """Run what is due, for ever."""
        while True:
            self._changed.clear()
            if self._run_due():
                await asyncio.sleep(0)  # more is due, but others want to run, too
                continue
            # Not wait_for: before Python 3.12 it can swallow the cancellation that ends this task.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait()):
                    await self._changed.wait()

    def _run_due(self) -> bool:
        for _ in range(_AT_ONCE):
            if not self._due or self._due[0][0] > self._clock.now():
                return False
            _, _, call = heapq.heappop(self._due)
            call()
        return True

    def _wait(self) -> float | None:
        if not self._due:
            return None
        return max(0.001, (self._due[0][0] - self._clock.now()) / self._clock.speed)
