"""Migrations of a SQLite journal: up, down, from before they were noted, and never by half."""

import sqlite3
import sys
from pathlib import Path

import pytest

from flows import migrating
from flows.journal import FILE, Journal
from flows.migrating import MigrationError
from flows.migrations.backends import Sqlite

NEWEST = migrating.latest(Path("any"))


def schema_of(path: Path) -> list[tuple[str, str]]:
    """Return what a file is made of, its version first."""
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        made = sorted(found.fetchall())
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return [("version", str(version)), *made]


def names_of(path: Path) -> set[str]:
    """Return the names of its tables and indexes."""
    return {name for name, _ in schema_of(path)} - {"version", "sqlite_sequence"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet, with a name that an address would have to escape."""
    return tmp_path / "a journal? 50% #1.db"


def test_every_version_can_be_reached_both_ways(path: Path) -> None:
    """Up one at a time, down one at a time: each version looks the same from both sides."""
    seen = {}
    for version in range(NEWEST + 1):
        migrating.migrate(path, version)
        seen[version] = names_of(path) - {"_yoyo_migration", "_yoyo_log", "_yoyo_version"}
        assert migrating.standing(path).version == version
    for version in reversed(range(NEWEST + 1)):
        migrating.migrate(path, version)
        assert names_of(path) - {"_yoyo_migration", "_yoyo_log", "_yoyo_version"} == seen[version]
    assert names_of(path) == set()


def test_nothing_is_done_twice(path: Path) -> None:
    """What is up to date stays as it is."""
    assert migrating.missing(path) == migrating.known(path)
    assert not path.exists()
    migrating.migrate(path)
    before = schema_of(path)
    assert migrating.migrate(path) == ()
    assert schema_of(path) == before


def test_a_journal_of_before_migrations_is_adopted(tmp_path: Path) -> None:
    """A file of the first version without notes is brought up to date, and keeps its events."""
    path = tmp_path / FILE
    first = migrating.known(path)[0]
    script = (migrating.FOLDER / "sqlite" / f"{first}.sql").read_text(encoding="utf-8")
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.execute("INSERT INTO deliveries VALUES ('key', 'C1', '1.0')")
    connection.commit()
    connection.close()
    assert migrating.standing(path).applied == (first,)

    journal = Journal.open(tmp_path)
    assert journal.delivery("key") is not None
    journal.close()
    migrating.migrate(path)
    assert migrating.missing(path) == ()
    assert migrating.standing(path).applied == migrating.known(path)


def test_a_start_with_nothing_to_migrate_does_not_load_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a fifth of a second, which a start after a crash has not to spare."""
    Journal.open(tmp_path).close()
    for name in [name for name in sys.modules if name.partition(".")[0] == "yoyo"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "flows.migrations.backends")
    Journal.open(tmp_path).close()
    assert "yoyo" not in sys.modules


def test_going_down_refuses_to_lose_rows(path: Path) -> None:
    """It names the tables and how much is in them; with a word it goes on."""
    migrating.migrate(path)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO deliveries VALUES ('key', 'C1', '1.0')")
    connection.close()
    before = schema_of(path)
    with pytest.raises(MigrationError, match=r"deliveries \(1\): make a backup, then say --yes"):
        migrating.migrate(path, 0)
    assert schema_of(path) == before
    migrating.migrate(path, 0, lose=True)
    assert names_of(path) == set()


def test_a_migration_is_done_as_a_whole_or_not_at_all(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails when it is noted has changed nothing, and can be tried again."""

    def failing(backend: Sqlite, migration: object, log: bool = True) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(Sqlite, "mark_one", failing)
        with pytest.raises(MigrationError, match="disk I/O error"):
            migrating.migrate(path)
    assert "events" not in names_of(path)
    assert migrating.standing(path).version == 0
    migrating.migrate(path)
    assert migrating.missing(path) == ()


@pytest.mark.parametrize("wanted", [-1, NEWEST + 1])
def test_a_version_that_is_not_there_is_refused(path: Path, wanted: int) -> None:
    """With those that are."""
    with pytest.raises(MigrationError, match=f"knows 0 .* to {NEWEST}"):
        migrating.migrate(path, wanted)


def test_every_migration_can_be_taken_back(path: Path) -> None:
    """Each has its way down, in both stores, and they are numbered without a gap."""
    for store in (path, "postgresql://"):
        names = migrating.known(store)
        assert [migrating.version_of(name) for name in names] == list(range(1, len(names) + 1))
        folder = migrating.FOLDER / ("sqlite" if isinstance(store, Path) else "postgres")
        for name in names:
            assert (folder / f"{name}{migrating.ROLLBACK}").is_file()
