"""AIVO's data put back selectively: rows between two PostgreSQL databases, and files on moto."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from flows import events
from flows.states import State, StepState
from tests.real.flows.conftest import Open
from tests.real.flows.stage import Stage
from tests.real.services.postgres import PostgresDatabase, PostgresServer, database

Json = Any
TABLES = """
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE students (id int PRIMARY KEY, account int NOT NULL REFERENCES users);
CREATE TABLE assessments (id int PRIMARY KEY, title text NOT NULL);
CREATE TABLE grades (
    id int PRIMARY KEY,
    student int NOT NULL REFERENCES students,
    assessment int NOT NULL REFERENCES assessments,
    grade numeric(4, 2)
);
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 20) n;
INSERT INTO students SELECT n, n FROM generate_series(1, 10) n;
INSERT INTO assessments SELECT n, 'essay ' || n FROM generate_series(1, 5) n;
INSERT INTO grades SELECT n, n, 1 + n % 5, n FROM generate_series(1, 10) n;
"""
DAMAGE = """
UPDATE grades SET grade = 0 WHERE id IN (3, 4);
DELETE FROM grades WHERE assessment = 5;
DELETE FROM assessments WHERE id = 5;
"""
CONTENT = "SELECT g::text FROM grades g UNION ALL SELECT a::text FROM assessments a ORDER BY 1"
DAMAGED = {"assessments": "5", "grades": "3,4,9"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """The live database, damaged, and the recovered one."""

    primary: PostgresDatabase
    recovered: PostgresDatabase

    def content(self) -> list[Json]:
        """Return what the live database holds."""
        return self.primary.execute(CONTENT)

    def good(self) -> list[Json]:
        """Return what the recovered one holds."""
        return self.recovered.execute(CONTENT)

    def copies(self) -> Json:
        """Return how many copies left their marks."""
        return self.primary.execute("SELECT count(*) FROM backout.copied_rows")[0][0]


def fill(base: PostgresDatabase, statements: str) -> None:
    """Run several statements as the owner."""
    with psycopg.connect(base.owner_dsn) as connection:
        connection.execute(statements)


@pytest.fixture
def databases(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Databases]:
    """Two databases with the same tables, of which the live one lost and changed rows."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(database(postgres_server, f"{name}_{secrets.token_hex(4)}"))
            for name in ("primary", "recovered")
        ]
        for each in made:
            fill(each, TABLES)
        monkeypatch.setenv("AIVO_PRIMARY_DSN", made[0].owner_dsn)
        monkeypatch.setenv("AIVO_RECOVERED_DSN", made[1].reader_dsn)
        fill(made[0], DAMAGE)
        yield Databases(primary=made[0], recovered=made[1])


async def reviewed(aivo: Stage, databases: Databases) -> None:
    """Go as far as the review of the differences: nothing is written before it."""
    damaged = databases.content()
    aivo.declare("grades are wrong", data=True)
    plan = await aivo.plan("rows", **DAMAGED)
    assert plan.class_id == "data"
    changes = {each.subject: (each.before, each.after) for each in plan.step("mend").changes}
    assert changes["public.grades id=3"] == ("grade=0.00", "grade=3.00")
    assert changes["public.assessments id=5"] == (None, "id=5, title=essay 5")
    assert len(changes) == 4
    aivo.approve("emily-watson")
    await aivo.until(lambda run: run.steps["mend"].state is StepState.WAITING)
    aivo.approve("emily-watson", "jennifer-liu", scope="mend")
    assert aivo.run.steps["mend"].state is StepState.WAITING, "one of the VP and the CTO as well"
    aivo.approve("michael-chen", scope="mend")
    assert aivo.run.steps["mend"].state is StepState.WAITING, "the CEO is neither"
    assert databases.content() == damaged


@pytest.mark.covers("AIVO-FLOW6", "AIVO-R15", "AIVO-R16", "AIVO-R17", "AIVO-FIX31", "AIVO-FIX32")
@pytest.mark.covers("AIVO-V2", "AIVO-V3", "AIVO-V8", "AIVO-Q1")
async def test_rows_are_put_back_after_a_review(stage: Open, databases: Databases) -> None:
    """Every difference is shown, two people agree to it, and the data are whole again."""
    aivo = await stage()
    await reviewed(aivo, databases)
    aivo.approve("david-park", scope="mend")
    await aivo.until_ended()
    assert databases.content() == databases.good()
    run = aivo.run
    assert run.steps["mend"].output is not None
    assert run.steps["mend"].output["changed"] == 4
    assert {"consistent", "users_after", "students_after", "grades_after"} <= set(aivo.done())
    assert any("Rows written: 4" in said for said in aivo.messages.said.values())


async def test_without_keys_there_is_no_plan(stage: Open, databases: Databases) -> None:
    """Nobody copies whole tables by leaving something out, and a key that is gone is told."""
    aivo = await stage()
    aivo.declare(data=True)
    assert "tables" in await aivo.refused("rows")
    assert "does not have 77" in await aivo.refused("rows", grades="77")


@pytest.mark.covers("AIVO-R17", "AIVO-FIX32")
async def test_copied_rows_are_put_back_as_they_were(stage: Open, databases: Databases) -> None:
    """Undone after the copy: the images of before come back, what was new goes again."""
    damaged = databases.content()
    aivo = await stage()
    await reviewed(aivo, databases)
    databases.primary.execute("DELETE FROM users WHERE id > 12")  # which a check won't pass
    aivo.approve("sarah-kim", scope="mend")
    await aivo.until(lambda run: run.state is State.VALIDATE)
    assert databases.content() == databases.good()
    aivo.feed(events.HoldAsked(reason="users are missing"))
    await aivo.until(lambda run: run.state is State.HOLD)
    aivo.feed(events.UndoAsked(reason="these were no mistakes"))
    run = await aivo.until(lambda run: run.ended)
    assert run.outcome == "undone"
    assert databases.content() == damaged
    assert any("as they were found" in said for said in aivo.messages.said.values())


@pytest.mark.covers("AIVO-R17", "AIVO-FIX43")
async def test_rows_that_changed_since_the_review_are_not_overwritten(
    stage: Open, databases: Databases
) -> None:
    """A teacher corrects a grade meanwhile: what was approved is no longer what would be done."""
    aivo = await stage()
    await reviewed(aivo, databases)
    databases.primary.execute("UPDATE grades SET grade = 2 WHERE id = 3")
    now = databases.content()
    aivo.approve("david-park", scope="mend")
    run = await aivo.until(lambda run: run.state is State.HOLD)
    assert run.held is not None
    assert databases.content() == now


@pytest.mark.crash
@pytest.mark.covers("AIVO-R17")
async def test_a_restart_during_the_copy_copies_once(stage: Open, databases: Databases) -> None:
    """The bot ends while the copy is at work; the next one finds out and finishes."""
    aivo = await stage()
    await reviewed(aivo, databases)
    aivo.approve("david-park", scope="mend")
    await aivo.until(lambda run: run.steps["mend"].state is not StepState.WAITING)
    await aivo.close()
    aivo.wake()
    await aivo.until_ended()
    assert databases.content() == databases.good()
    assert databases.copies() == 1
