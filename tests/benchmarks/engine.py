"""The engine's own share: events and steps a second beside the commits of the disk under it.

In process, without Slack and estate, on the same folder: plain `INSERT` and `COMMIT` of a row as
large as an event in SQLite (WAL, `synchronous=FULL`), then events fed one by one, then steps driven
from their command to their outcome (two commits each: the intent, and the outcome).
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from flows import commands as c
from flows import events
from flows.driver import Driver
from flows.embedded import EmbeddedEngine
from flows.events import BOT, Event
from flows.gates import Verb
from flows.plans import Plan, PlannedStep, seal
from flows.runs import Run
from flows.states import State
from tests.benchmarks import reports
from tests.benchmarks.journals import open_on, prepare
from tests.benchmarks.reports import Report, middle, times
from tests.bot import story

COUNT = 200
STEPS = 12  # as many as AIVO's service rollback has
RUNS = 8
ROUNDS = 5
EVENT_BYTES = 600


async def measure() -> Report:
    """Measure disk, events and steps by turns."""
    disk, fed, done = [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="backout-bench-") as name:
            folder = Path(name)
            disk.append(_disk(folder / "plain.db"))
            fed.append(_events(folder / "events"))
            runs = [await _steps(folder / f"steps-{number}") for number in range(RUNS)]
            done.append(STEPS * RUNS / sum(runs))
    floor = middle(disk)
    rows = (
        ("plain SQLite: rows committed one by one", disk, 1),
        ("engine: events fed (1 commit each)", fed, 1),
        ("engine: steps driven (2 commits each)", done, 2),
    )
    return Report(
        name="engine",
        title="Engine: a second, one after the other",
        columns=("", "a second", "commits a second beside the disk's own"),
        rows=tuple(
            (name, f"{middle(found):,.0f}", times(middle(found) * commits, floor))
            for name, found, commits in rows
        ),
        notes=(
            f"Medians of {ROUNDS} rounds; {COUNT} events and {RUNS} runs of {STEPS} steps a round.",
        ),
    )


def _disk(path: Path) -> float:
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, body TEXT)")
    began = time.perf_counter()
    for number in range(COUNT):
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO events VALUES (?, ?)", (number, "x" * EVENT_BYTES))
        database.execute("COMMIT")
    took = time.perf_counter() - began
    database.close()
    return COUNT / took


def _events(folder: Path) -> float:
    engine = EmbeddedEngine(folder)
    _approve(engine, story.plan())
    began = time.perf_counter()
    for number in range(COUNT):
        note = events.NoteAdded(text=f"note {number} of what was seen")
        engine.feed("INC-1", note, actor=BOT, event_id=f"note:{number}")
    took = time.perf_counter() - began
    engine.close()
    return COUNT / took


async def _steps(folder: Path) -> float:
    """Return the seconds that one run takes from its approval to its end."""
    engine = EmbeddedEngine(folder)
    driver = Driver(engine, lambda run, command: _perform(engine, run, command))
    _approve(engine, _long_plan())
    began = time.perf_counter()
    driving = asyncio.create_task(driver.drive())
    ended = asyncio.Event()
    engine.listen(lambda run: ended.set() if run.ended else None)
    await ended.wait()
    took = time.perf_counter() - began
    await driver.stop()
    await driving
    engine.close()
    return took


async def _perform(engine: EmbeddedEngine, run: Run, command: c.Command) -> Iterable[Event]:
    """Do a step as quickly as it can be done: nothing, between intent and outcome."""
    if not isinstance(command, c.PerformStep):
        return ()
    step, attempt = command.step, command.attempt
    started = events.StepStarted(step=step, attempt=attempt, inputs={}, captured={"before": 1})
    engine.feed(run.id, started, actor=BOT, event_id=f"started:{step}:{attempt}")
    return (events.StepSucceeded(step=step, attempt=attempt, summary="done", output={}),)


def _long_plan() -> Plan:
    return seal(replace(story.plan(), steps=tuple(map(_step, range(STEPS)))))


def _step(number: int) -> PlannedStep:
    return story.step(f"s{number}", f"Step {number}", State.RESTORE, stage=number, effect="changes")


def _approve(engine: EmbeddedEngine, plan: Plan) -> None:
    """Declare an incident and approve the plan; what was queued meanwhile is not performed."""
    open_on(engine, "aivo")
    prepare(engine, "INC-1", plan)
    for queued in engine.due():
        engine.finish(queued, ())
    gate = _run(engine).gate
    assert gate is not None
    word = events.Decided(
        scope="plan", person=story.JENNIFER, verb=Verb.APPROVE, digest=gate.digest, reason=""
    )
    engine.feed("INC-1", word, actor=BOT, event_id="approved")


def _run(engine: EmbeddedEngine) -> Run:
    run = engine.run("INC-1")
    assert run is not None
    return run


if __name__ == "__main__":
    reports.run({"engine": measure})
