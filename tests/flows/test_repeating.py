"""Steps that are done again and again: while the rollback goes on, and not a moment longer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from flows import events
from flows.commands import About
from flows.states import Outcome, State, StepState
from tests.flows.bench import EMILY, JENNIFER, PATIENCE, Bench
from tests.flows.estate import Estate, bundle, step

TOLD = "set status=round"


@pytest.fixture
def estate() -> Estate:
    """Return an estate on which the bad release runs."""
    return Estate()


def told(every: str = "0.3s", **more: Any) -> dict[str, Any]:
    """Return a step that says which round it is."""
    words = {"name": "status", "to": "round {{ round }}"}
    return step("told", "fake.set", required=False, every=every, **{"with": words}, **more)


def opened(folder: Path, estate: Estate, every: str = "0.3s", **more: Any) -> Bench:
    """Return a bench whose rollback waits for `estate.values["go"]` after its change."""
    estate.values["go"] = "no"
    rollback = step("rollback", "fake.set", **{"with": {"name": "release", "to": "good"}})
    wait = step("wait", "fake.look", within="60s", **{"with": {"name": "go", "equals": "yes"}})
    beside = {"parallel": (rollback, told(every, **more))}
    bench = Bench(folder, estate, bundle(restore=(beside, wait)))
    bench.start()
    return bench


def said(estate: Estate) -> list[str]:
    """Return what was told, in order."""
    return [call for call in estate.calls if call.startswith(TOLD)]


async def until_said(estate: Estate, times: int) -> None:
    """Wait until it was told so often."""
    async with asyncio.timeout(PATIENCE):
        while len(said(estate)) < times:
            await asyncio.sleep(0.01)


async def test_it_is_done_again_and_again_until_the_rollback_is_over(
    tmp_path: Path, estate: Estate
) -> None:
    """Each round says something new and is done once; after the end there are no more."""
    bench = opened(tmp_path, estate)
    await bench.approved()
    await until_said(estate, 3)
    estate.values["go"] = "yes"
    run = await bench.until(State.CLOSED)
    rounds = run.steps["told"].rounds
    assert rounds >= 3
    assert said(estate) == [f"{TOLD} {number}" for number in range(1, rounds + 1)]
    assert run.outcome is Outcome.RESTORED
    assert run.steps["told"].state is StepState.DONE
    assert [each.step.id for each in run.applied].count("told") == 1
    await asyncio.sleep(0.7)
    assert len(said(estate)) == rounds
    await bench.stop()


async def test_the_first_time_comes_after_the_interval(tmp_path: Path, estate: Estate) -> None:
    """What is over before was never needed, and is not waited for."""
    estate.values["go"] = "yes"
    bench = opened(tmp_path, estate, every="10m")
    estate.values["go"] = "yes"
    await bench.approved()
    run = await bench.until(State.CLOSED)
    assert said(estate) == []
    assert run.steps["told"].state is StepState.NOT_NEEDED
    await bench.stop()


async def test_on_hold_people_are_reminded_and_nothing_is_said(
    tmp_path: Path, estate: Estate
) -> None:
    """A hold stops it as everything else; afterwards it goes on where it was."""
    bench = opened(tmp_path, estate)
    await bench.approved()
    await until_said(estate, 1)
    bench.feed(events.HoldAsked(reason="wait a moment"))
    await bench.drained()
    so_far = len(said(estate))
    async with asyncio.timeout(PATIENCE):
        while About.NOT_REPEATED not in {each.about for each in bench.announced}:
            await asyncio.sleep(0.01)
    assert len(said(estate)) == so_far
    bench.feed(events.ResumeAsked())
    await until_said(estate, so_far + 1)
    estate.values["go"] = "yes"
    await bench.until(State.CLOSED)
    await bench.stop()


async def test_a_round_that_fails_is_told_and_the_next_one_comes(
    tmp_path: Path, estate: Estate
) -> None:
    """A status page that is away for one round holds nothing up, and has the next."""
    estate.faults["fake.set:status"] = ["permanent"]
    bench = opened(tmp_path, estate)
    await bench.approved()
    await until_said(estate, 2)
    estate.values["go"] = "yes"
    run = await bench.until(State.CLOSED)
    assert [each.subject for each in bench.announced if each.about is About.NOT_TOLD] == ["told"]
    assert run.steps["told"].state is StepState.DONE
    await bench.stop()


async def test_another_plan_has_a_clock_of_its_own(tmp_path: Path, estate: Estate) -> None:
    """A clock of the plan before strikes in vain."""
    bench = opened(tmp_path, estate)
    await bench.approved()
    await until_said(estate, 1)
    bench.feed(events.HoldAsked(reason="another plan"))
    bench.feed(events.ReplanAsked(reason="another plan"))
    await bench.until(State.ASSESS)
    so_far = len(said(estate))
    await asyncio.sleep(0.7)
    assert len(said(estate)) == so_far
    await bench.stop()


async def test_undone_it_is_put_back_once(tmp_path: Path, estate: Estate) -> None:
    """However many rounds there were, undo has one thing to put back of them."""
    bench = opened(tmp_path, estate)
    await bench.approved()
    await until_said(estate, 2)
    bench.feed(events.HoldAsked(reason="it does not help"))
    await bench.drained()
    bench.feed(events.UndoAsked(reason="it does not help"))
    run = await bench.until(State.CLOSED)
    assert run.outcome is Outcome.UNDONE
    undone = [call for call in estate.calls if call.startswith("undo")]
    assert len(undone) == 2
    assert undone[-1] == "undo release=bad"
    await bench.stop()


@pytest.mark.crash
async def test_a_crash_in_a_round_says_it_once(tmp_path: Path, estate: Estate) -> None:
    """The process ends after the words left: the next one finds them said, and goes on."""
    estate.faults["fake.set:status"] = ["crash after"]
    bench = opened(tmp_path, estate)
    await bench.approved()
    await bench.crash()
    again = opened(tmp_path, estate)
    await until_said(estate, 2)
    assert said(estate)[:2] == [f"{TOLD} 1", f"{TOLD} 2"]
    estate.values["go"] = "yes"
    await again.until(State.CLOSED)
    await again.stop()


async def test_what_can_not_be_seen_and_is_not_required_prevents_no_plan(
    tmp_path: Path, estate: Estate
) -> None:
    """Evidence that can't be looked at now is tried later, and people see that before."""
    estate.faults["preview:status"] = ["blind"]
    kept = {"name": "status", "to": "kept"}
    evidence = step("evidence", "fake.set", required=False, **{"with": kept})
    rollback = step("rollback", "fake.set", **{"with": {"name": "release", "to": "good"}})
    bench = Bench(tmp_path, estate, bundle(isolate=(evidence,), restore=(rollback,)))
    bench.start()
    bench.declare()
    run = await bench.until(State.APPROVE)
    assert run.plan is not None
    assert "tried nevertheless" in run.plan.step("evidence").warnings[0]
    bench.approve(EMILY)
    bench.approve(JENNIFER)
    await bench.until(State.CLOSED)
    assert estate.values == {"release": "good", "status": "kept"}
    await bench.stop()


async def test_what_is_required_must_be_seen(tmp_path: Path, estate: Estate) -> None:
    """A step that the rollback can't do without is never approved unseen."""
    estate.faults["preview:release"] = ["blind"]
    bench = Bench(tmp_path, estate, bundle())
    bench.start()
    bench.declare()
    async with asyncio.timeout(PATIENCE):
        while not bench.run.blocked:
            await bench.watch.changed("INC-1", 1.0)
    assert "it can't be seen" in bench.run.blocked
    await bench.stop()
