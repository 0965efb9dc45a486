"""The time of day in the sandbox: real at first, and ahead of it once time was hurried.

The page's speed buttons hurry it, so that nobody has to wait an hour for an escalation.  Messages,
phones and the bot of the demo go by it; what the estate itself stamps stays real, because the bot
compares that with the machine's clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

FASTEST = 10.0
"""Beyond, a limit of minutes would be over before an honest answer has travelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """A time during which one speed held; both moments are its beginning."""

    real: float
    shown: float
    speed: float


class Wall:
    """The clock on the wall.  Moments are seconds since the epoch; it never goes back."""

    def __init__(self, *, speed: float = 1.0, real: Callable[[], float] = time.time) -> None:
        self._real = real
        self.fastest = FASTEST
        begin = real()
        self._stretches = [_Stretch(real=begin, shown=begin, speed=self._bounded(speed))]

    @property
    def speed(self) -> float:
        """How many seconds pass here in a real one."""
        return self._stretches[-1].speed

    def now(self) -> float:
        """Return what the clock shows."""
        last = self._stretches[-1]
        return last.shown + max(0.0, self._real() - last.real) * last.speed

    def set_speed(self, speed: float) -> None:
        """Go on at another speed, without a jump; real time at the least, `fastest` at most."""
        stretch = _Stretch(real=self._real(), shown=self.now(), speed=self._bounded(speed))
        self._stretches.append(stretch)

    def real(self, shown: float) -> float:
        """Return the real moment at which the clock shows something."""
        for stretch in reversed(self._stretches):
            if stretch.shown <= shown:
                return stretch.real + (shown - stretch.shown) / stretch.speed
        return shown

    def view(self) -> dict[str, float]:
        """Return what somebody needs to show the same: `now` at the moment `real`, and `speed`."""
        return {"now": self.now(), "real": self._real(), "speed": self.speed}

    def stamp(self) -> str:
        """Return what the clock shows as PagerDuty and Statuspage write it."""
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _bounded(self, speed: float) -> float:
        return min(self.fastest, max(1.0, speed))
