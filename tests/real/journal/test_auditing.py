"""The audit of a shared journal: the same deeds, found and named by the same words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import auditing, exports, migrating, opening
from flows.opening import AnyJournal, Place
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle
from tests.flows.tampering import DEEDS, Deed
from tests.real.services.postgres import PostgresDatabase

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
