"""When a bot dies: drawn from a seed, so that what happened once can be tried again.

Every death waits for some commits, and then for its moment: a commit, a step's intent, a request
that reached a service, before or after its effect, people's next word, or a time in which nothing
happens.  Those that are left when a run is about to end come there, one soon after the other, so
that each run has all its deaths.  Some are not drawn: a bot dies `around` a named step, right after
its intent or a moment later.  Called from the threads that hear of these things; the first to call
kills.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from random import Random
from threading import Lock

from flows.decisions.stepping import MOST_REPEATS
from flows.runs import Run, StepRecord
from flows.states import State, StepState

TICK = 0.1
LONGEST_REST = 0.4  # seconds without a commit; what comes last must take longer than that
LONGEST_DELAY = 0.03
MUCH_LONGER = 5  # so that what a named step does is under way by then, or just done
MOST_SKIPPED = 2  # commits
DEATHS: Mapping[str, tuple[int, int]] = {  # of each flow: rounds, and deaths in each
    "service": (1, 16),
    "gradual": (1, 12),
    "flag": (2, 6),
    "security": (1, 16),
    "rows": (1, 10),
    "files": (2, 5),
    "point_in_time": (1, 10),
    "data": (1, 16),
}
BUSY = (StepState.RUNNING, StepState.DOUBT)


class When(StrEnum):
    """What a bot dies at."""

    COMMIT = "a commit"
    INTENT = "a step's intent"
    ARRIVED = "a request that arrived"
    EFFECTIVE = "a request that took effect"
    WORD = "a word of people"
    REST = "a rest"


class Fate:
    """The deaths of one run; `left` are still to come, `deaths` are those that were."""

    def __init__(
        self,
        seed: str,
        deaths: int,
        *,
        requests: bool = True,
        last: State = State.VALIDATE,
        only: When | None = None,
        around: Collection[str] = (),
    ) -> None:
        self.left = deaths
        self.around = set(around)
        self.deaths: list[str] = []
        self._random = Random(seed)
        self._lock = Lock()
        self._last = last
        self._kinds = [When.COMMIT, When.WORD, When.REST, *(When.INTENT,) * 3]
        if requests:
            self._kinds += [When.ARRIVED, When.ARRIVED, *(When.EFFECTIVE,) * 3]
        if only is not None:
            self._kinds = [only]
        self._kill: Callable[[], None] | None = None
        self._kind: When | None = None
        self._skip, self._delay, self._rest = 0, 0.0, 0.0
        self._tired = False
        self._state = State.ASSESS
        self._began = self._heard = time.monotonic()

    def begin(self, kill: Callable[[], None]) -> None:
        """Draw the death of a bot that is ready."""
        with self._lock:
            self._began = self._heard = time.monotonic()
            if self.left:
                drawn = self.left > len(self.around)  # or else what is left is for named steps
                self._kind = self._random.choice(self._kinds) if drawn else None
                self._skip = self._random.randint(0, MOST_SKIPPED)
                self._delay = self._random.choice((0.0, self._random.uniform(0, LONGEST_DELAY)))
                self._rest = self._random.uniform(TICK, LONGEST_REST)
                self._kill = kill

    def spare(self) -> None:
        """Hear that the bot is gone, or is to live."""
        with self._lock:
            self._kill = None

    def rest(self) -> float:
        """Return for how many seconds a dead bot stays dead."""
        return self._random.choice((0.0, 0.05, self._random.uniform(0, 0.3)))

    def committed(self, run: Run) -> None:
        """Hear of a commit."""
        changing = [each for each in run.steps.values() if _is_changing(each)]
        # Whoever is interrupted that often asks people, which is another test's matter.
        self._tired = any(each.tries >= MOST_REPEATS - 1 for each in changing)
        self._state, self._heard = run.state, time.monotonic()
        for name in sorted(self.around):
            record = run.steps.get(name)
            if record and _is_changing(record) and self._strike(When.INTENT, name):
                self.around.remove(name)
        self._skip -= 1
        if self._skip >= 0:
            return
        if self._kind is When.COMMIT or (self._kind is When.WORD and not _is_asked(run)):
            self._strike(When.COMMIT)
        if changing and self._kind is When.INTENT:
            self._strike(When.INTENT)

    def requested(self, name: str, *, effective: bool) -> None:
        """Hear of a request that changes something."""
        when = When.EFFECTIVE if effective else When.ARRIVED
        if self._kind is when:
            self._strike(when, name)

    def spoken(self) -> None:
        """Hear of a word that is on its way to the bot."""
        if self._kind is When.WORD:
            self._strike(When.WORD)

    def rested(self) -> None:
        """Hear that nothing was committed for a tick."""
        if time.monotonic() - self._heard < self._rest:
            return
        if self._state is self._last or (self._kind is When.REST and self._skip < 0):
            self._strike(When.REST)

    def _strike(self, when: When, what: str = "") -> bool:
        """Kill, unless the bot is gone already or is to live; say whether it did."""
        with self._lock:
            if self._kill is None or self._tired:
                return False
            kill, self._kill = self._kill, None
            if when in (When.COMMIT, When.INTENT, When.WORD):
                time.sleep(self._delay * (MUCH_LONGER if what else 1))
            self.left -= 1
            age = time.monotonic() - self._began
            self.deaths.append(f"{self._state}, after {age:.2f} s: {when} {what}".rstrip())
            kill()
            return True


def _is_asked(run: Run) -> bool:
    waiting = any(each.state is StepState.WAITING for each in run.steps.values())
    return waiting or run.state in (State.ASSESS, State.APPROVE)


def _is_changing(record: StepRecord) -> bool:
    return record.state in BUSY and record.started == record.attempt
