"""Whatever Slack delivers: it is acknowledged, nothing breaks, and nothing is made up.

Each payload is a real one that was changed in up to three places.
"""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.payloads import ID_LENGTH
from flows.events import Recorded
from tests.fuzz import payloads
from tests.fuzz.mutations import HUGE, JUNK, mutated
from tests.fuzz.profiles import bounded
from tests.fuzz.shops import KNOWN, PEOPLE, Complaints, Stand, said, silent_slack

__all__ = ["silent_slack"]
pytestmark = pytest.mark.usefixtures("silent_slack")
WITHIN = 60.0
ANYTHING = st.recursive(
    JUNK, lambda inner: st.dictionaries(st.text(max_size=9), inner) | st.lists(inner)
)
ANSWER = {"QuestionAnswered"}
DECIDED = {"Decided"}
EVENTS = {
    "approve": DECIDED,
    "deny": DECIDED,
    "withdraw": DECIDED,
    "emergency": {"BreakGlassAsked"},
    "break_glass": {"BreakGlassAsked"},
    "answer": ANSWER,
    "hold": {"HoldAsked"},
    "resume": {"ResumeAsked"},
    "retry": {"RetryAsked"},
    "skip": {"SkipAsked"},
    "undo": {"UndoAsked"},
    "abort": {"AbortAsked"},
    "replan": {"PlanAsked"},
    "plan": {"PlanAsked"},
    "no_rollback": {"NoRollbackChosen"},
    "declare": {"IncidentDeclared", "NoteAdded"},
    "acknowledge": {"PageAcknowledged"},
    "ack": {"PageAcknowledged"},
    "page": {"PageAsked"},
    "note": {"NoteAdded"},
    "done": {"FollowUpDone"},
}


class Theatre:
    """A stand whose incident waits for approval, set up anew where somebody moved it on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runner = asyncio.Runner()
        self._stand: Stand | None = None
        self._count = 0
        self.complaints = Complaints()

    def stand(self) -> Stand:
        """Return the stand."""
        if self._stand is not None and self._stand.waits().state != "approve":
            self._close()
        if self._stand is None:
            self._count += 1
            self._stand = self._runner.run(self._opened())
        return self._stand

    async def _opened(self) -> Stand:
        stand = Stand(self._folder / str(self._count))
        await stand.open()
        return stand

    def number(self) -> int:
        """Return a number that was not used before."""
        self._count += 1
        return self._count

    def deliver(self, body: Any) -> tuple[int, list[Recorded]]:
        """Deliver a payload; return the status, and what was recorded because of it by people."""
        stand = self.stand()
        before = len(stand.recorded())

        async def go() -> int:
            async with asyncio.timeout(WITHIN):
                return (await stand.deliver(body)).status

        status = self._runner.run(go())
        new = stand.recorded()[before:]
        return status, [each for each in new if each.actor.slack is not None]

    def _close(self) -> None:
        if self._stand is not None:
            self._runner.run(self._stand.close())
            self._stand = None

    def close(self) -> None:
        """Strike the stage."""
        self._close()
        self._runner.close()


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    """Yield a theatre; nothing that happens in it may be logged as an error."""
    opened = Theatre(tmp_path)
    logging.getLogger().addHandler(opened.complaints)
    yield opened
    logging.getLogger().removeHandler(opened.complaints)
    opened.close()


def sender(body: Any) -> str | None:
    """Return whose word a payload is, if it says so."""
    with suppress(KeyError, TypeError):
        match body:
            case {"event": {"user": str(user)}} | {"user_id": str(user)}:
                return user
            case {"user": {"id": str(user)}}:
                return user
            case _:
                pass
    return None


def allowed(body: Any) -> set[str]:
    """Return the kinds of events that a payload may lead to: what it asks for by name."""
    texts = [str(body.get("text", "")), str((body.get("event") or {}).get("text", ""))]
    words = " ".join(texts).replace("!incident", " ").split()
    asked = {words[0].strip("!:,.").casefold()} if words else set()
    for carried in _carried(body):
        with suppress(ValueError, AttributeError):
            asked.add(str(json.loads(carried).get("v")))
    return set().union(*(EVENTS.get(word, set()) for word in asked))


def _carried(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        for key, value in body.items():
            if key in ("value", "private_metadata") and isinstance(value, str):
                yield value
            yield from _carried(value)
    elif isinstance(body, list):
        for each in body:
            yield from _carried(each)


def check(theatre: Theatre, body: Any) -> None:
    """Deliver a payload and look at everything that must hold whatever it is."""
    theatre.complaints.said.clear()
    status, recorded = theatre.deliver(body)
    assert status == 200
    assert theatre.complaints.said == []
    assert len(recorded) <= 1
    for each in recorded:
        assert each.actor.slack == sender(body)
        assert each.actor.slack in PEOPLE
        assert type(each.event).__name__ in allowed(body)


@bounded(150)
@given(data=st.data())
def test_a_payload_that_was_damaged_breaks_nothing(theatre: Theatre, data: st.DataObject) -> None:
    """It is acknowledged, logs no error, and records at most what its sender asked for by name."""
    user = data.draw(st.sampled_from(KNOWN))
    whole = payloads.everything(theatre.stand().run, user, theatre.number())
    check(theatre, data.draw(mutated(data.draw(st.sampled_from(whole)))))


@bounded(150)
@given(data=st.data())
def test_a_command_with_anything_behind_it_breaks_nothing(
    theatre: Theatre, data: st.DataObject
) -> None:
    """Text of any kind and length behind a verb, as a message or as a slash command."""
    verb = data.draw(st.sampled_from(sorted(EVENTS)))
    junk = [str(each) for each in data.draw(st.lists(JUNK, max_size=4))]
    user, number = data.draw(st.sampled_from(KNOWN)), theatre.number()
    text = " ".join((verb, *junk))
    if data.draw(st.booleans()):
        check(theatre, said(user, f"!incident {text}", ts=f"9.{number}"))
    else:
        check(theatre, payloads.slash(user, text, number))


@bounded(60)
@given(body=ANYTHING)
def test_what_is_no_payload_at_all_is_acknowledged(theatre: Theatre, body: Any) -> None:
    """Slack sends new kinds of things whenever it likes."""
    whole = body if isinstance(body, dict) else {"type": body}
    status, recorded = theatre.deliver(whole)
    assert (status, recorded, theatre.complaints.said) == (200, [], [])


def test_the_oracle_sees_what_counts(theatre: Theatre) -> None:
    """What these tests send whole does count: they would see it where it must not."""
    body = said("U0JENNIFER", "!incident note seen at 14:02", ts="10.1")
    status, recorded = theatre.deliver(body)
    assert [type(each.event).__name__ for each in recorded] == ["NoteAdded"]
    assert (status, recorded[0].actor.slack) == (200, sender(body))
    assert allowed(body) == {"NoteAdded"}


def test_memories_stay_small(theatre: Theatre) -> None:
    """An id that is longer than any of Slack's is not remembered: it is read by nobody."""
    for number in range(20):
        theatre.deliver(said("U0JENNIFER", "!incident status", ts=f"{number}.{HUGE}"))
        theatre.deliver(payloads.slash(HUGE, "status", number))
    seen = theatre.stand().surface.handlers._seen._keys
    assert max(len(key) for key in seen) <= 4 * ID_LENGTH
