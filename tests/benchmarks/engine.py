"""The engines' own share: events and steps a second beside the commits of the raw store.

In process, without Slack and estate, on the same disk: plain `INSERT` and `COMMIT` of a row as
large as an event (SQLite with WAL and `synchronous=FULL`, a PostgreSQL that flushes), then events
fed one by one, then steps driven from their command to their outcome (two commits each: the intent,
and the outcome).
"""

import asyncio
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import psycopg

from flows import commands as c
from flows import events
from flows.events import BOT, Event
from flows.gates import Verb
from flows.opening import AnyEngine, open_driver
from flows.plans import Plan, PlannedStep, seal
from flows.runs import Run
from flows.states import State
from tests.benchmarks import reports
from tests.benchmarks.journals import open_on, prepare
from tests.benchmarks.reports import Report, middle, times
from tests.benchmarks.stores import Store, stores
from tests.bot import story
from tests.conformance.kinds import EMBEDDED, KINDS, SHARED

COUNT = 200
STEPS = 12  # as many as AIVO's service rollback has
RUNS = 8
ROUNDS = 5
EVENT_BYTES = 600
WARM = 0.5  # seconds
NAMES = {
    EMBEDDED: "plain SQLite: rows committed one by one",
    SHARED: "plain PostgreSQL: rows committed one by one",
}


async def measure() -> Report:
    """Measure the raw stores, events and steps by turns."""
    found: dict[str, dict[str, list[float]]] = {}
    with stores() as ground:
        for _ in range(ROUNDS):
            for kind in KINDS:
                mine = found.setdefault(kind, {"raw": [], "events": [], "steps": []})
                with ground.empty(kind) as store:
                    mine["raw"].append(_raw(store))
                with ground.empty(kind) as store:
                    mine["events"].append(_events(store))
                took = []
                for _ in range(RUNS):
                    with ground.empty(kind) as store:
                        took.append(await _steps(store))
                mine["steps"].append(STEPS * RUNS / sum(took))
    rows = []
    for kind, mine in found.items():
        floor = middle(mine["raw"])
        rows += [
            (NAMES[kind], mine["raw"], 1, floor),
            (f"{kind}: events fed (1 commit each)", mine["events"], 1, floor),
            (f"{kind}: steps driven (2 commits each)", mine["steps"], 2, floor),
        ]
    return Report(
        name="engine",
        title="Engines: a second, one after the other",
        columns=("", "a second", "commits a second beside the raw store's"),
        rows=tuple(
            (name, f"{middle(each):,.0f}", times(middle(each) * commits, floor))
            for name, each, commits, floor in rows
        ),
        notes=(
            f"Medians of {ROUNDS} rounds; {COUNT} events and {RUNS} runs of {STEPS} steps a round.",
        ),
    )


def _raw(store: Store) -> float:
    return _server(store.url) if store.url else _disk(store.folder)


def _disk(folder: Path) -> float:
    folder.mkdir()
    database = sqlite3.connect(folder / "plain.db", isolation_level=None)
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


def _server(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE plain (seq INTEGER PRIMARY KEY, body TEXT)")
        began = time.perf_counter()
        for number in range(COUNT):
            connection.execute("INSERT INTO plain VALUES (%s, %s)", (number, "x" * EVENT_BYTES))
        return COUNT / (time.perf_counter() - began)


def _events(store: Store) -> float:
    engine = store.open()
    _approve(store, engine, story.plan())
    began = time.perf_counter()
    for number in range(COUNT):
        note = events.NoteAdded(text=f"note {number} of what was seen")
        engine.feed("INC-1", note, actor=BOT, event_id=f"note:{number}")
    took = time.perf_counter() - began
    engine.close()
    return COUNT / took


async def _steps(store: Store) -> float:
    """Return the seconds that one run takes from its approval to its end."""
    engine = store.open()
    driver = open_driver(engine, lambda run, command: _perform(engine, run, command))
    driving = asyncio.create_task(driver.drive())
    await asyncio.sleep(WARM)  # connections are made by then
    ended = asyncio.Event()
    engine.listen(lambda run: ended.set() if run.ended else None)
    _approve(store, engine, _long_plan())
    began = time.perf_counter()
    await ended.wait()
    took = time.perf_counter() - began
    await driver.stop()
    await driving
    engine.close()
    return took


async def _perform(engine: AnyEngine, run: Run, command: c.Command) -> Iterable[Event]:
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


def _approve(store: Store, engine: AnyEngine, plan: Plan) -> None:
    """Declare an incident and approve the plan; what was queued meanwhile is not performed."""
    open_on(engine, "aivo")
    prepare(engine, "INC-1", plan)
    store.forget(engine)
    gate = _run(engine).gate
    assert gate is not None
    word = events.Decided(
        scope="plan", person=story.JENNIFER, verb=Verb.APPROVE, digest=gate.digest, reason=""
    )
    engine.feed("INC-1", word, actor=BOT, event_id="approved")


def _run(engine: AnyEngine) -> Run:
    run = engine.run("INC-1")
    assert run is not None
    return run


if __name__ == "__main__":
    reports.run({"engine": measure})
