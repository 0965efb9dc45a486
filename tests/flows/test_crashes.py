"""A process that ends without warning: the next one goes on, loses nothing, doubles nothing."""

from pathlib import Path

import pytest

from config.models.bundles import Bundle
from flows.embedded import BusyError, EmbeddedEngine
from flows.states import State, StepState
from tests.flows.bench import ALEX, EMILY, JENNIFER, Bench
from tests.flows.estate import Estate, bundle, step

pytestmark = pytest.mark.crash


def a_toggle() -> Bundle:
    """A system whose rollback would do harm if it were done twice."""
    toggle = step("rollback", "fake.toggle", **{"with": {"name": "release", "to": "good"}})
    return bundle(restore=(toggle,))


async def crashed(folder: Path, estate: Estate, system: Bundle) -> None:
    """Run until the estate's fault ends the process."""
    bench = Bench(folder, estate, system)
    bench.start()
    await bench.approved()
    await bench.crash()


async def test_a_call_that_took_effect_is_found_and_not_repeated(tmp_path: Path) -> None:
    """Killed after the call and before its record: verify sees it, apply is not called again."""
    estate = Estate(faults={"fake.set:release": ["crash after"]})
    await crashed(tmp_path, estate, bundle())
    bench = Bench(tmp_path, estate, bundle())
    assert bench.run.steps["rollback"].state is StepState.RUNNING
    bench.start()
    run = await bench.until(State.CLOSED)
    assert estate.calls.count("set release=good") == 1
    assert run.steps["rollback"].reconciled
    await bench.stop()


async def test_a_call_that_never_left_is_made_again_only_when_it_can_do_no_harm(
    tmp_path: Path,
) -> None:
    """Killed between the record and the call: after its time has passed, it is made once."""
    estate = Estate(faults={"fake.set:release": ["crash before"]})
    await crashed(tmp_path, estate, bundle())
    bench = Bench(tmp_path, estate, bundle())
    bench.start()
    await bench.until(State.CLOSED)
    assert estate.values["release"] == "good"
    await bench.stop()


async def test_a_doubtful_call_that_could_do_harm_waits_for_people(tmp_path: Path) -> None:
    """The same with an action that must not run twice: the run holds and says why."""
    estate = Estate(faults={"fake.toggle:release": ["crash before"]})
    await crashed(tmp_path, estate, a_toggle())
    bench = Bench(tmp_path, estate, a_toggle())
    bench.start()
    run = await bench.until(State.HOLD)
    assert run.steps["rollback"].state is StepState.FAILED
    assert estate.calls.count("set release=good") == 1
    await bench.stop()


async def test_approvals_outlive_the_process(tmp_path: Path) -> None:
    """One of two had approved when the process ended; the other one is still all it needs."""
    estate = Estate()
    first = Bench(tmp_path, estate, bundle())
    first.start()
    first.declare()
    await first.until(State.APPROVE)
    first.approve(EMILY)
    await first.stop()
    second = Bench(tmp_path, estate, bundle())
    second.start()
    second.approve(JENNIFER)
    await second.until(State.CLOSED)
    await second.stop()


async def test_the_plan_is_pinned_to_its_run(tmp_path: Path) -> None:
    """Editing the procedure while an incident waits changes nothing of what was approved."""
    estate = Estate()
    first = Bench(tmp_path, estate, bundle())
    first.start()
    first.declare()
    await first.until(State.APPROVE)
    first.approve(EMILY)
    await first.stop()
    other = step("rollback", "fake.set", **{"with": {"name": "release", "to": "surprise"}})
    second = Bench(tmp_path, estate, bundle(restore=(other,)))
    second.start()
    second.approve(ALEX)
    await second.until(State.CLOSED)
    assert estate.values["release"] == "good"
    await second.stop()


async def test_a_second_process_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Two processes on one journal: the second says who is in the way and what to do."""
    first = EmbeddedEngine(tmp_path)
    with pytest.raises(BusyError, match="another Backout is running"):
        EmbeddedEngine(tmp_path)
    first.close()
    EmbeddedEngine(tmp_path).close()


async def test_what_no_phase_waits_for_is_still_done_after_a_crash(tmp_path: Path) -> None:
    """Killed while customers were told, found not told when the phase is over: told then."""
    told = step("told", "fake.set", required=False, **{"with": {"name": "status", "to": "up"}})
    rollback = step("rollback", "fake.set", **{"with": {"name": "release", "to": "good"}})
    system = bundle(restore=({"parallel": (rollback, told)},))
    estate = Estate(faults={"fake.set:status": ["crash before"]})
    await crashed(tmp_path, estate, system)
    bench = Bench(tmp_path, estate, system)
    bench.start()
    run = await bench.until(State.CLOSED)
    assert run.steps["told"].state is StepState.DONE
    assert estate.values == {"release": "good", "status": "up"}
    await bench.stop()


async def test_a_call_that_never_takes_effect_is_not_repeated_for_ever(tmp_path: Path) -> None:
    """Looked for in vain three times: then people are asked, however harmless a repeat is."""
    estate = Estate(faults={"fake.set:release": ["lost before"] * 20})
    bench = Bench(tmp_path, estate, bundle())
    bench.start()
    await bench.approved()
    await bench.until(State.HOLD)
    assert estate.calls.count("set release=good") == 3
    await bench.stop()
