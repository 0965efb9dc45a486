"""The blast radius: counted when the plan is made, and again where a step's inputs came late."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.models.bundles import Bundle
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle, step

LOOK = step("seen", "fake.look", **{"with": {"name": "release"}})
SET = step("status", "fake.set", **{"with": {"name": "status", "to": "told"}})
LATE = step("late", "fake.set", **{"with": {"name": "release", "to": "was {{ steps.seen.value }}"}})


def limited(radius: int) -> Bundle:
    """Return a system whose procedure changes two things, one of which is known late."""
    made = bundle(restore=(LOOK, SET, LATE), validate=())
    procedure = made.procedures["back"].model_copy(update={"blast_radius": radius})
    return replace(made, procedures={"back": procedure})


async def test_a_late_step_that_is_one_too_many_is_not_done(tmp_path: Path) -> None:
    """What was planned fits; the late step would make two, so it fails before it changes."""
    estate = Estate()
    bench = Bench(tmp_path, estate, limited(1))
    bench.start()
    await bench.approved()
    run = await bench.until(State.HOLD)
    assert run.held is not None
    assert (run.held.step, "2 with those of the other steps" in run.held.why) == ("late", True)
    assert estate.values == {"release": "bad", "status": "told"}
    await bench.stop()


@pytest.mark.parametrize("radius", [2, 3])
async def test_a_late_step_within_the_limit_is_done(tmp_path: Path, radius: int) -> None:
    """Two changes are within two."""
    estate = Estate()
    bench = Bench(tmp_path, estate, limited(radius))
    bench.start()
    await bench.approved()
    await bench.until(State.CLOSED)
    assert estate.values == {"release": "was bad", "status": "told"}
    await bench.stop()
