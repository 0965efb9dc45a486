"""The time axis of the picture: from the declaration to the end, with ticks that people read."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.wording.texts import duration
from flows.reports import Report

MOST_TICKS = 8
STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
SHOWS_TARGET = 2.2
"""A recovery target up to so many times as far as the end is still drawn."""
SHOWS_LIMIT = 1.3
LEAST = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Maps times to pixels; `seconds` is what the axis covers."""

    began: datetime
    seconds: float
    left: int
    right: int

    def x(self, at: datetime) -> float:
        """Return where a time stands, kept inside the axis."""
        return self.at((at - self.began).total_seconds())

    def at(self, seconds: float) -> float:
        """Return where a number of seconds after the declaration stands."""
        share = min(1.0, max(0.0, seconds / self.seconds))
        return self.left + share * (self.right - self.left)

    def ticks(self) -> Iterator[tuple[float, str, str]]:
        """Yield where a tick stands, what it says, and the time of day."""
        step = next((s for s in STEPS if self.seconds / s <= MOST_TICKS), 0)
        while not step:
            days = self.seconds / MOST_TICKS / 86_400
            step = 86_400 * (int(days) + 1)
        for number in range(int(self.seconds / step) + 1):
            spent = number * step
            clock = f"{self.began + timedelta(seconds=spent):%H:%M:%S}"
            yield self.at(spent), duration(spent) if spent else "declared", clock


def scale_of(report: Report, left: int, right: int) -> Scale:
    """Return the axis of a report; it shows the target and the limit where they are near."""
    run, whole = report.run, max(report.seconds, LEAST)
    shown = [whole]
    if run.rto <= SHOWS_TARGET * whole:
        shown.append(run.rto * 1.04)
    if run.rto_limit <= SHOWS_LIMIT * whole:
        shown.append(run.rto_limit * 1.04)
    return Scale(began=run.declared_at, seconds=max(shown), left=left, right=right)
