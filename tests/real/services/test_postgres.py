"""The bench's PostgreSQL: databases of their own, roles that are refused, WAL that restores."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.real.processes import scratch
from tests.real.services.postgres import (
    PostgresDatabase,
    PostgresServer,
    account,
    database,
    own,
    tool,
)

pytestmark = pytest.mark.real


def test_a_row_is_written_and_read(postgres: PostgresDatabase) -> None:
    """What the owner commits, the reader sees."""
    postgres.execute("CREATE TABLE orders (id int PRIMARY KEY, total numeric)")
    postgres.execute("INSERT INTO orders VALUES (1, 12.50)")
    rows = postgres.execute("SELECT id, total::text FROM orders", dsn=postgres.reader_dsn)
    assert rows == [(1, "12.50")]


def test_a_role_is_refused_what_it_may_not_do(postgres: PostgresDatabase) -> None:
    """The reader can't write, and nobody comes in without the right password."""
    postgres.execute("CREATE TABLE orders (id int)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("INSERT INTO orders VALUES (1)", dsn=postgres.reader_dsn)
    wrong = postgres.server.dsn(postgres.name, postgres.owner, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        postgres.execute("SELECT 1", dsn=wrong)


def test_databases_of_two_tests_are_apart(postgres: PostgresDatabase) -> None:
    """Another database has neither the tables nor the roles, and leaves nothing behind."""
    postgres.execute("CREATE TABLE orders (id int)")
    with (
        database(postgres.server, f"shop_{secrets.token_hex(4)}") as other,
        pytest.raises(psycopg.errors.UndefinedTable),
    ):
        other.execute("SELECT * FROM orders")
    names = postgres.server.execute("SELECT datname FROM pg_database")
    assert (other.name,) not in names
    assert (postgres.name,) in names


def test_sessions_can_be_seen_and_ended(postgres: PostgresDatabase) -> None:
    """A session that sits in a transaction is listed, and gone once terminated."""
    with psycopg.connect(postgres.owner_dsn) as idle:
        idle.execute("SELECT 1")
        ended = postgres.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = %s AND state = 'idle in transaction'",
            postgres.owner,
            dsn=postgres.superuser_dsn,
        )
        assert ended == [(True,)]
        with pytest.raises(psycopg.errors.AdminShutdown):
            idle.execute("SELECT 1")


def test_a_dump_restores_into_a_new_database(postgres: PostgresDatabase, tmp_path: Path) -> None:
    """pg_dump and pg_restore of the same version are there, and do their work."""
    postgres.execute("CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id")
    dump = tmp_path / "dump"
    subprocess.run(
        [tool("pg_dump"), "-Fc", "-f", dump, "-d", postgres.owner_dsn], check=True, timeout=60
    )
    with database(postgres.server, f"shop_{secrets.token_hex(4)}") as other:
        restore = [tool("pg_restore"), "--no-owner", "--exit-on-error", "-d", other.owner_dsn]
        subprocess.run([*restore, dump], check=True, timeout=60)
        assert other.execute("SELECT count(*), sum(id) FROM orders") == [(1000, 500500)]


def test_a_backup_and_the_archive_lead_back_to_a_time(
    postgres: PostgresDatabase, tmp_path: Path
) -> None:
    """A second server over a base backup replays to just before the damage."""
    server = postgres.server
    postgres.execute("CREATE TABLE orders (id int)")
    with scratch("restored", owner=account()) as folder:
        restored = PostgresServer(folder, log=tmp_path / "log", password=server.password)
        server.base_backup(restored.data)
        postgres.execute("INSERT INTO orders VALUES (1)")
        ((before,),) = server.execute("SELECT clock_timestamp()::text")
        postgres.execute("DELETE FROM orders")
        server.execute("SELECT pg_switch_wal()")
        restored.configure(
            restore_command=f"cp {server.archive}/%f %p",
            recovery_target_time=str(before),
            recovery_target_action="promote",
            archive_mode="off",
        )
        signal = restored.data / "recovery.signal"
        signal.touch()
        own(signal)
        with restored.up():
            rows = restored.execute("SELECT id FROM orders", database=postgres.name)
            assert rows == [(1,)]
    assert postgres.execute("SELECT id FROM orders") == []


def test_a_stopped_server_refuses_and_comes_back(postgres: PostgresDatabase) -> None:
    """While the server is down connections are refused; afterwards committed rows are there."""
    server: PostgresServer = postgres.server
    postgres.execute("CREATE TABLE orders AS SELECT 1 AS id")
    with server.down(), pytest.raises(psycopg.OperationalError, match="refused"):
        postgres.execute("SELECT 1")
    assert postgres.execute("SELECT id FROM orders") == [(1,)]


def test_a_frozen_server_answers_nobody(postgres: PostgresDatabase) -> None:
    """Connecting to a frozen server ends in the client's own timeout."""
    with (
        postgres.server.frozen(),
        pytest.raises(psycopg.OperationalError, match="timeout"),
    ):
        psycopg.connect(postgres.owner_dsn, connect_timeout=2)
    assert postgres.execute("SELECT 1") == [(1,)]
