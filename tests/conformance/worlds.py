"""A world to die in: estate, clock, people, and the bots that are born, killed and born again.

Everything in it but the bots is in the process that leads the test, so that nothing of it dies.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from flows.runs import Run
from tests.conformance import checks, kinds, systems
from tests.conformance.bots import Birth
from tests.conformance.clocks import SharedClock
from tests.conformance.estates import Estate
from tests.conformance.lives import PATIENCE, Life
from tests.conformance.people import Mood, People, Word

Json = Any
PATIENCE_OF_ALL = 4 * PATIENCE
HEARD = 2.0  # seconds that people wait before they say it to another one
PAUSE = 0.01  # seconds between two looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a world is: `journal` is a folder or a URL, by the kind of the engine."""

    kind: str
    journal: str
    folder: Path
    zygote: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a world is like."""

    seed: str = "0"
    systems: int = 1
    replicas: int = 1
    brief: bool = False
    lease: float = kinds.LEASE
    forgets: str = ""
    moods: dict[str, Mood] = field(default_factory=dict)


Deadly = Callable[[], dict[str, Any] | None]


def spared() -> None:
    """Let a bot live."""
    return


class World:
    """One journal, one estate, and bots."""

    def __init__(self, place: Place, setting: Setting) -> None:
        self.place, self.setting = place, setting
        self.chance = Random(setting.seed)
        self.lives: list[Life] = []
        self.deaths: Counter[str] = Counter()
        self.born = 0
        self.died: list[float] = []  # when, by the monotonic clock
        self.deadly: Deadly = spared
        self.each_round: Callable[[], None] = spared
        place.folder.mkdir(parents=True, exist_ok=True)
        self._block = ExitStack()
        folder = place.folder
        self.estate = self._block.enter_context(Estate(folder / "estate", folder / "estate.log"))
        self.clock = SharedClock(folder / "clock")
        self._block.callback(self.clock.close)
        self.reader = kinds.Reader(place.kind, place.journal)
        self._block.callback(self.reader.close)
        self.people = People(self.estate, self._say, self.clock, setting.seed, setting.moods)

    def __enter__(self) -> World:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End, and leave nothing behind."""
        for life in self.lives:
            with suppress(AssertionError):
                life.kill()
        self._block.close()

    def bear(self, deadly: Json = None, through: str = "") -> Life:
        """Let a bot be born, and wait until it drives, or is dead already.

        It reaches its journal `through` another address than the others.
        """
        life = self.conceive(deadly, through)
        life.until_ready()
        return life

    def conceive(self, deadly: Json = None, through: str = "") -> Life:
        """Let a bot be born."""
        self.born += 1
        birth = Birth(
            kind=self.place.kind,
            place=through or self.place.journal,
            folder=str(self.place.folder),
            name=f"bot-{self.born}",
            systems=self.setting.systems,
            brief=self.setting.brief,
            lease=self.setting.lease,
            deadly=deadly,
            forgets=self.setting.forgets,
        )
        life = Life(self.place.zygote, birth)
        self.lives.append(life)
        return life

    def kill(self, life: Life) -> str:
        """Kill a bot; return the last moment that it passed."""
        life.kill()
        self._bury(life)
        return life.died_at

    def stop(self, life: Life) -> None:
        """Ask a bot to drain, and wait until it has ended."""
        life.until_ready()
        life.stop()
        self.lives.remove(life)

    def tend(self) -> None:
        """Bury the dead, and have as many bots as there are to be."""
        for life in list(self.lives):
            life.listen(0)
            if life.over:
                life.check()
                life.bury()
                if life.leaving:
                    self.lives.remove(life)
                else:
                    self._bury(life)
        while len(self.lives) < self.setting.replicas:
            self.conceive(self.deadly())

    def _bury(self, life: Life) -> None:
        self.lives.remove(life)
        self.deaths[life.died_at] += 1
        self.died.append(time.monotonic())

    def _say(self, word: Word) -> bool:
        able = [life for life in self.lives if life.ready and not life.frozen and not life.over]
        return bool(able) and self.chance.choice(able).say(word.line, seconds=HEARD)

    def seen(self) -> list[str]:
        """Return the moments that bots have passed, each once, in the order of their first time."""
        path = self.place.folder / "points.seen"
        found = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return list(dict.fromkeys(found))

    def runs(self) -> tuple[Run, ...]:
        """Return all incidents as the journal has them now."""
        try:
            return self.reader.runs()
        except kinds.UNREADABLE:
            return ()

    def play(self, *, incidents: int = 1, seconds: float | None = None) -> None:
        """Have people and bots do what they do, until every incident is over, or for a while.

        `incidents` of them on each system, one after the other.
        """
        limit = PATIENCE_OF_ALL if seconds is None else seconds
        deadline = time.monotonic() + limit
        while not self.is_over(incidents):
            self.each_round()
            self.tend()
            runs = self.runs()
            for run in runs:
                self.people.act(run)
            self._declare(runs, incidents)
            if time.monotonic() > deadline:
                assert seconds is not None, self.told()
                return
            time.sleep(PAUSE)

    def _declare(self, runs: tuple[Run, ...], incidents: int) -> None:
        for number in range(1, self.setting.systems + 1):
            name = systems.name_of(number)
            there = [run for run in runs if run.system == name]
            if len(there) < incidents and all(run.ended for run in there):
                self.people.declare(name, len(there) + 1, brief=self.setting.brief)

    def is_over(self, incidents: int = 1) -> bool:
        """Say whether so many incidents of each system are over, and everybody was told."""
        runs = self.runs()
        if len(runs) < incidents * self.setting.systems or not all(run.ended for run in runs):
            return False
        try:
            return not checks.untold(self.reader, self.estate)
        except kinds.UNREADABLE:
            return False

    def findings(self) -> checks.Findings:
        """Compare the journal with the estate."""
        return checks.look(self.reader, self.estate, said=self.people.said)

    def told(self) -> str:
        """Say where everything stands."""
        lines = [f"after {sum(self.deaths.values())} deaths, {self.born} bots were born:"]
        for run in self.runs():
            steps = {name: f"{r.state} {r.summary}" for name, r in run.steps.items()}
            lines.append(f"{run.id} {run.state} {run.blocked} {run.held} {steps}")
        return "\n".join(lines)
