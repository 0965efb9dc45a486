"""A rolling upgrade with an incident that waits for approval: what an old version wrote, goes on.

`upgrades/embedded.sql` is a journal as the version before migrations made it (schema 1),
`upgrades/shared.sql` what the first version for PostgreSQL wrote into schema 3.  Both hold an
incident with one of two approvals.  They are never changed: a later version adds another one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from config.models.bundles import Bundle
from flows import migrating, opening
from flows.gates import Verb
from flows.journal import FILE
from flows.states import Outcome, State, StepState
from tests.conformance import kinds
from tests.conformance.worlds import Place
from tests.flows import bench
from tests.flows.bench import JENNIFER, Bench
from tests.flows.estate import Estate, bundle, step

OLD = Path(__file__).with_name("upgrades")
SCHEMA = 3
ONWARDS = """
UPDATE backout.procrastinate_jobs SET scheduled_at = now() + interval '1 hour'
    WHERE scheduled_at IS NOT NULL;
SELECT setval(pg_get_serial_sequence('backout.procrastinate_jobs', 'id'), 1000);
"""
STRANGE = """
INSERT INTO backout.procrastinate_jobs (queue_name, task_name, args) VALUES ('backout',
    'backout.command', '{"incident": "INC-1", "kind": "Dance", "body": "{}"}')
"""


def a_system() -> Bundle:
    """The system as it was configured when they were made."""
    toggle = step("drop", "fake.toggle", **{"with": {"name": "status", "to": "dropped"}})
    rollback = step("rollback", "fake.set", **{"with": {"name": "release", "to": "good"}})
    return bundle(restore=(rollback, toggle))


def written(kind: str, place: str) -> None:
    """Put there what the old version wrote."""
    text = (OLD / f"{kind}.sql").read_text(encoding="utf-8")
    if kind == kinds.EMBEDDED:
        Path(place).mkdir()
        connection = sqlite3.connect(Path(place) / FILE)
        connection.executescript(text)
        connection.close()
    else:
        migrating.migrate(place, to=SCHEMA)
        with psycopg.connect(place, options="-c search_path=backout") as database:
            database.execute(text.encode())
            database.execute(ONWARDS)
            database.execute(STRANGE)


@pytest.fixture
def upgraded(
    kind: str, places: Callable[[], Place], monkeypatch: pytest.MonkeyPatch
) -> tuple[Place, Estate]:
    """A journal of before, and the estate that it is about; the clock goes on from there."""
    place = places()
    written(kind, place.journal)
    kinds.prepare(kind, place.journal)
    reader = kinds.Reader(kind, place.journal)
    began, since = reader.events("INC-1")[-1].at, monotonic()
    reader.close()

    def clock() -> datetime:
        return began.astimezone(UTC) + timedelta(seconds=monotonic() - since)

    def opened(place: opening.Place) -> opening.AnyEngine:
        return opening.open_engine(place, clock=clock)

    monkeypatch.setattr(bench, "open_engine", opened)
    return place, Estate()


async def test_it_is_approved_and_ends(upgraded: tuple[Place, Estate]) -> None:
    """The one approval still counts, the other one starts the plan that was approved."""
    place, estate = upgraded
    shared = place.kind == kinds.SHARED
    folder = place.folder if shared else Path(place.journal)
    stage = Bench(folder, estate, a_system(), place.journal if shared else None)
    stage.start()
    try:
        assert stage.run.state is State.APPROVE
        assert [(d.person.id, d.verb) for d in stage.run.decisions] == [("emily", Verb.APPROVE)]
        stage.approve(JENNIFER)
        run = await stage.until(State.CLOSED, State.HOLD)
        assert run.outcome is Outcome.RESTORED, run.held
        assert all(run.steps[name].state is StepState.DONE for name in ("rollback", "drop"))
        assert [each for each in estate.calls if each.startswith("set")] == [
            "set release=good",
            "set status=dropped",
        ]
    finally:
        await stage.stop()
    reader = kinds.Reader(place.kind, place.journal)
    assert reader.broken("INC-1") == ""
    reader.close()
