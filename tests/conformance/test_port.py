"""What the port promises within one process: once, in order, all or nothing, and on time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows import codec, events
from flows.commands import SetTimer
from flows.engine import UnknownIncidentError
from flows.events import BOT, NoteAdded
from flows.runs import Run
from tests.conformance import kinds
from tests.conformance.worlds import Place
from tests.flows.bench import MARCUS, actor, declaration

Json = Any
MANY = 1_000
START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at


class Opener:
    """Opens engines on one journal; `again` is a restart of the last one."""

    def __init__(self, place: Place, block: ExitStack) -> None:
        self.place = place
        self.clock = Clock()
        self._block = block
        self._last: Json = None
        kinds.prepare(place.kind, place.journal)
        self.reader = kinds.Reader(place.kind, place.journal)
        block.callback(self.reader.close)

    def __call__(self) -> Json:
        """Open one more."""
        self._last = kinds.open_engine(self.place.kind, self.place.journal, self.clock)
        self._block.callback(self._last.close)
        return self._last

    def again(self) -> Json:
        """Close the last one, and open the journal again."""
        self._last.close()
        return self()


@pytest.fixture
def opener(places: Callable[[], Place]) -> Iterator[Opener]:
    """Open engines on an empty journal."""
    with ExitStack() as block:
        yield Opener(places(), block)


def declared(engine: Json, system: str = "shop", event_id: str = "declared") -> Run:
    """Declare, and return the run."""

    def make(incident: str) -> events.IncidentDeclared:
        return declaration(incident, system)

    run: Run = engine.declare(system, make, actor=actor(MARCUS), event_id=event_id).run
    return run


def note(engine: Json, text: str, incident: str = "INC-1") -> Run | None:
    """Write a note down under an id of its own."""
    found: Run | None = engine.feed(incident, NoteAdded(text=text), actor=BOT, event_id=text)
    return found


def test_an_event_given_twice_counts_once(opener: Opener) -> None:
    """Also after a restart; the second time says that nothing was recorded."""
    engine = opener()
    declared(engine)
    assert note(engine, "one") is not None
    assert note(engine, "one") is None
    engine = opener.again()
    assert note(engine, "one") is None
    assert [each.text for each in engine.run("INC-1").notes] == ["one"]


def test_a_declaration_given_twice_opens_one_incident(opener: Opener) -> None:
    """By its id, and by its system, while that is being rolled back."""
    engine = opener()
    assert declared(engine).id == declared(engine).id == "INC-1"
    assert declared(engine, event_id="another click").id == "INC-1"
    assert declared(engine, "other", "another").id == "INC-2"
    assert opener.reader.incidents() == ("INC-1", "INC-2")


def test_events_are_kept_in_the_order_in_which_they_came(opener: Opener) -> None:
    """Numbered one after the other for each incident, and listeners hear them in that order."""
    engine = opener()
    heard: list[int] = []
    seen: list[str] = []
    engine.listen(lambda run: heard.append(run.seq))
    engine.witness(lambda told: seen.append(type(told.recorded.event).__name__))
    declared(engine)
    for number in range(20):
        note(engine, f"note {number}")
    assert [each.seq for each in engine.events("INC-1")] == list(range(1, 22))
    assert heard == list(range(1, 22))
    assert seen == ["IncidentDeclared"] + ["NoteAdded"] * 20
    assert opener.reader.broken("INC-1") == ""


def test_a_feed_that_fails_leaves_nothing(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails before the commit: no event, no state, no command, and the next one works."""
    engine = opener()
    declared(engine)
    before = engine.run("INC-1"), len(engine.due())
    store = type(engine._store)
    for place in ("append", "keep_run", "queue"):
        with monkeypatch.context() as patched:
            patched.setattr(store, place, failing(getattr(store, place)))
            with pytest.raises(ZeroDivisionError):
                engine.feed("INC-1", events.PlanAsked(procedure="x"), actor=BOT, event_id="plan")
        assert (engine.run("INC-1"), len(engine.due())) == before
    assert engine.feed("INC-1", events.PlanAsked(procedure="x"), actor=BOT, event_id="plan")
    assert len(engine.due()) == before[1] + 1
    assert opener.reader.broken("INC-1") == ""


def failing(original: Callable[..., Json]) -> Callable[..., Json]:
    """Do it, and fail then."""

    def failed(*args: Json, **kwargs: Json) -> Json:
        original(*args, **kwargs)
        raise ZeroDivisionError

    return failed


def test_an_incident_that_is_not_there_is_refused(opener: Opener) -> None:
    """With an error of its own, and without a trace."""
    engine = opener()
    with pytest.raises(UnknownIncidentError, match="INC-7"):
        note(engine, "hm", "INC-7")
    assert opener.reader.incidents() == ()


def test_timers_outlive_a_restart_and_any_clock(opener: Opener) -> None:
    """Not before their time, and not forgotten, whatever the clock does and whoever restarts.

    One process goes by its own clock; replicas, whose clocks may differ, by the database's.
    """
    engine = opener()
    declared(engine)
    timers = waiting(engine, timedelta(days=1))
    assert timers
    assert waiting(engine, timedelta()) == []
    opener.clock.at = START - timedelta(hours=5)
    engine = opener.again()
    assert waiting(engine, timedelta()) == []
    assert waiting(engine, timedelta(days=1)) == timers
    opener.clock.at = START + timedelta(days=1)
    is_late = opener.place.kind == kinds.EMBEDDED
    assert waiting(engine, timedelta()) == (timers if is_late else [])
    assert waiting(engine, timedelta(days=1)) == timers


def waiting(engine: Json, ahead: timedelta) -> list[str]:
    """Return the timers that are due so much later."""
    due = [queued.command for queued in engine.due(engine.now() + ahead)]
    return sorted(command.timer for command in due if isinstance(command, SetTimer))


def test_times_never_go_back_in_a_record(opener: Opener) -> None:
    """A clock that is stepped back and forth: events keep their order, and what is due stays so."""
    engine = opener()
    declared(engine)
    for number, hours in enumerate((-3, 2, -1, 0, 5, -9)):
        opener.clock.at = START + timedelta(hours=hours)
        note(engine, f"note {number}")
    times = [each.at for each in engine.events("INC-1")]
    assert times == sorted(times)
    asked = engine.feed("INC-1", events.PlanAsked(procedure="x"), actor=BOT, event_id="plan")
    assert asked is not None
    assert any(not isinstance(each.command, SetTimer) for each in engine.due())


def test_a_thousand_open_incidents(opener: Opener) -> None:
    """All of them are there after a restart, each whole, and the newest can be spoken to."""
    engine = opener()
    for number in range(MANY):
        declared(engine, f"shop-{number}", f"declared {number}")
    engine = opener.again()
    runs = engine.runs()
    assert [run.id for run in runs] == [f"INC-{number}" for number in range(1, MANY + 1)]
    assert note(engine, "here", f"INC-{MANY}") is not None
    assert opener.reader.broken(f"INC-{MANY}") == ""


def test_what_a_newer_version_wrote_harms_nothing_else(opener: Opener) -> None:
    """An event of a kind that is not known is told by name; everything else goes on."""
    engine = opener()
    declared(engine)
    declared(engine, "other", "another")
    write_newer(engine)
    engine = opener.again()
    with pytest.raises(codec.CodecError, match="Danced is not known"):
        engine.events("INC-1")
    assert note(engine, "on it") is not None
    assert note(engine, "here as well", "INC-2") is not None
    assert len(engine.events("INC-2")) == 2


def write_newer(engine: Json) -> None:
    """Record an event as a version would that knows more kinds of them."""

    class Danced(NoteAdded):
        """A kind of event of later."""

    known = codec._adapters
    known["Danced"] = known.get("NoteAdded") or codec._adapter(NoteAdded)
    try:
        run = engine.run("INC-1")
        recorded = events.Recorded(
            seq=run.seq + 1, at=engine.now(), actor=BOT, event=Danced(text="tango")
        )
        after = codec.decode_run(json.dumps(json.loads(codec.snapshot(run)) | {"seq": run.seq + 1}))
        with engine._store.transaction():
            engine._store.append("INC-1", "danced", recorded)
            engine._store.keep_run(after)
    finally:
        del known["Danced"]


def test_a_word_told_to_two_replicas_at_once_counts_once(opener: Opener) -> None:
    """Slack delivers a click to two of them: one records it, and both know it then."""
    if opener.place.kind == kinds.EMBEDDED:
        pytest.skip("one process has the journal: see test_taken_over")
    engines = [opener(), opener()]
    declared(engines[0])
    with ThreadPoolExecutor(len(engines)) as threads:
        for number in range(25):
            text = f"note {number}"
            found = list(threads.map(note, engines, [text] * len(engines)))
            assert sum(each is not None for each in found) == 1
    for engine in engines:
        assert len(engine.run("INC-1").notes) == 25
    assert opener.reader.broken("INC-1") == ""


def test_two_replicas_that_declare_at_once_open_one_incident(opener: Opener) -> None:
    """Two people press the button in the same second, on two replicas."""
    if opener.place.kind == kinds.EMBEDDED:
        pytest.skip("one process has the journal: see test_taken_over")
    engines = [opener(), opener()]
    with ThreadPoolExecutor(len(engines)) as threads:
        for number in range(10):
            system = f"shop-{number}"
            ids = [f"{system}: {click}" for click in range(len(engines))]
            found = list(threads.map(declared, engines, [system] * len(engines), ids))
            assert len({run.id for run in found}) == 1
    assert len(opener.reader.incidents()) == 10
