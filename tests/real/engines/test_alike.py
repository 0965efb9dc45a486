"""Both journals answer alike: what one says of the same runs, the other does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.engine import Delivery
from flows.events import Recorded
from flows.gates import REVIEW_SCOPE, Gate
from flows.journal import Journal
from flows.replay import replay
from flows.runs import Debt, Run
from flows.shared.connections import Line
from flows.shared.journal import SharedJournal
from flows.states import State
from tests.flows.test_replay import HISTORIES, read

NOW = datetime(2026, 11, 2, 3, 4, tzinfo=UTC)
GATE = Gate(
    scope=REVIEW_SCOPE,
    digest="d",
    slots=(),
    candidates=(),
    declarer="marcus",
    self_approval=False,
    opened_at=NOW,
    decide_by=NOW,
    expires_at=NOW,
)
OWING = Debt(gate=GATE)
PAID = Debt(gate=GATE, paid_at=NOW)
AnyJournal = Journal | SharedJournal


def histories() -> tuple[tuple[Recorded, ...], ...]:
    """Return every recorded history."""
    return tuple(tuple(read(path)) for path in sorted(HISTORIES.glob("*.jsonl")))


def as_kept(number: int, run: Run) -> Run:
    """Return a run of a history as the n-th incident: one is open, one owes, one has paid."""
    debts = {1: OWING, 2: PAID, 3: OWING}
    state = State.HOLD if number == 4 else State.CLOSED
    return replace(
        run,
        id=f"INC-{number}",
        channel=f"C{number % 3}",
        debt=debts.get(number),
        state=state,
    )


@pytest.fixture
def both(tmp_path: Path, url: str) -> Iterator[tuple[AnyJournal, AnyJournal]]:
    """The same incidents in SQLite and in PostgreSQL."""
    journals = (Journal.open(tmp_path), SharedJournal(Line(url)))
    for journal in journals:
        for number, history in enumerate(histories(), start=1):
            with journal.transaction():
                for recorded in history:
                    journal.append(f"INC-{number}", f"{number}:{recorded.seq}", recorded)
                journal.keep_run(as_kept(number, replay(history)))
                journal.keep_delivery(Delivery(key=f"card:{number}", channel="C1", ts="1.0"))
    yield journals
    for journal in journals:
        journal.close()


def answers(journal: AnyJournal) -> dict[str, object]:
    """Return everything that a journal is asked."""
    incidents = journal.incidents()
    return {
        "incidents": incidents,
        "next": journal.next_id(),
        "runs": journal.runs(ended=True),
        "open": journal.runs(ended=False),
        "each": [journal.run(each) for each in (*incidents, "INC-99")],
        "events": [journal.events(each) for each in incidents],
        "rows": [journal.rows(each) for each in incidents],
        "owing": journal.unreviewed("shop"),
        "elsewhere": journal.unreviewed("other"),
        "busy": [journal.open_on("shop"), journal.open_on("other")],
        "channels": [journal.of_channel(f"C{number}") for number in range(4)],
        "recorded": [journal.incident_of_event(each) for each in ("1:1", "2:3", "none")],
        "deliveries": [journal.delivery(each) for each in ("card:1", "none")],
    }


def test_both_journals_answer_alike(both: tuple[AnyJournal, AnyJournal]) -> None:
    """Every answer is the same, and none of them is empty by accident."""
    one, other = (answers(journal) for journal in both)
    assert one == other
    owing = one["owing"]
    assert isinstance(owing, tuple)
    assert [run.id for run in owing] == ["INC-1", "INC-3"]
    assert one["busy"] == ["INC-4", None]
