"""The long mode: bots are killed, frozen and stopped at random, over both engines, again and again.

    python -m tests.conformance.survive [--kills 1000] [--seed 7] [--kind embedded] [--write FILE]

`make survive KILLS=… SEED=…` runs it.  It prints where the deaths hit, and what was lost, doubled
or unapproved; anything but nothing is an exit code.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.conformance import kinds
from tests.conformance.lives import Life
from tests.conformance.people import MOODS
from tests.conformance.systems import name_of
from tests.conformance.worlds import Place, Setting, World
from tests.real.processes import scratch
from tests.real.services.postgres import PostgresServer, account, database
from tests.zygotes import zygote

DEATHS_A_WORLD = 50
SYSTEMS = 6
FROZEN = 0.08  # of those that are hit, these many are frozen first
STOPPED = 0.04
LONGEST_LIFE = 80  # moments
WRONG = ("lost", "doubled", "unapproved", "broken")
HIT = (0.02, 0.6)  # seconds between two blows from outside


@dataclass
class Tally:
    """What came of one engine."""

    kind: str
    kills: int = 0
    freezes: int = 0
    stops: int = 0
    incidents: int = 0
    effects: int = 0
    repeated: int = 0
    seconds: float = 0.0
    where: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, world: World) -> None:
        """Count what came of a world."""
        found = world.findings()
        self.wrong += found.all
        self.repeated += found.repeated
        self.kills += world.deaths.total()
        self.where += world.deaths
        self.incidents += len(world.runs())
        self.effects += len(world.estate.effects())


class Storm:
    """Hits the bots of a world: from inside at a moment that is drawn, from outside at any time."""

    def __init__(self, world: World, tally: Tally, deaths: int, seed: str) -> None:
        self._world, self._tally, self._deaths = world, tally, deaths
        self._chance = Random(f"{seed}/storm")
        self._next = 0.0
        self._frozen: list[tuple[float, Life]] = []
        world.deadly = self._deadly
        world.each_round = self._blow

    @property
    def _left(self) -> int:
        return self._deaths - self._world.deaths.total()

    def _deadly(self) -> dict[str, int] | None:
        if self._left <= 0 or self._chance.random() < 0.4:
            return None
        return {"nth": self._chance.randint(1, LONGEST_LIFE)}

    def _blow(self) -> None:
        now = time.monotonic()
        for until, life in list(self._frozen):
            if now >= until:
                self._frozen.remove((until, life))
                life.thaw()
        if now < self._next:
            return
        self._next = now + self._chance.uniform(*HIT)
        able = [each for each in self._world.lives if each.ready and not each.over]
        if not able or self._left <= 0:
            return
        life, drawn = self._chance.choice(able), self._chance.random()
        if drawn < FROZEN and not life.frozen:
            life.freeze()
            self._tally.freezes += 1
            self._frozen.append((now + self._chance.uniform(0.1, 3 * kinds.LEASE), life))
        elif drawn < FROZEN + STOPPED and not life.frozen:
            life.leaving = True
            life.signal(signal.SIGTERM)
            self._tally.stops += 1
        else:
            self._frozen = [each for each in self._frozen if each[1] is not life]
            self._world.kill(life)

    def play(self) -> None:
        """Play incident after incident until all have died who are to, and all is calm again."""
        number = 0
        while number == 0 or self._left > 0:
            number += 1
            self._world.play(incidents=number)


def play(place: Place, tally: Tally, deaths: int, seed: str) -> None:
    """Play one world to its end."""
    moods = {name_of(number): MOODS[number % len(MOODS)] for number in range(1, SYSTEMS + 1)}
    replicas = 1 if place.kind == kinds.EMBEDDED else 3
    setting = Setting(seed=seed, systems=SYSTEMS, replicas=replicas, moods=moods)
    with World(place, setting) as world:
        Storm(world, tally, deaths, seed).play()
        tally.add(world)


@contextmanager
def ground(wanted: Sequence[str]) -> Iterator[dict[str, PostgresServer | None]]:
    """Start what the engines need."""
    with ExitStack() as block:
        found: dict[str, PostgresServer | None] = {}
        for kind in wanted:
            found[kind] = None
            if kind == kinds.SHARED:
                folder = block.enter_context(scratch("survive", owner=account()))
                log = Path(block.enter_context(tempfile.TemporaryDirectory())) / "log"
                server = PostgresServer(folder, log=log)
                server.create()
                block.enter_context(server.up())
                found[kind] = server
        yield found


def survive(kind: str, server: PostgresServer | None, zygote: Path, kills: int, seed: str) -> Tally:
    """Kill so many, world after world."""
    tally, began, number = Tally(kind), time.monotonic(), 0
    while tally.kills < kills and not tally.wrong:
        number += 1
        with ExitStack() as block:
            folder = block.enter_context(scratch("world"))
            journal = str(folder / "journal")
            if server is not None:
                journal = block.enter_context(database(server, f"world_{number}")).owner_dsn
            kinds.prepare(kind, journal)
            place = Place(kind=kind, journal=journal, folder=folder, zygote=zygote)
            play(place, tally, min(DEATHS_A_WORLD, kills - tally.kills), f"{seed}/{kind}/{number}")
        tally.seconds = time.monotonic() - began
        sys.stderr.write(f"{kind}: {tally.kills} deaths in {tally.seconds:.0f} s\n")
    return tally


def report(tallies: Sequence[Tally], seed: str) -> str:
    """Return what came of it, as Markdown."""
    head = (
        "| engine | killed | frozen | stopped | incidents | effects | lost | doubled | unapproved "
        "| broken |"
    )
    lines = [head, "|---|" + "---:|" * 9]
    for each in tallies:
        wrong = Counter(sentence.partition(":")[0] for sentence in each.wrong)
        counts = (each.kills, each.freezes, each.stops, each.incidents, each.effects)
        found = [wrong[name] for name in WRONG]
        cells = [each.kind, *(f"{count:,}" for count in (*counts, *found))]
        lines.append(f"| {' | '.join(cells)} |")
    names = sorted({name for each in tallies for name in each.where})
    lines += [
        "",
        f"Seed {seed}.",
        "",
        f"| died right after | {' | '.join(t.kind for t in tallies)} |",
    ]
    lines.append("|---|" + "---:|" * len(tallies))
    for name in names:
        lines.append(f"| {name} | {' | '.join(str(t.where[name]) for t in tallies)} |")
    return "\n".join(lines)


def main() -> int:
    """Survive, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.survive")
    parser.add_argument("--kills", type=int, default=1_000, help="over each engine")
    parser.add_argument("--seed", default="")
    parser.add_argument("--kind", choices=kinds.KINDS, action="append")
    parser.add_argument("--write", type=Path, help="where the table goes, besides")
    asked = parser.parse_args()
    seed = asked.seed or str(secrets.randbelow(10**6))
    wanted = asked.kind or kinds.KINDS
    sys.stderr.write(f"seed {seed}\n")
    with zygote("tests.conformance.zygote") as socket, ground(wanted) as servers:
        tallies = [survive(k, servers[k], socket, asked.kills, seed) for k in wanted]
    told = report(tallies, seed)
    sys.stdout.write(f"{told}\n")
    if asked.write:
        asked.write.write_text(f"{told}\n", encoding="utf-8")
    wrong = [f"{each.kind}: {sentence}" for each in tallies for sentence in each.wrong]
    sys.stdout.writelines(f"WRONG {each}\n" for each in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
