"""The audit of a journal: whatever was done behind its back is found and named."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows import auditing, exports
from flows.journal import FILE, Journal
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle
from tests.flows.tampering import COLUMNS, DEEDS, Deed


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A data folder with one closed incident."""
    bench = Bench(tmp_path, Estate(), bundle())
    bench.start()
    await bench.approved()
    await bench.until(State.CLOSED)
    await bench.stop()
    return tmp_path


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    """Its journal, for reading."""
    opened = Journal.read(folder)
    yield opened
    opened.close()


def tamper(folder: Path, *statements: str) -> None:
    """Change the file behind the journal's back."""
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        last = connection.execute("SELECT max(seq) FROM events").fetchone()[0]
        for statement in statements:
            connection.execute(statement.format(last=last))


def test_an_untouched_journal_is_whole(journal: Journal) -> None:
    """The chain holds, and the events fold to the stored run."""
    assert not tuple(auditing.verify(journal))


@pytest.mark.parametrize("deed", DEEDS, ids=[each.name for each in DEEDS])
def test_what_was_done_is_found_and_named(folder: Path, journal: Journal, deed: Deed) -> None:
    """Its kind, its place, and a sentence."""
    last = len(journal.rows("INC-1"))
    tamper(folder, *deed.statements)
    findings = tuple(auditing.verify(journal))
    assert findings
    assert deed.seq in (None, findings[0].seq)
    assert findings[0].kind is deed.kind
    assert deed.why.format(last=last) in findings[0].why


def test_an_incident_that_is_gone_altogether_is_missed(folder: Path, journal: Journal) -> None:
    """Numbers are given without a gap: a later incident tells that an earlier one was there."""
    tamper(
        folder,
        "INSERT INTO runs SELECT 'INC-3', 3, system, channel, state, 1, snapshot FROM runs",
    )
    found = {each.incident: each.why for each in auditing.verify(journal)}
    assert found["INC-2"] == "the whole incident is gone, and no rule has removed it"
    assert "INC-1" not in found
    assert found["INC-3"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_single_change_of_a_stored_event_is_found(folder: Path, data: st.DataObject) -> None:
    """Any column of any event, whatever it is changed to, by whoever can write the file."""
    path = folder / FILE
    with closing(sqlite3.connect(path)) as connection:
        kept = connection.execute("SELECT * FROM events ORDER BY seq").fetchall()
        seq = data.draw(st.integers(1, len(kept)))
        column = data.draw(st.sampled_from(COLUMNS))
        was = kept[seq - 1][2 + COLUMNS.index(column)]
        value = data.draw((st.text() | st.binary(max_size=4)).filter(lambda new: new != was))
        change = f"UPDATE events SET {column} = ? WHERE seq = ?"  # noqa: S608 one of ours
        with connection:
            connection.execute(change, (value, seq))
        with closing(Journal.read(folder)) as journal:
            found = tuple(auditing.verify(journal))
        with connection:
            connection.execute(change, (was, seq))
    assert [each.seq for each in found] == [seq], (column, value, found)
    with closing(Journal.read(folder)) as journal:
        assert not tuple(auditing.verify(journal))


def test_an_export_has_a_line_for_every_event(journal: Journal) -> None:
    """JSON lines, in order, with their hashes, and how many there are."""
    lines = [json.loads(line) for line in exports.export(journal, ["INC-1"])]
    events = [line for line in lines if "seq" in line]
    assert [line["seq"] for line in events] == list(range(1, len(events) + 1))
    assert all(len(line["hash"]) == 64 for line in events)
    assert lines[-1] == {"incident": "INC-1", "ends": len(events)}


def test_an_export_is_verified_without_the_journal(journal: Journal) -> None:
    """The lines alone prove themselves: of all incidents, and of one."""
    for wanted in (None, ["INC-1"]):
        read = exports.read_export(exports.export(journal, wanted))
        assert not tuple(exports.verify_export(read))
        assert read.rows.keys() == {"INC-1"}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"checkout 5xx"', '"nothing"', "event 1 (IncidentDeclared) was changed"),
        ('"seq":4', '"seq":40', "event 40"),
        ('"kind":"', '"kind":"X', "was changed"),
    ],
)
def test_a_changed_line_of_an_export_is_found(
    journal: Journal, old: str, new: str, why: str
) -> None:
    """As in the journal."""
    lines = [line.replace(old, new) for line in exports.export(journal)]
    found = tuple(exports.verify_export(exports.read_export(lines)))
    assert why in found[0].why


def test_missing_lines_of_an_export_are_found(journal: Journal) -> None:
    """Wherever they are: in the middle, the last event, the last incident, half a line."""
    lines = tuple(exports.export(journal))
    last = len(lines) - 2
    cases = {
        lines[:2] + lines[3:]: "event 3 was removed",
        lines[: last - 1] + lines[last:]: f"its state knows {last} events",
        lines[-1:]: "the export had 1 incidents, and 0 are here",
        (*lines[:1], lines[1][:-9], *lines[2:]): "line 2 is no line of an export",
    }
    for given_lines, why in cases.items():
        found = tuple(exports.verify_export(exports.read_export(given_lines)))
        assert any(why in each.why for each in found), (why, found)


def test_any_line_left_out_of_an_export_is_missed(journal: Journal) -> None:
    """But for the last one, which only says that the export is whole."""
    lines = tuple(exports.export(journal))
    for number in range(len(lines) - 1):
        kept = lines[:number] + lines[number + 1 :]
        found = tuple(exports.verify_export(exports.read_export(kept)))
        assert found or "ends" in json.loads(lines[number])
