"""Ending sessions and stopping writes on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from adapters.postgres import drivers
from adapters.postgres.drivers import LostError, Row
from flows.actions import (
    ActionError,
    Holds,
    InterruptedByHoldError,
    PermanentError,
    Refuted,
    TransientError,
    UnknownOutcomeError,
)
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.postgres.schools import School

pytestmark = pytest.mark.real

Within = Callable[..., FakeContext]
Uses = Callable[..., Use]
Connection = psycopg.Connection[Any]
Connect = Callable[..., Connection]

RIGHTS = "ALTER ROLE {keeper} CREATEROLE; GRANT pg_signal_backend, pg_read_all_stats TO {keeper}"
WRITE = "UPDATE grades SET grade = 4 WHERE student = 1"


@pytest.fixture
def context(main: School, within: Within) -> FakeContext:
    """A context whose database is pinned, and whose role has just the rights it needs."""
    main.superuser(RIGHTS)
    rows = main.server.execute("SELECT system_identifier::text FROM pg_control_system()")
    return within(main=main.keeper_dsn, pins={"main": str(rows[0][0])})


def gone(connection: Connection) -> bool:
    """Say whether a session was ended from outside."""
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def writes(connection: Connection) -> bool:
    """Say whether a session can write."""
    try:
        connection.execute(WRITE)
    except psycopg.errors.ReadOnlySqlTransaction:
        return False
    finally:
        connection.rollback()
    return True


def test_the_helpers_can_tell(main: School, connect: Connect) -> None:
    """What the tests below rely on: a session that writes, one that can't, one that is gone."""
    session = connect(main.app_dsn)
    assert writes(session)
    session.execute("SET default_transaction_read_only = on")
    session.commit()
    assert not writes(session)
    main.superuser(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'nobody'"
    )
    assert not gone(session)


async def test_sessions_of_named_roles_are_ended(
    main: School, context: FakeContext, use: Uses, connect: Connect
) -> None:
    """Those that were there, and neither another role's nor one that came later."""
    first, second, other = connect(main.app_dsn), connect(main.app_dsn), connect(main.jobs_dsn)
    second.execute(WRITE)
    end = use(context, "postgres.terminate_sessions", database="main", roles=main.app)
    preview = await end.preview()
    assert preview.touches == 2
    assert "1 open transaction" in preview.losses
    assert not preview.warnings
    again = await end.preview()
    late = connect(main.app_dsn)
    assert (await end.preview()).fingerprint == again.fingerprint
    end.captured = await end.action.capture(end.inputs, end.context)
    newest = connect(main.app_dsn)
    await end.action.apply(end.inputs, end.captured, end.context)
    verdict = await end.outcome()
    assert isinstance(verdict, Holds)
    assert verdict.output == {"ended": 3, "reconnected": 1}
    assert [gone(each) for each in (first, second, late)] == [True, True, True]
    await end.action.apply(end.inputs, end.captured, end.context)
    assert not gone(newest)
    assert not gone(other)
    assert main.grade(1) == "1.30"


async def test_delicate_roles_are_named_twice(
    main: School, within: Within, use: Uses, connect: Connect
) -> None:
    """A superuser's sessions end only where `even` names it, and never Backout's own."""
    context = within(main=main.base.superuser_dsn)
    admin = connect(main.base.superuser_dsn, "psql")
    end = use(context, "postgres.terminate_sessions", database="main", roles=["postgres"])
    with pytest.raises(PermanentError, match=r"postgres is a superuser.*name it in `even`"):
        await end.preview()
    end = use(
        context, "postgres.terminate_sessions", database="main", roles="postgres", even="postgres"
    )
    assert (await end.preview()).touches == 1
    await end.apply()
    assert isinstance(await end.outcome(), Holds)
    assert gone(admin)


async def test_rights_are_asked_for_before_anything_is_done(
    main: School, within: Within, use: Uses
) -> None:
    """One right after the other is missing, and each is named by the preview."""
    context = within(main=main.keeper_dsn)
    ending = use(context, "postgres.terminate_sessions", database="main", roles=main.app)
    stopping = use(context, "postgres.set_read_only", database="main", roles=main.app)
    for missing, granted in (
        ("GRANT pg_read_all_stats", "GRANT pg_read_all_stats TO {keeper}"),
        ("needs pg_signal_backend", "GRANT pg_signal_backend TO {keeper}"),
    ):
        for each in (ending, stopping):
            with pytest.raises(PermanentError, match=missing):
                await each.preview()
        main.superuser(granted)
    assert (await ending.preview()).in_place
    with pytest.raises(PermanentError, match="it needs CREATEROLE"):
        await stopping.preview()
    main.superuser("ALTER ROLE {keeper} CREATEROLE")
    assert (await stopping.preview()).touches == 1


@pytest.mark.covers("AIVO-FIX12", "AIVO-FLOW2", "V2C-I1", "V2C-R5", "V2C-FIX10")
async def test_writes_stop_and_come_back(
    main: School, context: FakeContext, use: Uses, connect: Connect
) -> None:
    """Old sessions are ended, new ones only read, the migrator writes; then all write again."""
    old = connect(main.app_dsn)
    assert writes(old)
    stop = use(
        context,
        "postgres.set_read_only",
        "stop",
        database="main",
        roles=[main.app],
        exempt=[main.base.owner],
    )
    preview = await stop.preview()
    assert preview.changes[0].before == "may write, 1 session"
    assert any(f"{main.jobs} can write too" in each for each in preview.warnings)
    clear = use(context, "postgres.clear_read_only", "clear", from_step="stop")
    assert "will make read-only" in (await clear.preview()).summary
    await stop.apply()
    verdict = await stop.outcome()
    assert isinstance(verdict, Holds)
    assert gone(old)
    fresh = connect(main.app_dsn)
    assert not writes(fresh)
    assert writes(connect(main.jobs_dsn))
    assert writes(connect(main.base.owner_dsn))
    await stop.action.apply(stop.inputs, stop.captured, stop._enter())
    assert not gone(fresh)
    fresh.rollback()
    before = (await clear.preview()).changes[0]
    assert (before.before, before.after) == (
        "read-only, 1 session",
        "not set, connected again",
    )
    await clear.apply()
    verdict = await clear.outcome()
    assert isinstance(verdict, Holds)
    assert verdict.output == {"writing": [main.app], "read_only": [], "sessions": 0}
    assert gone(fresh)
    assert writes(connect(main.app_dsn))
    assert "only reads" in await clear.undo()
    assert not writes(connect(main.app_dsn))


async def test_undo_puts_the_defaults_of_before_back(
    main: School, context: FakeContext, use: Uses, connect: Connect
) -> None:
    """One role wrote by default, one was read-only already; twice undone is the same."""
    main.superuser("ALTER ROLE {app} IN DATABASE {name} SET default_transaction_read_only = off")
    main.superuser("ALTER ROLE {jobs} IN DATABASE {name} SET default_transaction_read_only = true")
    stop = use(context, "postgres.set_read_only", database="main", roles=[main.app, main.jobs])
    await stop.apply()
    assert isinstance(await stop.outcome(), Holds)
    held = connect(main.app_dsn)
    told = await stop.undo()
    assert f"{main.app} writes" in told
    assert f"{main.jobs} only reads" in told
    assert gone(held)
    assert writes(connect(main.app_dsn))
    kept = connect(main.app_dsn)
    await stop.undo()
    assert not gone(kept)
    rows = main.server.execute(
        "SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole"
        " WHERE rolname = ANY(%s) ORDER BY 1",
        [main.app, main.jobs],
    )
    assert rows == [("default_transaction_read_only=off",), ("default_transaction_read_only=true",)]


async def test_somebody_elses_default_is_not_overwritten(
    main: School, context: FakeContext, use: Uses
) -> None:
    """Before the change it is drift; after it, undo refuses and says what is there."""
    stop = use(context, "postgres.set_read_only", database="main", roles=[main.app])
    planned = (await stop.preview()).fingerprint
    stop.captured = await stop.action.capture(stop.inputs, stop.context)
    main.superuser("ALTER ROLE {app} IN DATABASE {name} SET default_transaction_read_only = off")
    assert (await stop.preview()).fingerprint != planned
    with pytest.raises(PermanentError, match="has set another default since"):
        await stop.action.apply(stop.inputs, stop.captured, stop.context)
    main.superuser("ALTER ROLE {app} IN DATABASE {name} RESET default_transaction_read_only")
    await stop.action.apply(stop.inputs, stop.captured, stop.context)
    assert isinstance(await stop.outcome(), Holds)
    main.superuser("ALTER ROLE {app} IN DATABASE {name} SET default_transaction_read_only = off")
    with pytest.raises(PermanentError, match="is set to write"):
        await stop.undo()
    assert isinstance(await stop.verify(), Refuted)


async def test_a_session_that_outlives_the_change_refutes_it(
    main: School, context: FakeContext, use: Uses, connect: Connect
) -> None:
    """Held after the defaults are set: sessions of before are still there, and that is said."""
    old = connect(main.app_dsn)
    stop = use(context, "postgres.set_read_only", database="main", roles=[main.app])
    stop.captured = await stop.action.capture(stop.inputs, stop.context)
    main.superuser("ALTER ROLE {app} IN DATABASE {name} SET default_transaction_read_only = on")
    verdict = await stop.verify()
    assert isinstance(verdict, Refuted)
    assert "may be older than the change" in verdict.why
    context.holds_after = 1
    with pytest.raises(InterruptedByHoldError):
        await stop.action.apply(stop.inputs, stop.captured, context)
    context.holds_after = None
    await stop.action.apply(stop.inputs, stop.captured, context)
    assert isinstance(await stop.outcome(), Holds)
    assert gone(old)


@pytest.mark.parametrize("ending", ["terminated", "restarted", "after the commit"])
async def test_a_connection_that_breaks_is_looked_into(
    main: School,
    context: FakeContext,
    use: Uses,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
) -> None:
    """Whatever became of it, the look says so, and the next attempt brings it to its end."""
    old = connect(main.app_dsn)
    stop = use(context, "postgres.set_read_only", database="main", roles=[main.app])
    stop.captured = await stop.action.capture(stop.inputs, stop.context)
    main.superuser("CHECKPOINT")  # the bench's server commits without waiting for the disk
    rows = drivers.Wire.rows
    broken: list[str] = []

    async def breaks(
        self: drivers.Wire, text: str, values: Any = None, *, prepared: bool = False
    ) -> list[Row]:
        if text != "COMMIT" or broken:
            return await rows(self, text, values, prepared=prepared)
        broken.append(text)
        if ending == "restarted":
            await asyncio.to_thread(main.server.crash)
            await asyncio.to_thread(main.server.revive)
        elif ending == "terminated":
            main.superuser(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'backout INC-7/step'"
            )
        found = await rows(self, text, values, prepared=prepared)
        if ending == "after the commit":
            raise LostError("server closed the connection unexpectedly")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(drivers.Wire, "rows", breaks)
        with pytest.raises(UnknownOutcomeError, match="did not answer a change"):
            await stop.action.apply(stop.inputs, stop.captured, stop._enter())
    verdict = await stop.verify()
    assert isinstance(verdict, Refuted)
    done = ending == "after the commit"
    assert ("may be older" in verdict.why) is done
    await stop.action.apply(stop.inputs, stop.captured, stop.context)
    assert isinstance(await stop.outcome(), Holds)
    assert gone(old)


async def test_nothing_is_changed_in_another_cluster(
    main: School, recovered: School, within: Within, use: Uses
) -> None:
    """The pin counts, and so does the database that was captured."""
    main.superuser(RIGHTS)
    recovered.superuser(RIGHTS)
    wrong = within(main=main.keeper_dsn, pins={"main": "7000000000000000001"})
    with pytest.raises(PermanentError, match="is another one than"):
        await use(wrong, "postgres.set_read_only", database="main", roles=main.app).preview()
    stop = use(
        within(main=main.keeper_dsn), "postgres.set_read_only", database="main", roles=main.app
    )
    assert "is not pinned: add system_identifier" in (await stop.preview()).warnings[0]
    captured = await stop.action.capture(stop.inputs, stop.context)
    moved = within(main=recovered.keeper_dsn)
    with pytest.raises(PermanentError, match="another one than when the step began"):
        await stop.action.apply(stop.inputs, captured, moved)


async def test_a_server_that_is_away_changes_nothing(
    main: School, context: FakeContext, use: Uses
) -> None:
    """Not connected is not sent: the engine may try again."""
    stop = use(context, "postgres.set_read_only", database="main", roles=main.app)
    stop.captured = await stop.action.capture(stop.inputs, stop.context)
    failures: list[ActionError] = []
    with main.server.down():
        for act in (
            stop.preview(),
            stop.action.apply(stop.inputs, stop.captured, context),
            stop.verify(),
            stop.action.undo(stop.inputs, stop.captured, context),
        ):
            with pytest.raises(TransientError) as raised:
                await act
            failures.append(raised.value)
    assert all("can't be reached" in str(each) for each in failures)


async def test_who_is_no_application_is_refused(
    main: School, context: FakeContext, use: Uses
) -> None:
    """Groups do not log in, superusers are nobody's application, and nobody is in both lists."""
    main.superuser("CREATE ROLE {group}; GRANT {group} TO {app}", group=f"{main.app}_group")
    try:
        for role, told in ((f"{main.app}_group", "can't log in"), ("postgres", "is a superuser")):
            stop = use(context, "postgres.set_read_only", database="main", roles=role)
            with pytest.raises(PermanentError, match=told):
                await stop.preview()
    finally:
        main.superuser("DROP ROLE {group}", group=f"{main.app}_group")
    with pytest.raises(ValueError, match="both roles and exempt"):
        use(context, "postgres.set_read_only", database="main", roles="a", exempt="a")
