"""Retention: what a rule lets go goes, and leaves proof; what it does not, stays."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.evidence import NOTE, EvidenceStore
from bot.retaining import Removal, Retaining, prune
from config.keeping import Retention
from flows import anchors, auditing, exports, opening, retention
from flows.decisions import decide
from flows.events import BOT, NoteAdded, Recorded
from flows.files import FolderFiles
from flows.journal import FILE, Journal
from flows.runs import Debt
from flows.states import State
from tests.flows.bench import MARCUS, Bench, actor, declaration
from tests.flows.estate import Estate, bundle

RULES = Retention(journal=timedelta(days=400), evidence=timedelta(days=90))
BOTH = "journal=400d,evidence=90d"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bot with one closed incident and a piece of evidence."""
    bench = Bench(tmp_path, Estate(), bundle())
    bench.start()
    await bench.approved()
    await bench.until(State.CLOSED)
    await bench.drained()
    await EvidenceStore(FolderFiles(tmp_path / "evidence")).put("INC-1/logs/a.txt", b"log")
    yield bench
    await bench.stop()


@pytest.fixture
def evidence(tmp_path: Path) -> EvidenceStore:
    """Its evidence."""
    return EvidenceStore(FolderFiles(tmp_path / "evidence"))


def later(days: int) -> datetime:
    """Return a time so many days from now."""
    return datetime.now(UTC) + timedelta(days=days)


def removed(folder: Path, now: datetime, rules: Retention = RULES) -> list[Removal]:
    """Prune as the command line does."""
    with opening.journal(opening.Place(folder=folder), write=True) as journal:
        return list(prune(journal, rules, EvidenceStore(FolderFiles(folder / "evidence")), now))


def test_nothing_goes_before_its_time(bench: Bench, tmp_path: Path) -> None:
    """Not a day too early, and never without a rule."""
    assert removed(tmp_path, later(89)) == []
    assert removed(tmp_path, later(4000), Retention()) == []


def test_evidence_goes_first_and_says_so(
    bench: Bench, tmp_path: Path, evidence: EvidenceStore
) -> None:
    """The journal stays; a note tells that a rule has removed what it speaks of."""
    assert removed(tmp_path, later(91)) == [
        Removal(incident="INC-1", what="evidence", rule="evidence=90d", pieces=1)
    ]
    assert len(evidence.pieces("INC-1")) == 0
    assert "by the rule evidence=90d" in (tmp_path / "evidence/INC-1" / NOTE).read_text()
    assert removed(tmp_path, later(91)) == []
    assert bench.run.ended


def test_an_incident_goes_with_everything_and_leaves_a_tombstone(
    bench: Bench, tmp_path: Path, evidence: EvidenceStore
) -> None:
    """Its chain's end is kept, so that anchors and the audit know that a rule removed it."""
    journal = Journal.read(tmp_path)
    before = auditing.heads_of(journal)
    anchor = anchors.anchored(later(1).isoformat(), before)
    gone = removed(tmp_path, later(401))
    assert [(each.what, each.rule) for each in gone] == [
        ("journal", "journal=400d"),
        ("evidence", "journal=400d"),
    ]
    assert bench.engine.run("INC-1") is None
    assert bench.engine.runs(ended=True) == ()
    assert len(evidence.pieces("INC-1")) == 0
    assert auditing.heads_of(journal) == before
    assert not tuple(auditing.verify(journal))
    assert anchors.compare([anchor], auditing.spots_of(journal)) == ()
    assert not tuple(exports.verify_export(exports.read_export(exports.export(journal))))
    journal.close()
    assert removed(tmp_path, later(402)) == []


def test_a_number_is_never_given_twice(bench: Bench, tmp_path: Path) -> None:
    """The next incident is not taken for one that was removed."""
    removed(tmp_path, later(401))
    again = bench.engine.declare("shop", declaration, actor=actor(MARCUS), event_id="second")
    assert again.run.id == "INC-2"
    journal = Journal.read(tmp_path)
    assert not tuple(auditing.verify(journal))
    journal.close()


def test_an_open_incident_stays(bench: Bench, tmp_path: Path) -> None:
    """However old it is."""
    bench.engine.declare("other", declaration, actor=actor(MARCUS), event_id="second")
    assert [each.incident for each in removed(tmp_path, later(9999))] == ["INC-1", "INC-1"]
    assert [run.id for run in bench.engine.runs()] == ["INC-2"]


def test_an_unpaid_review_keeps_an_incident(bench: Bench) -> None:
    """What an emergency owes is not forgotten by waiting; paid, it is let go."""
    gate = bench.run.gate
    assert gate is not None
    owing = replace(bench.run, debt=Debt(gate=gate))
    paid = replace(bench.run, debt=Debt(gate=gate, paid_at=later(0)))
    assert not retention.outlived(owing, RULES.journal, later(9999))
    assert retention.outlived(paid, RULES.journal, later(9999))


def test_the_time_counts_from_the_last_event(bench: Bench) -> None:
    """Somebody who still writes notes still needs it."""
    note = Recorded(seq=bench.run.seq + 1, at=later(300), actor=BOT, event=NoteAdded(text="x"))
    run, _ = decide(bench.run, note)
    assert not retention.outlived(run, RULES.journal, later(500))
    assert retention.outlived(run, RULES.journal, later(701))


def test_what_is_not_whole_is_not_removed(bench: Bench, tmp_path: Path) -> None:
    """A rule must not carry the traces away."""
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute("UPDATE events SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 3")
    assert removed(tmp_path, later(401), replace(RULES, evidence=None)) == []
    assert bench.engine.run("INC-1") is not None


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE tombstones SET rule = 'journal=1d'", "tombstone 1 (INC-1) was changed"),
        ("DELETE FROM tombstones", "the whole incident is gone, and no rule has removed it"),
        ("UPDATE tombstones SET incident = 'INC-2'", "the whole incident is gone"),
    ],
)
def test_a_tombstone_can_not_be_tampered_with(
    bench: Bench, tmp_path: Path, statement: str, why: str
) -> None:
    """A changed one is found, a removed one missed."""
    bench.engine.declare("other", declaration, actor=actor(MARCUS), event_id="second")
    removed(tmp_path, later(401))
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute(statement)
    with closing(Journal.read(tmp_path)) as journal:
        assert any(why in each.why for each in auditing.verify(journal))


def test_a_forged_tombstone_is_held_against_its_rule(bench: Bench, tmp_path: Path) -> None:
    """Somebody who removes an incident and hashes a tombstone for it needs the right age, too."""
    journal = Journal.open(tmp_path)
    run = bench.run
    assert retention.bury(journal, run, timedelta(days=400), later(3))
    (found,) = auditing.verify(journal)
    assert found.incident == "INC-1"
    assert found.why == "its tombstone names a rule (journal=400d) that would not have removed it"
    journal.close()


def test_a_dry_run_only_tells(bench: Bench, tmp_path: Path, evidence: EvidenceStore) -> None:
    """The same list, and everything is where it was."""
    with closing(Journal.read(tmp_path)) as journal:
        told = list(prune(journal, RULES, evidence, later(401), dry_run=True))
    assert [each.what for each in told] == ["journal", "evidence"]
    assert bench.engine.run("INC-1") is not None
    assert len(evidence.pieces("INC-1")) == 1


async def test_a_running_bot_does_it_by_itself(
    bench: Bench, tmp_path: Path, evidence: EvidenceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leading one of several replicas does, the others leave it to it."""
    place = opening.Place(folder=tmp_path)
    monkeypatch.setattr(bench.engine, "_clock", lambda: later(401))
    retaining = Retaining(bench.engine, lambda: opening.journal(place, write=True), RULES, evidence)
    monkeypatch.setattr(type(bench.engine), "leads", False)
    await retaining.round()
    assert (retaining.removed, len(evidence.pieces("INC-1"))) == (0, 1)
    assert bench.engine.run("INC-1") is not None
    monkeypatch.setattr(type(bench.engine), "leads", True)
    await retaining.round()
    assert (retaining.removed, len(evidence.pieces("INC-1"))) == (1, 0)
    assert bench.engine.run("INC-1") is None
