"""Rows copied from one real database to another, and put back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from adapters.postgres import drivers, sessions
from adapters.postgres.drivers import LostError, Row
from flows.actions import (
    Holds,
    NotYet,
    PermanentError,
    Refuted,
    TransientError,
    UnknownOutcomeError,
)
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.postgres.schools import School

pytestmark = [pytest.mark.real, pytest.mark.covers("AIVO-R16", "AIVO-R17", "AIVO-FIX32")]

Within = Callable[..., FakeContext]
Uses = Callable[..., Use]
Connect = Callable[..., psycopg.Connection[Any]]

TABLES = [
    {"table": "public.students", "keys": [2, 4]},
    {"table": "public.grades", "keys": [[1, "maths"], [4, "art"]]},
]
RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {keeper};
GRANT CREATE ON DATABASE {name} TO {keeper}
"""
CONTENT = "SELECT s::text FROM students s UNION ALL SELECT g::text FROM grades g ORDER BY 1"


@pytest.fixture
def context(main: School, recovered: School, within: Within) -> FakeContext:
    """A live database with damage, and a recovered one; one row is gone, one is wrong."""
    recovered.base.execute("INSERT INTO students VALUES (4, 'Di')")
    recovered.base.execute(
        "INSERT INTO grades VALUES (4, 'art', 1.10, '\\xdeadbeef', '2026-01-02 03:04:05.678901+02')"
    )
    main.base.execute("UPDATE grades SET grade = 9.99, note = NULL WHERE student = 1")
    main.base.execute("UPDATE students SET name = 'damaged' WHERE id = 2")
    main.superuser(RIGHTS)
    recovered.superuser("GRANT pg_read_all_data TO {keeper}")
    return within(main=main.keeper_dsn, recovered=recovered.keeper_dsn)


@pytest.fixture
def copy(context: FakeContext, use: Uses) -> Use:
    """The step that mends it."""
    return use(context, "postgres.copy_rows", source="recovered", target="main", tables=TABLES)


async def test_rows_are_copied_and_put_back(main: School, recovered: School, copy: Use) -> None:
    """Shown column by column, written exactly, repeated without effect, undone exactly."""
    damaged = main.base.execute(CONTENT)
    preview = await copy.preview()
    told = {each.subject: (each.before, each.after) for each in preview.changes}
    assert told["public.students id=2"] == ("name=damaged", "name=Bo")
    assert told["public.grades student=1, course=maths"] == (
        "grade=9.99, note=NULL",
        "grade=1.30, note=\\x00ff",
    )
    before, after = told["public.grades student=4, course=art"]
    assert before is None
    assert after is not None
    assert "changed=2026-01-02 01:04:05.678901+00" in after
    assert "2 rows since; undo has it" in preview.losses
    await copy.apply()
    assert "damaged" not in json.dumps(dict(copy.captured))
    verdict = await copy.outcome()
    assert isinstance(verdict, Holds)
    assert verdict.output["changed"] == 4
    assert verdict.output["rows"] == {"public.students": 2, "public.grades": 2}
    assert "1 foreign key followed, none broken" in verdict.summary
    assert main.base.execute(CONTENT) == recovered.base.execute(CONTENT)
    assert (await copy.preview()).in_place
    main.base.execute("UPDATE grades SET grade = 5 WHERE student = 3")
    await copy.action.apply(copy.inputs, copy.captured, copy.context)
    assert main.grade(3, "art") == "5.00"
    main.base.execute("UPDATE grades SET grade = 3 WHERE student = 3")
    assert await copy.undo() == "4 rows of main put back, all as they were"
    assert main.base.execute(CONTENT) == damaged
    assert await copy.undo() == "0 rows of main put back, all as they were"
    assert isinstance(await copy.verify(), Refuted)


async def test_what_somebody_changed_is_not_overwritten(main: School, copy: Use) -> None:
    """Between look and change it is drift and a refusal; after the change, undo refuses."""
    planned = await copy.preview()
    copy.captured = await copy.action.capture(copy.inputs, copy._enter())
    main.base.execute("UPDATE students SET name = 'Cyn' WHERE id = 3")
    assert (await copy.preview()).fingerprint == planned.fingerprint
    main.base.execute("UPDATE students SET name = 'Bob' WHERE id = 2")
    assert (await copy.preview()).fingerprint != planned.fingerprint
    with pytest.raises(PermanentError, match=r"has changed public\.students 2 since"):
        await copy.action.apply(copy.inputs, copy.captured, copy.context)
    assert isinstance(await copy.verify(), Refuted)
    assert main.grade(1) == "9.99"
    main.base.execute("UPDATE students SET name = 'damaged' WHERE id = 2")
    main.base.execute("INSERT INTO students VALUES (4, 'Eve')")
    with pytest.raises(PermanentError, match=r"has changed public\.students 4 since"):
        await copy.action.apply(copy.inputs, copy.captured, copy.context)
    main.base.execute("DELETE FROM students WHERE id = 4")
    await copy.action.apply(copy.inputs, copy.captured, copy.context)
    assert isinstance(await copy.verify(), Holds)
    main.base.execute("UPDATE students SET name = 'Beau' WHERE id = 2")
    verdict = await copy.verify()
    assert isinstance(verdict, Refuted)
    assert "not as in recovered: public.students 2" in verdict.why
    with pytest.raises(PermanentError, match=r"has changed public\.students 2 since"):
        await copy.undo()
    assert main.grade(1) == "1.30"


async def test_a_row_that_somebody_is_writing_is_waited_for(
    main: School, copy: Use, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is not got is a reason to try again, and nothing was written."""
    monkeypatch.setattr(sessions, "LOCK_SECONDS", 0.3)
    copy.captured = await copy.action.capture(copy.inputs, copy._enter())
    writer = connect(main.app_dsn)
    writer.execute("UPDATE grades SET grade = 2 WHERE student = 1")
    with pytest.raises(TransientError, match="is busy"):
        await copy.action.apply(copy.inputs, copy.captured, copy.context)
    writer.rollback()
    assert main.base.execute("SELECT name FROM students WHERE id = 2") == [("damaged",)]
    await copy.action.apply(copy.inputs, copy.captured, copy.context)
    assert isinstance(await copy.verify(), Holds)


@pytest.mark.parametrize("when", ["before the commit", "after the commit"])
async def test_a_lost_answer_is_looked_into(
    main: School, copy: Use, connect: Connect, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The marker tells whether the transaction was committed; a repeat does the rest."""
    copy.captured = await copy.action.capture(copy.inputs, copy._enter())
    rows = drivers.Wire.rows

    async def breaks(
        self: drivers.Wire, text: str, values: Any = None, *, prepared: bool = False
    ) -> list[Row]:
        if text == "COMMIT" and when == "before the commit":
            main.superuser(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'backout INC-7/step'"
            )
        found = await rows(self, text, values, prepared=prepared)
        if text == "COMMIT":
            raise LostError("server closed the connection unexpectedly")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(drivers.Wire, "rows", breaks)
        with pytest.raises(UnknownOutcomeError, match="did not answer a change"):
            await copy.action.apply(copy.inputs, copy.captured, copy.context)
    committed = when == "after the commit"
    assert (main.grade(1) == "1.30") is committed
    assert isinstance(await copy.verify(), Holds if committed else Refuted)
    await copy.action.apply(copy.inputs, copy.captured, copy.context)
    assert isinstance(await copy.verify(), Holds)


async def test_a_transaction_that_may_yet_commit_is_not_over(
    copy: Use, main: School, connect: Connect
) -> None:
    """As long as a session of this step is there, nobody says that nothing was copied."""
    copy.captured = await copy.action.capture(copy.inputs, copy._enter())
    left_over = connect(main.keeper_dsn, "backout INC-7/step")
    assert isinstance(await copy.verify(), NotYet)
    left_over.close()
    for _ in range(600):
        if isinstance(await copy.verify(), Refuted):
            return
    raise AssertionError("it stayed not over though the session is gone")


async def test_the_server_crashes_in_the_middle(main: School, copy: Use) -> None:
    """What was not committed is not there, and the step can be done again."""
    copy.captured = await copy.action.capture(copy.inputs, copy._enter())
    main.superuser("CHECKPOINT")  # the bench's server commits without waiting for the disk
    with main.server.down(), pytest.raises(TransientError, match="can't be reached"):
        await copy.action.apply(copy.inputs, copy.captured, copy.context)
    assert isinstance(await copy.verify(), Refuted)
    await copy.action.apply(copy.inputs, copy.captured, copy.context)
    assert isinstance(await copy.verify(), Holds)


async def test_constraints_and_triggers_have_their_say(main: School, copy: Use) -> None:
    """What the database refuses or changes is not copied at all."""
    main.base.execute(
        "ALTER TABLE grades ADD CONSTRAINT art_is_over CHECK (course <> 'art') NOT VALID"
    )
    copy.captured = await copy.action.capture(copy.inputs, copy._enter())
    with pytest.raises(PermanentError, match="art_is_over"):
        await copy.action.apply(copy.inputs, copy.captured, copy.context)
    main.base.execute("ALTER TABLE grades DROP CONSTRAINT art_is_over")
    main.base.execute(
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.name = upper(NEW.name); RETURN NEW; END'"
    )
    main.base.execute(
        "CREATE TRIGGER shouting BEFORE INSERT OR UPDATE ON students FOR EACH ROW"
        " EXECUTE FUNCTION shout()"
    )
    with pytest.raises(PermanentError, match="does not keep what is written to it"):
        await copy.action.apply(copy.inputs, copy.captured, copy.context)
    assert main.grade(1) == "9.99"


async def test_what_can_t_be_copied_is_said_before(
    main: School, recovered: School, context: FakeContext, use: Uses, within: Within
) -> None:
    """Keys, tables, schemas, rights and databases that do not fit: each in a sentence."""

    async def refused(told: str, *tables: dict[str, Any], within_: FakeContext = context) -> None:
        given = list(tables) or TABLES
        step = use(within_, "postgres.copy_rows", source="recovered", target="main", tables=given)
        with pytest.raises(PermanentError, match=told):
            await step.preview()

    await refused("does not have 77", {"table": "public.students", "keys": [1, 77]})
    await refused("has no table public.nothing", {"table": "public.nothing", "keys": [1]})
    await refused("is student, course", {"table": "public.grades", "keys": [1]})
    await refused("22P02", {"table": "public.students", "keys": ["x"]})
    await refused(
        "lead to the same database",
        within_=within(main=main.keeper_dsn, recovered=main.base.owner_dsn),
    )
    main.superuser("REVOKE DELETE ON students FROM {keeper}")
    await refused(f"role {main.keeper} may not write public.students in main")
    main.superuser("GRANT DELETE ON students TO {keeper}")
    main.superuser("REVOKE CREATE ON DATABASE {name} FROM {keeper}")
    await refused("can't write the marker in main")
    main.base.execute("ALTER TABLE students ADD COLUMN born date")
    await refused("born differs")
    for both in (main, recovered):
        both.base.execute("CREATE TABLE loose (a int)")
    main.superuser(RIGHTS)
    await refused("has no primary key", {"table": "public.loose", "keys": [1]})


async def test_foreign_keys_that_can_t_be_followed_are_told(main: School, copy: Use) -> None:
    """A table that others point from, and that Backout may not read, takes nothing back."""
    main.base.execute("CREATE TABLE fees (student int REFERENCES students)")
    await copy.apply()
    verdict = await copy.verify()
    assert isinstance(verdict, Holds)
    assert "could not be followed as a whole" in verdict.summary
    assert "permission denied for table fees" in verdict.summary


async def test_values_can_be_kept_from_reviewers(context: FakeContext, use: Uses) -> None:
    """They see that a value changes, and not which one it is."""
    copy = use(
        context,
        "postgres.copy_rows",
        source="recovered",
        target="main",
        tables=TABLES,
        masked=["name"],
    )
    changes = {each.subject: each for each in (await copy.preview()).changes}
    told = changes["public.students id=2"]
    assert (told.before or "").startswith("name=secret ")
    assert told.before != told.after


def test_odd_inputs_are_refused(within: Within, use: Uses) -> None:
    """Nothing is copied twice, onto itself, or by the thousand."""
    students = "public.students"
    for inputs in (
        {"target": "recovered"},
        {"tables": [{"table": students, "keys": [1]}, {"table": students, "keys": [2]}]},
        {"tables": [{"table": students, "keys": [1, "1"]}]},
        {"tables": [{"table": students, "keys": []}]},
        {"tables": [{"table": "students", "keys": [1]}]},
        {"tables": [{"table": students, "keys": [1.5]}]},
        {"tables": [{"table": students, "keys": list(range(1001))}]},
    ):
        given = {"source": "recovered", "target": "main", "tables": TABLES} | inputs
        with pytest.raises(ValidationError):
            use(within(main=""), "postgres.copy_rows", **given)
