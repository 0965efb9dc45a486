"""The audit of a shared journal: the same deeds, found and named by the same words."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.evidence import EvidenceStore
from bot.retaining import prune
from config.keeping import Retention
from flows import anchors, auditing, exports, migrating, opening
from flows.files import FolderFiles
from flows.opening import AnyJournal, Place
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle
from tests.flows.tampering import DEEDS, Deed
from tests.real.services.postgres import PostgresDatabase, tool

TABLES = ("events", "runs")


@pytest.fixture
async def place(tmp_path: Path, postgres: PostgresDatabase) -> Place:
    """A database with one closed incident."""
    migrating.migrate(postgres.owner_dsn)
    bench = Bench(tmp_path, Estate(), bundle(), postgres.owner_dsn)
    bench.start()
    await bench.approved()
    await bench.until(State.CLOSED)
    await bench.stop()
    return Place(folder=tmp_path, url=postgres.owner_dsn)


@pytest.fixture
def journal(place: Place) -> Iterator[AnyJournal]:
    """Its journal, for reading."""
    with opening.journal(place) as opened:
        yield opened


def test_what_was_done_is_found_and_named(journal: AnyJournal, postgres: PostgresDatabase) -> None:
    """Each deed in its turn, on the tables as they were."""
    assert not tuple(auditing.verify(journal))
    last = len(journal.rows("INC-1"))
    for table in TABLES:
        postgres.execute(f"CREATE TABLE backout.kept_{table} AS TABLE backout.{table}")
    for deed in DEEDS:
        _do(postgres, deed, last)
        findings = tuple(auditing.verify(journal))
        assert findings, deed
        assert deed.seq in (None, findings[0].seq), findings
        assert findings[0].kind is deed.kind, findings
        assert deed.why.format(last=last) in findings[0].why
        for table in TABLES:
            postgres.execute(f"TRUNCATE backout.{table}")
            postgres.execute(f"INSERT INTO backout.{table} TABLE backout.kept_{table}")
        assert not tuple(auditing.verify(journal))


def _do(postgres: PostgresDatabase, deed: Deed, last: int) -> None:
    for statement in deed.statements:
        change = statement.format(last=last)
        for table in TABLES:
            change = change.replace(f" {table} ", f" backout.{table} ")
            if change.endswith(f" {table}"):
                change = f"{change.removesuffix(table)}backout.{table}"
        postgres.execute(change)


def test_an_export_is_verified_without_the_database(journal: AnyJournal) -> None:
    """The lines are those of the other store."""
    read = exports.read_export(exports.export(journal))
    assert not tuple(exports.verify_export(read))
    assert read.rows.keys() == {"INC-1"}
    assert auditing.heads_of(journal)[0].seq == len(read.rows["INC-1"])


def test_a_rule_removes_an_incident_and_leaves_a_tombstone(
    place: Place, journal: AnyJournal, tmp_path: Path, postgres: PostgresDatabase
) -> None:
    """With its jobs and messages; the audit and an anchor of before know why, its number stays."""
    postgres.execute("INSERT INTO backout.deliveries VALUES ('card:INC-1', 'C', '1.0')")
    postgres.execute("INSERT INTO backout.deliveries VALUES ('card:INC-10', 'C', '2.0')")
    anchor = anchors.anchored("2100-01-01", auditing.heads_of(journal))
    later = datetime.now(UTC) + timedelta(days=401)
    rules, evidence = (
        Retention(journal=timedelta(days=400)),
        EvidenceStore(FolderFiles(tmp_path / "evidence")),
    )
    with opening.journal(place, write=True) as writing:
        told = list(prune(writing, rules, evidence, later, dry_run=True))
        assert journal.run("INC-1") is not None
        assert list(prune(writing, rules, evidence, later)) == told
        assert list(prune(writing, rules, evidence, later)) == []
        with writing.transaction():
            assert writing.next_id() == "INC-2"
    assert [each.incident for each in told] == ["INC-1"]
    assert journal.run("INC-1") is None
    assert not tuple(auditing.verify(journal))
    assert anchors.compare([anchor], auditing.spots_of(journal)) == ()
    assert postgres.execute("SELECT key FROM backout.deliveries") == [("card:INC-10",)]
    jobs = "SELECT count(*) FROM backout.procrastinate_jobs WHERE args ->> 'incident' = 'INC-1'"
    assert postgres.execute(jobs) == [(0,)]
    postgres.execute("DELETE FROM backout.tombstones")
    postgres.execute("UPDATE backout.events SET seq = 1")
    found = anchors.compare([anchor], auditing.spots_of(journal))
    assert [each.incident for each in found] == ["INC-1"]


def test_a_dump_that_is_restored_is_whole(
    place: Place, journal: AnyJournal, tmp_path: Path, postgres: PostgresDatabase
) -> None:
    """As the handbook says: the schema alone, dropped and brought back, with its queue."""
    dump = tmp_path / "backout.dump"
    before = list(exports.export(journal))
    database = f"--dbname={postgres.owner_dsn}"
    copied = [tool("pg_dump"), "--format=custom", "--schema=backout", f"--file={dump}", database]
    subprocess.run(copied, check=True)
    postgres.execute("DROP SCHEMA backout CASCADE")
    subprocess.run([tool("pg_restore"), database, str(dump)], check=True)
    migrating.require(postgres.owner_dsn)
    assert migrating.missing(postgres.owner_dsn) == ()
    with opening.journal(place) as again:
        assert not tuple(auditing.verify(again))
        assert list(exports.export(again)) == before
