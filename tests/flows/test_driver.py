"""The driver and the journal under it: nothing that goes wrong once stops everything for ever."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows import auditing
from flows.commands import Command, GatherFacts, SetTimer
from flows.driver import LONGEST_SLEEP, Driver
from flows.embedded import EmbeddedEngine
from flows.engine import Queued
from flows.events import BOT, Event, NoteAdded, PlanAsked, TimerFired
from flows.journal import FILE, Journal
from flows.runs import Run
from flows.tables import Stored
from tests.flows.bench import MARCUS, actor, declaration

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that goes only when it is told to, back as well as forth."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at


async def nothing(run: Run, command: Command) -> Iterable[Event]:
    """Perform a command to no effect."""
    return ()


@pytest.fixture
def clock() -> Clock:
    """A clock to be set by hand."""
    return Clock()


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[EmbeddedEngine]:
    """An engine with one incident, whose first commands are queued."""
    engine = EmbeddedEngine(tmp_path, clock=clock)
    engine.declare("shop", declaration, actor=actor(MARCUS), event_id="declared")
    yield engine
    engine.close()


async def fired(engine: EmbeddedEngine) -> list[str]:
    """Drive until a timer has fired, for far less than its longest sleep; return which did."""
    driver = Driver(engine, nothing)
    heard = asyncio.Event()
    engine.listen(lambda _: heard.set())
    driving = asyncio.create_task(driver.drive())
    names: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_SLEEP / 3):
            while not names:
                await heard.wait()
                heard.clear()
                found = (recorded.event for recorded in engine.events("INC-1"))
                names = [event.timer for event in found if isinstance(event, TimerFired)]
    await driver.stop()
    await driving
    return names


async def test_what_comes_due_while_the_driver_looks_is_not_slept_over(
    engine: EmbeddedEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that is due between the look at the queue and the sleep is performed at once."""
    for queued in engine.due():
        engine.finish(queued, ())
    look = Journal.due

    def late(journal: Journal, now: float) -> tuple[Queued, ...]:
        found = look(journal, now)
        clock.at = START + timedelta(hours=1)
        return found

    monkeypatch.setattr(Journal, "due", late)
    assert "rto" in await fired(engine)


async def test_a_queue_that_can_not_be_read_once_does_not_end_the_driver(
    engine: EmbeddedEngine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is locked for too long, the disk fails: the driver tries again."""
    look = Journal.due
    failures = [sqlite3.OperationalError("disk I/O error")]

    def failing(journal: Journal, now: float) -> tuple[Queued, ...]:
        if failures:
            raise failures.pop()
        return look(journal, now)

    monkeypatch.setattr(Journal, "due", failing)
    monkeypatch.setattr("flows.driver.AFTER_A_FAULT", 0.01)
    clock.at = START + timedelta(hours=1)
    assert "rto" in await fired(engine)


async def test_a_command_that_nobody_understands_stops_no_other_one(
    engine: EmbeddedEngine, clock: Clock, tmp_path: Path
) -> None:
    """A newer version queued it, then the older one was started again: the rest goes on."""
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute(
            "INSERT INTO commands (incident, kind, body, due) VALUES ('INC-1', 'Dance', '{}', 0)"
        )
    connection.close()
    clock.at = START + timedelta(hours=1)
    assert "rto" in await fired(engine)


async def test_an_outcome_that_can_not_be_written_is_not_tried_in_a_hot_loop(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full: the command waits a while before it is performed again."""
    performed: list[Command] = []

    async def perform(run: Run, command: Command) -> Iterable[Event]:
        performed.append(command)
        return ()

    def full(queued: Queued, events: Iterable[Event]) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(engine, "finish", full)
    driver = Driver(engine, perform)
    driving = asyncio.create_task(driver.drive())
    for _ in range(50):
        await asyncio.sleep(0)
    await driver.stop(grace=0.0)
    await driving
    assert len([command for command in performed if isinstance(command, GatherFacts)]) == 1


def test_a_commit_that_fails_leaves_no_transaction_open(tmp_path: Path) -> None:
    """One commit that fails takes its own changes with it, and nothing else for ever."""
    journal = Journal.open(tmp_path)
    database = journal._db
    database.execute("PRAGMA foreign_keys=on").fetchall()
    database.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    database.execute(
        "CREATE TABLE children (parent REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    with pytest.raises(sqlite3.IntegrityError), journal.transaction():
        database.conn.execute("INSERT INTO children VALUES (1)")
    with journal.transaction():
        database.conn.execute("INSERT INTO parents VALUES (1)")
    journal.close()


def test_a_clock_that_is_set_back_delays_no_command(engine: EmbeddedEngine, clock: Clock) -> None:
    """Events keep their order, yet what they ask for is due now and not when the clock is back."""
    clock.at = START - timedelta(hours=1)
    for queued in engine.due():
        engine.finish(queued, ())
    engine.feed("INC-1", NoteAdded(text="hm"), actor=BOT, event_id="note")
    engine.feed("INC-1", PlanAsked(procedure="back"), actor=BOT, event_id="asked")
    waiting = [queued.command for queued in engine.due()]
    assert waiting
    assert not any(isinstance(command, SetTimer) for command in waiting)


def test_a_reader_never_takes_a_running_bot_for_a_broken_record(
    engine: EmbeddedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written while the record is checked is not mistaken for a difference."""
    reader = Journal.read(tmp_path)
    look = reader.rows

    def slow(incident: str) -> list[Stored]:
        rows = look(incident)
        engine.feed(incident, NoteAdded(text="meanwhile"), actor=BOT, event_id="meanwhile")
        return rows

    monkeypatch.setattr(reader, "rows", slow)
    assert not tuple(auditing.verify(reader))
    reader.close()
