"""Migrations of a shared journal, on a real PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from flows import migrating
from flows.migrating import QUEUE, MigrationError, UnreachableError
from flows.migrations import queues
from tests.real.services.postgres import PostgresDatabase

OURS = "SELECT nspname FROM pg_namespace WHERE nspname = 'backout'"
LEFT = """
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname = 'backout')
SELECT relname FROM pg_class WHERE relnamespace IN (TABLE ours)
UNION SELECT proname FROM pg_proc WHERE pronamespace IN (TABLE ours)
UNION SELECT typname FROM pg_type WHERE typnamespace IN (TABLE ours)
"""
JOBS = "SELECT count(*) FROM backout.procrastinate_jobs"
EVENT = "INSERT INTO backout.events VALUES ('INC-1', 1, 'e', 't', '{}', 'k', '{}', 'p', 'h')"
NEWEST = migrating.latest("postgresql://")


def test_up_and_down_leave_nothing_behind(postgres: PostgresDatabase) -> None:
    """All the way up makes our tables and the queue's; all the way down leaves an empty schema."""
    url = postgres.owner_dsn
    done = migrating.migrate(url)
    assert [move.name for move in done] == [*migrating.known(url), QUEUE]
    assert postgres.execute(JOBS) == [(0,)]
    assert migrating.missing(url) == ()
    migrating.require(url)
    assert migrating.migrate(url) == ()

    undone = migrating.migrate(url, 0)
    assert [move.name for move in undone] == [*reversed(migrating.known(url))]
    assert postgres.execute(LEFT) == []
    with pytest.raises(MigrationError, match="no tables of Backout yet: run `backout migrate`"):
        migrating.require(url)
    assert migrating.migrate(url) == done


def test_looking_changes_nothing(postgres: PostgresDatabase) -> None:
    """A status and a dry run of an empty database leave it empty."""
    assert migrating.missing(postgres.reader_dsn) == (
        *migrating.known(postgres.reader_dsn),
        *queues.names(),
    )
    assert migrating.moves(postgres.reader_dsn)
    assert postgres.execute(OURS) == []


def test_an_owner_without_the_right_to_make_schemas_uses_the_one_made_for_it(
    postgres: PostgresDatabase,
) -> None:
    """A database administrator makes the schema; Backout's role needs no right on the database."""
    as_superuser = postgres.superuser_dsn
    postgres.execute(f"CREATE SCHEMA backout AUTHORIZATION {postgres.reader}", dsn=as_superuser)
    migrating.migrate(postgres.reader_dsn)
    migrating.require(postgres.reader_dsn)


def test_a_role_that_may_make_no_schema_is_told_so(postgres: PostgresDatabase) -> None:
    """PostgreSQL's own word is passed on."""
    with pytest.raises(MigrationError, match="permission denied"):
        migrating.migrate(postgres.reader_dsn)


def test_what_would_lose_events_is_refused(postgres: PostgresDatabase) -> None:
    """Going down past the journal itself names what would be lost, and needs a word."""
    migrating.migrate(postgres.owner_dsn)
    postgres.execute(EVENT)
    with pytest.raises(MigrationError, match=r"events \(1\): make a backup, then say --yes"):
        migrating.migrate(postgres.owner_dsn, 0)
    assert migrating.missing(postgres.owner_dsn) == ()
    migrating.migrate(postgres.owner_dsn, 0, lose=True)
    assert postgres.execute(LEFT) == []


def test_two_at_once_migrate_once(postgres: PostgresDatabase) -> None:
    """The second waits for the first, and finds nothing left to do."""
    done: list[tuple[migrating.Move, ...]] = []
    threads = [
        threading.Thread(target=lambda: done.append(migrating.migrate(postgres.owner_dsn)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(len, done)) == [0, 0, len(migrating.known("")) + 1]


def test_a_failed_migration_leaves_nothing_half_done(
    postgres: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables and its note come together, or not at all; the next try does it all."""

    def failing(connection: object) -> None:
        postgres.execute("SELECT 1 FROM backout.runs")  # committed already
        raise psycopg.errors.InsufficientPrivilege("permission denied for schema backout")

    with monkeypatch.context() as patch:
        patch.setattr(queues, "bring", failing)
        with pytest.raises(MigrationError, match="permission denied for schema backout"):
            migrating.migrate(postgres.owner_dsn)
    assert migrating.missing(postgres.owner_dsn) == queues.names()
    with pytest.raises(MigrationError, match="older than this procrastinate"):
        migrating.require(postgres.owner_dsn)
    assert [move.name for move in migrating.migrate(postgres.owner_dsn)] == [QUEUE]
    migrating.require(postgres.owner_dsn)


def test_the_queue_takes_its_later_changes(
    postgres: PostgresDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer procrastinate finds which of its changes the database has not, and applies those."""
    url = postgres.owner_dsn
    migrating.migrate(url)
    later = tmp_path / "99.00.00_01_pre_later.sql"
    later.write_text("CREATE TABLE procrastinate_later (id INTEGER);", encoding="utf-8")
    there = queues.files()
    monkeypatch.setattr(queues, "files", lambda: (*there, later))
    with pytest.raises(MigrationError, match="older than this procrastinate"):
        migrating.require(url)
    assert migrating.missing(url) == (later.stem,)
    assert [move.name for move in migrating.migrate(url)] == [QUEUE]
    assert postgres.execute("SELECT count(*) FROM backout.procrastinate_later") == [(0,)]
    migrating.require(url)


@pytest.mark.parametrize(
    ("version", "serves", "sentence"),
    [
        (NEWEST - 1, 1, "needs {0}: run `backout migrate`, then start again"),
        (NEWEST + 1, NEWEST, None),
        (NEWEST + 2, NEWEST, None),
        (NEWEST + 1, NEWEST + 1, "this one knows {0}: start the newer version again"),
    ],
)
def test_a_replica_starts_only_on_a_schema_that_serves_it(
    postgres: PostgresDatabase, version: int, serves: int, sentence: str | None
) -> None:
    """An older schema and one that no longer serves it are refused; one that still does is not."""
    migrating.migrate(postgres.owner_dsn)
    change = "UPDATE backout.schema_version SET version = %s, serves = %s"
    postgres.execute(change, version, serves)
    if sentence is None:
        migrating.require(postgres.owner_dsn)
        return
    with pytest.raises(MigrationError, match=sentence.format(NEWEST)):
        migrating.require(postgres.owner_dsn)


def test_a_newer_migration_is_left_to_the_newer_version(postgres: PostgresDatabase) -> None:
    """This version can't take down what it does not know."""
    migrating.migrate(postgres.owner_dsn)
    postgres.execute(
        "INSERT INTO backout._yoyo_migration VALUES ('f00', '9999_future', '2030-01-01')"
    )
    with pytest.raises(MigrationError, match="migrate with the newer version"):
        migrating.migrate(postgres.owner_dsn, 0)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("postgresql://user:hunter2@127.0.0.1:1/none", UnreachableError),
        ("postgresql//user:hunter2@127.0.0.1:1/none", MigrationError),
        ("postgresql://user:hun@ter2@127.0.0.1:1/none", MigrationError),
    ],
)
def test_an_address_that_does_not_work_is_never_repeated(
    url: str, error: type[MigrationError]
) -> None:
    """The sentence names the setting, and nothing of the password."""
    for ask in (migrating.require, migrating.missing):
        with pytest.raises(error, match="BACKOUT_DATABASE_URL") as told:
            ask(url)
        assert "hunter2" not in str(told.value)
        assert "ter2" not in str(told.value)
