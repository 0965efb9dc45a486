"""The journal: whole, or it says where not."""

import json
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


def test_an_untouched_journal_is_whole(folder: Path) -> None:
    """The chain holds, and the events fold to the stored run."""
    journal = Journal.read(folder)
    assert journal.verify("INC-1") is None
    journal.close()


@pytest.mark.parametrize(
    ("statement", "seq", "why"),
    [
        (
            "UPDATE events SET body = replace(body, 'checkout', 'nothing') WHERE seq = 1",
            1,
            "changed",
        ),
        ("UPDATE events SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 3", 3, "changed"),
        ("DELETE FROM events WHERE seq = 2", 2, "missing"),
        ("DELETE FROM events WHERE seq = 1", 1, "missing"),
        ("UPDATE events SET prev = hash WHERE seq = 4", 4, "follow"),
        ("UPDATE runs SET snapshot = replace(snapshot, 'checkout', 'nothing')", None, "fold"),
    ],
)
def test_what_was_changed_is_found_and_named(
    folder: Path, statement: str, seq: int | None, why: str
) -> None:
    """A changed, removed or rewritten entry is reported at its place."""
    tamper(folder, statement)
    journal = Journal.read(folder)
    found = journal.verify("INC-1")
    journal.close()
    assert found is not None
    assert seq in (None, found.seq)
    assert why in found.why


def test_an_export_has_a_line_for_every_event(folder: Path) -> None:
    """JSON lines, in order, with their hashes."""
    journal = Journal.read(folder)
    rows = [json.loads(line) for line in journal.export("INC-1")]
    journal.close()
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(len(row["hash"]) == 64 for row in rows)


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
