"""Looks at a real PostgreSQL: ready, values, foreign keys, open transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from adapters.postgres import drivers
from flows.actions import Holds, NotYet, PermanentError
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.postgres.schools import School

pytestmark = pytest.mark.real

Json = Any
Within = Callable[..., FakeContext]
Uses = Callable[..., Use]
Connect = Callable[..., psycopg.Connection[Any]]

LOOKS: list[tuple[str, dict[str, Json]]] = [
    ("postgres.ready", {}),
    ("postgres.query_check", {"query": "SELECT count(*) FROM students"}),
    ("postgres.integrity_check", {}),
    ("postgres.wait_quiescent", {"roles": ["postgres"], "times": 1}),
]
COMPARED: list[tuple[str, dict[str, Json], bool]] = [
    ("SELECT count(*) FROM students", {"expect": "value == 3"}, True),
    ("SELECT count(*) FROM students", {"baseline": 3}, True),
    ("SELECT count(*) FROM students", {"baseline": 4}, False),
    ("SELECT 98", {"baseline": 100, "tolerance": 0.02}, True),
    ("SELECT 97", {"baseline": 100, "tolerance": 0.02}, False),
    ("SELECT 97", {"baseline": 100, "expect": "value >= baseline * 0.95"}, True),
    ("SELECT avg(grade) FROM grades", {"expect": "value < 2.4"}, True),
    ("SELECT 'x' LIKE '%x%'", {"expect": "value"}, True),
    ("SELECT name FROM students WHERE id = 1", {"baseline": "Ada"}, True),
]
REFUSED = [
    ("SELECT 1; DELETE FROM grades", "multiple commands"),
    ("WITH gone AS (DELETE FROM grades RETURNING 1) SELECT count(*) FROM gone", "read-only"),
    ("SELECT id, name FROM students", "instead of one value"),
    ("SELECT nothing", "42703"),
]


async def test_a_database_is_ready(main: School, within: Within, use: Uses) -> None:
    """It answers, and tells the number by which it can be pinned."""
    verdict = await use(within(main=main.keeper_dsn), "postgres.ready", database="main").verify()
    assert isinstance(verdict, Holds)
    assert verdict.output["version"].startswith("15.")
    assert verdict.output["primary"] is True
    number = main.server.execute("SELECT system_identifier::text FROM pg_control_system()")
    assert verdict.output["system_identifier"] == number[0][0]


async def test_a_database_without_room_is_not_ready(
    main: School, within: Within, use: Uses, connect: Connect
) -> None:
    """More of its connections in use than wanted: not yet, and how many."""
    connect(main.app_dsn)
    asked = use(within(main=main.keeper_dsn), "postgres.ready", database="main", fullest=0.001)
    verdict = await asked.verify()
    assert isinstance(verdict, NotYet)
    assert verdict.output["ok"] is False
    assert "more than 0% of its connections" in verdict.progress


async def test_a_server_that_is_away_is_unknown(main: School, within: Within, use: Uses) -> None:
    """No connection, and no output that something could be concluded from."""
    context = within(main=main.keeper_dsn)
    with main.server.down():
        verdicts = [
            await use(context, uses, database="main", **inputs).verify() for uses, inputs in LOOKS
        ]
    for verdict in verdicts:
        assert isinstance(verdict, NotYet)
        assert verdict.progress.startswith("unknown: The database main can't be reached")
        assert not verdict.output


async def test_a_silent_server_is_unknown(
    main: School, within: Within, use: Uses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes the connection and says nothing does not hold the look up."""
    monkeypatch.setattr(drivers, "CONNECT_SECONDS", 2)
    asked = use(within(main=main.keeper_dsn), "postgres.ready", database="main")
    with main.server.frozen():
        verdict = await asked.verify()
    assert isinstance(verdict, NotYet)
    assert not verdict.output
    monkeypatch.undo()
    assert isinstance(await asked.verify(), Holds)


async def test_a_server_that_falls_silent_while_it_is_asked_is_unknown(
    main: School, within: Within, use: Uses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut from this side, whatever becomes of the statement over there."""
    monkeypatch.setattr(drivers, "PATIENCE", -9.5)  # half a second with the limit of a look
    rows = drivers.Wire.rows
    main.superuser("GRANT pg_read_all_stats TO {keeper}")
    context = within(main=main.keeper_dsn)

    async def freezes(self: drivers.Wire, text: str, *rest: Json, **more: Json) -> Json:
        if "backout: roles" not in text:
            monkeypatch.setattr(drivers, "PATIENCE", 3.0)
            return await rows(self, text, *rest, **more)
        monkeypatch.setattr(drivers, "PATIENCE", -9.5)
        with main.server.frozen():
            return await rows(self, text, *rest, **more)

    asked = use(context, "postgres.wait_quiescent", database="main", roles=main.app, times=1)
    with monkeypatch.context() as patched:
        patched.setattr(drivers.Wire, "rows", freezes)
        verdict = await asked.verify()
    assert isinstance(verdict, NotYet)
    assert "no answer within 0.5 s" in verdict.progress
    monkeypatch.undo()
    assert isinstance(await asked.verify(), Holds)


async def test_a_wrong_password_is_said_without_it(main: School, within: Within, use: Uses) -> None:
    """The sentence names the setting, and no password."""
    context = within(main=main.server.dsn(main.base.name, main.app, "hunter22"))
    for uses, inputs in LOOKS:
        with pytest.raises(PermanentError, match=r"connections\.databases\.main") as raised:
            await use(context, uses, database="main", **inputs).verify()
        assert "hunter22" not in str(raised.value)


async def test_another_cluster_is_refused(main: School, within: Within, use: Uses) -> None:
    """What is pinned is compared before anything is asked."""
    context = within(main=main.keeper_dsn, pins={"main": "7000000000000000001"})
    for uses, inputs in LOOKS:
        with pytest.raises(PermanentError, match="is another one than"):
            await use(context, uses, database="main", **inputs).verify()


async def test_a_broken_dsn_is_not_repeated(within: Within, use: Uses) -> None:
    """libpq would print the whole of it."""
    context = within(main="postgres//user:hunter22@host/db extra")
    with pytest.raises(PermanentError, match="no libpq URI") as raised:
        await use(context, "postgres.ready", database="main").verify()
    assert "hunter22" not in str(raised.value)


async def test_an_unknown_database_lists_those_there_are(within: Within, use: Uses) -> None:
    """A misspelt name is answered with the names."""
    context = within(main="host=127.0.0.1")
    with pytest.raises(PermanentError, match=r"has no database mian.*there: main"):
        await use(context, "postgres.ready", database="mian").verify()


@pytest.mark.covers("AIVO-R15", "AIVO-V2", "AIVO-FIX31")
async def test_a_value_is_compared(main: School, within: Within, use: Uses) -> None:
    """By an expression, or by what it was before."""
    context = within(main=main.base.owner_dsn)
    for query, rest, holds in COMPARED:
        asked = use(context, "postgres.query_check", database="main", query=query, **rest)
        verdict = await asked.verify()
        assert isinstance(verdict, Holds if holds else NotYet), query
        assert verdict.output["ok"] is holds


async def test_nothing_is_unknown(main: School, within: Within, use: Uses) -> None:
    """No row and NULL say nothing, and are not zero."""
    context = within(main=main.base.owner_dsn)
    for query, told in (
        ("SELECT name FROM students WHERE id = 9", "no row"),
        ("SELECT max(id) FROM students WHERE id > 9", "NULL"),
    ):
        asked = use(
            context, "postgres.query_check", database="main", query=query, expect="value == 0"
        )
        verdict = await asked.verify()
        assert isinstance(verdict, NotYet)
        assert told in verdict.progress
        assert not verdict.output


async def test_a_query_that_is_no_look_is_refused(main: School, within: Within, use: Uses) -> None:
    """It can't write, hold a second statement, or give a table."""
    context = within(main=main.base.owner_dsn)
    for query, told in REFUSED:
        with pytest.raises(PermanentError, match=told):
            await use(context, "postgres.query_check", database="main", query=query).verify()
    assert main.base.execute("SELECT count(*) FROM grades") == [(3,)]


async def test_a_right_that_is_missing_is_named(main: School, within: Within, use: Uses) -> None:
    """The sentence says which role may not do what."""
    context = within(main=main.keeper_dsn)
    asked = use(
        context, "postgres.query_check", database="main", query="SELECT count(*) FROM grades"
    )
    with pytest.raises(PermanentError, match=f"role {main.keeper} may not .* table grades"):
        await asked.verify()


@pytest.mark.covers("AIVO-V3", "AIVO-FIX25")
async def test_orphans_are_found_behind_a_constraint(
    main: School, within: Within, use: Uses
) -> None:
    """Rows that were loaded with triggers off break a constraint that counts as validated."""
    context = within(main=main.base.owner_dsn)
    asked = use(context, "postgres.integrity_check", database="main")
    verdict = await asked.verify()
    assert isinstance(verdict, Holds)
    assert verdict.output["rows"] == {"public.grades": 3}
    main.superuser("SET session_replication_role = replica; DELETE FROM students WHERE id = 3")
    verdict = await asked.verify()
    assert isinstance(verdict, NotYet)
    assert verdict.output["orphans"] == {"public.grades: grades_student_fkey": 1}
    assert "1 row that point" in verdict.progress


async def test_odd_names_and_keys_of_several_columns_are_followed(
    main: School, within: Within, use: Uses
) -> None:
    """Names are quoted; a key that is partly NULL is allowed, but with MATCH FULL."""
    main.base.execute('CREATE TABLE "a %%s""b" ("x y" int, z int, PRIMARY KEY ("x y", z))')
    main.base.execute("CREATE TABLE child (p int, q int, r int)")
    main.base.execute("INSERT INTO child VALUES (1, NULL, 1), (1, 2, 2), (NULL, NULL, 3)")
    main.base.execute(
        'ALTER TABLE child ADD CONSTRAINT loose FOREIGN KEY (p, q) REFERENCES "a %%s""b" NOT VALID,'
        ' ADD CONSTRAINT strict FOREIGN KEY (p, q) REFERENCES "a %%s""b" MATCH FULL NOT VALID'
    )
    context = within(main=main.base.owner_dsn)
    asked = use(context, "postgres.integrity_check", database="main", tables="public.child")
    verdict = await asked.verify()
    assert isinstance(verdict, NotYet)
    assert verdict.output["orphans"] == {"public.child: loose": 1, "public.child: strict": 2}
    assert verdict.output["not_validated"] == ["public.child: loose", "public.child: strict"]


async def test_a_constraint_that_nobody_validated_can_fail_the_check(
    main: School, within: Within, use: Uses
) -> None:
    """It is told in any case, and fails the check on demand."""
    main.base.execute("ALTER TABLE grades ADD CONSTRAINT good CHECK (grade > 0) NOT VALID")
    context = within(main=main.base.owner_dsn)
    told = await use(context, "postgres.integrity_check", database="main").verify()
    assert isinstance(told, Holds)
    assert told.output["not_validated"] == ["public.grades: good"]
    asked = use(context, "postgres.integrity_check", database="main", validated=True)
    assert isinstance(await asked.verify(), NotYet)


async def test_rows_that_a_policy_hides_are_no_absence(
    main: School, within: Within, use: Uses
) -> None:
    """Row security is an error instead of fewer rows."""
    main.base.execute("ALTER TABLE students ENABLE ROW LEVEL SECURITY")
    context = within(main=main.app_dsn)
    with pytest.raises(PermanentError, match="row-level security"):
        await use(context, "postgres.integrity_check", database="main").verify()


@pytest.mark.covers("AIVO-I10", "AIVO-FIX13")
async def test_a_transaction_that_idles_is_not_over(
    main: School, within: Within, use: Uses, connect: Connect
) -> None:
    """Idle in a transaction counts, a mere connection does not, and the asking session never."""
    main.superuser("GRANT pg_read_all_stats TO {keeper}")
    writer = connect(main.app_dsn)
    connect(main.jobs_dsn)
    writer.execute("UPDATE grades SET grade = 1 WHERE student = 1")
    context = within(main=main.keeper_dsn)
    asked = use(
        context,
        "postgres.wait_quiescent",
        database="main",
        roles=[main.app, main.jobs, main.keeper],
    )
    verdict = await asked.verify()
    assert isinstance(verdict, NotYet)
    assert verdict.output["open"] == 1
    assert "idle in transaction" in verdict.progress
    writer.commit()
    verdict = await asked.verify()
    assert isinstance(verdict, Holds)
    assert context.pauses == [1.0, 1.0]


async def test_transactions_that_can_t_be_seen_are_not_none(
    main: School, within: Within, use: Uses
) -> None:
    """Without pg_read_all_stats the server hides them, which is an error and never zero."""
    asked = use(
        within(main=main.keeper_dsn),
        "postgres.wait_quiescent",
        database="main",
        roles=[main.app],
    )
    with pytest.raises(PermanentError, match="GRANT pg_read_all_stats"):
        await asked.verify()


async def test_a_role_that_is_not_there_is_named(main: School, within: Within, use: Uses) -> None:
    """Nobody waits for a misspelt role."""
    asked = use(
        within(main=main.keeper_dsn), "postgres.wait_quiescent", database="main", roles=["nobody"]
    )
    with pytest.raises(PermanentError, match="has no role nobody"):
        await asked.verify()
