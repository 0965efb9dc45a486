"""The journal: whole, or it says where not."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.codec import CodecError, decode_run, encode
from flows.engine import JournalError
from flows.journal import FILE, Journal
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A data folder with one closed incident."""
    bench = Bench(tmp_path, Estate(), bundle())
    bench.start()
    await bench.approved()
    await bench.until(State.CLOSED)
    await bench.stop()
    return tmp_path


def tamper(folder: Path, *statements: str) -> None:
    """Change the file behind the journal's back."""
    with sqlite3.connect(folder / FILE) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_it_can_be_read_while_it_is_written(folder: Path) -> None:
    """A reader beside the writer sees the incident, and can't change it."""
    writer, reader = Journal.open(folder), Journal.read(folder)
    assert reader.incidents() == ("INC-1",)
    with pytest.raises(sqlite3.OperationalError), reader.transaction():
        reader.queue("INC-1", None, datetime.now(UTC))  # type: ignore[arg-type]  # it does not get that far
    reader.close()
    writer.close()


def test_a_newer_journal_is_refused_with_what_to_do(folder: Path) -> None:
    """Going back to an older Backout does not read what it can't know."""
    tamper(folder, "PRAGMA user_version=99")
    with pytest.raises(JournalError, match="start the newer version again"):
        Journal.open(folder)


def test_a_newer_snapshot_is_refused_with_what_to_do(folder: Path) -> None:
    """The same for one run's state."""
    journal = Journal.read(folder)
    run = journal.run("INC-1")
    journal.close()
    assert run is not None
    with pytest.raises(CodecError, match="start the newer one again"):
        decode_run(encode(run).replace('"version":1', '"version":99'))


def test_a_folder_without_a_journal_says_where_it_looked(tmp_path: Path) -> None:
    """The sentence names the file and the setting."""
    with pytest.raises(JournalError, match="BACKOUT_DATA"):
        Journal.read(tmp_path)
