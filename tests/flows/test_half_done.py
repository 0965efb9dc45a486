"""A change that failed may have happened half-way: undo puts back what was captured before it."""

from pathlib import Path

import pytest

from flows import events
from flows.actions import Context, JsonObject, Preview
from flows.objections import Objection, objection
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, Set, SetInputs, bundle, step

SET = step("rollback", "fake.set", **{"with": {"name": "release", "to": "good"}})
NEVER = step("check", "fake.look", **{"with": {"name": "status", "equals": "never"}})


@pytest.fixture
def estate() -> Estate:
    """An estate whose first change is refused half-way."""
    made = Estate()
    made.faults["fake.set:release"] = ["permanent"]
    return made


async def test_undo_puts_back_a_change_that_failed_half_way(tmp_path: Path, estate: Estate) -> None:
    """The failed step was never done, and what it left behind is put back all the same."""
    bench = Bench(tmp_path, estate, bundle(restore=(SET,), validate=(NEVER,)))
    bench.start()
    await bench.approved()
    await bench.until(State.HOLD)
    estate.values["release"] = "half"
    bench.feed(events.UndoAsked(reason="it made things worse"))
    await bench.until(State.CLOSED)
    assert estate.values["release"] == "bad"
    await bench.stop()


async def test_a_change_that_worked_at_the_second_try_is_undone_once(
    tmp_path: Path, estate: Estate
) -> None:
    """The failure and the success of one step have one capture, so there is one thing to undo."""
    bench = Bench(tmp_path, estate, bundle(restore=(SET,), validate=(NEVER,)))
    bench.start()
    await bench.approved()
    await bench.until(State.HOLD)
    bench.feed(events.RetryAsked())
    run = await bench.until(State.HOLD)
    assert run.held is not None
    assert run.held.step == "check"
    bench.feed(events.UndoAsked(reason="it did not help"))
    await bench.until(State.CLOSED)
    assert [call for call in estate.calls if call.startswith("undo")] == ["undo release=bad"]
    await bench.stop()


async def test_a_second_attempt_knows_what_the_first_one_captured(
    tmp_path: Path, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look before it tells what the step changed itself from what it found."""
    estate.faults["fake.set:release"] = ["transient"]
    known: list[JsonObject | None] = []
    look = Set.preview

    async def preview(self: Set, inputs: SetInputs, context: Context) -> Preview:
        known.append(context.captured("rollback"))
        return await look(self, inputs, context)

    monkeypatch.setattr(Set, "preview", preview)
    bench = Bench(tmp_path, estate, bundle(restore=(SET,), validate=()))
    bench.start()
    await bench.approved()
    await bench.until(State.CLOSED)
    assert known[-2:] == [None, {"was": "bad"}]
    await bench.stop()


async def test_a_change_that_can_not_be_undone_stays_known_after_a_new_plan(
    tmp_path: Path, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It failed half-way, and a new plan forgets its step: aborting must not say it never was."""
    monkeypatch.setattr(Set, "undoable", False)
    bench = Bench(tmp_path, estate, bundle(restore=(SET,), validate=()))
    bench.start()
    await bench.approved()
    await bench.until(State.HOLD)
    bench.feed(events.ReplanAsked(reason="something else"))
    run = await bench.until(State.APPROVE)
    assert run.touched
    assert objection(run, events.AbortAsked(reason="")) is Objection.SOMETHING_CHANGED
    await bench.stop()
