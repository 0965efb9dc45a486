"""A change that failed may have happened half-way: undo puts back what was captured before it."""

from pathlib import Path

import pytest

from flows import events
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle, step

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
