"""People may write as much as they like; an incident keeps what it can carry, and says so."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot import limits
from bot.deciding import Deciding, Requester
from flows import events
from flows.embedded import EmbeddedEngine
from flows.runs import Note, Run
from tests.bot import approving, story

LONG = "x" * (limits.TEXT + 1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    """A journal in which a plan waits for approval."""
    opened = approving.waiting(tmp_path, approving.Clock())
    yield opened
    opened.close()


@pytest.fixture
def deciding(engine: EmbeddedEngine) -> Deciding:
    """What decides about it."""
    return Deciding(engine, approving.bundles())


def asking(event: str = "e1") -> Requester:
    """Return somebody who may steer it, and asks."""
    return Requester(person=story.JENNIFER, event=event, via="test")


def with_notes(run: Run, count: int) -> Run:
    """Return a run that has so many notes."""
    note = Note(at=run.updated_at, by="Marcus", text="seen")
    return replace(run, notes=(note,) * count)


def test_a_long_note_is_cut_and_said_so(deciding: Deciding, engine: EmbeddedEngine) -> None:
    """What is kept is within the limit, and whoever wrote it knows where the rest belongs."""
    reply = deciding.note(approving.current(engine), LONG, asking())
    assert reply is not None
    assert "3,000 characters" in reply.text
    (note,) = approving.current(engine).notes
    assert (len(note.text), note.text[-1]) == (limits.TEXT, "…")


def test_a_note_within_the_limit_is_whole(deciding: Deciding, engine: EmbeddedEngine) -> None:
    """Exactly as many characters as there may be are kept as they are."""
    reply = deciding.note(approving.current(engine), LONG[:-1], asking())
    assert reply is not None
    assert "cut" not in reply.text
    assert approving.current(engine).notes[0].text == LONG[:-1]


def test_an_incident_with_very_many_notes_takes_no_more(
    deciding: Deciding, engine: EmbeddedEngine
) -> None:
    """The last one that fits is kept; the next one is answered kindly, and nothing is recorded."""
    run = approving.current(engine)
    fits = deciding.note(with_notes(run, limits.MOST_NOTES - 1), "one more", asking())
    assert fits is not None
    assert fits.done
    before = approving.current(engine).seq
    full = deciding.note(with_notes(run, limits.MOST_NOTES), "too many", asking("e2"))
    assert full is not None
    assert not full.done
    assert "Write it into the channel" in full.text
    assert approving.current(engine).seq == before


def test_a_long_reason_is_cut(deciding: Deciding, engine: EmbeddedEngine) -> None:
    """What ends an incident keeps a reason of bounded length."""
    run, asked = approving.current(engine), events.AbortAsked(reason=LONG)
    requester = Requester(person=story.MARCUS, event="e1", via="test")
    done = deciding.control(run, asked, requester, verb="abort")
    assert done is not None
    assert done.done
    (kept,) = (
        each.event for each in engine.events(run.id) if isinstance(each.event, events.AbortAsked)
    )
    assert len(kept.reason) == limits.TEXT
