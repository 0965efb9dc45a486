"""Whole runs through the real engine, on an estate in memory."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flows import events
from flows.commands import About
from flows.gates import Verb
from flows.plans import Objective
from flows.states import Outcome, State, StepState
from tests.flows.bench import ALEX, EMILY, JENNIFER, MARCUS, PATIENCE, Bench
from tests.flows.estate import Estate, bundle, step


@pytest.fixture
def estate() -> Estate:
    """An estate with a bad release."""
    return Estate()


@pytest.fixture
async def bench(tmp_path: Path, estate: Estate) -> AsyncIterator[Bench]:
    """A running engine on it."""
    bench = Bench(tmp_path, estate, bundle())
    bench.start()
    yield bench
    await bench.stop()


async def test_two_approvals_carry_a_rollback_to_its_end(bench: Bench, estate: Estate) -> None:
    """Declared, approved by two people, restored, validated and closed."""
    await bench.approved()
    run = await bench.until(State.CLOSED)
    await bench.drained()
    assert estate.values["release"] == "good"
    assert estate.calls.count("set release=good") == 1
    assert run.outcome is Outcome.RESTORED
    assert run.steps["rollback"].summary == "release is good"
    assert [a.about for a in bench.announced] == [
        About.APPROVAL_WANTED,
        About.APPROVED,
        About.CLOSED,
    ]


async def test_one_person_is_not_enough(bench: Bench, estate: Estate) -> None:
    """One approval of two leaves the estate alone; the declarer's own counts for nothing."""
    bench.declare()
    await bench.until(State.APPROVE)
    bench.approve(EMILY)
    bench.approve(EMILY)
    bench.approve(MARCUS)
    await asyncio.sleep(0.05)
    assert bench.run.state is State.APPROVE
    assert not [call for call in estate.calls if call.startswith("set")]


async def test_two_leads_fill_both_slots_in_either_order(bench: Bench) -> None:
    """A lead who could fill either slot never blocks the other one."""
    bench.declare()
    await bench.until(State.APPROVE)
    bench.approve(ALEX)
    bench.approve(JENNIFER)
    await bench.until(State.CLOSED)


async def test_a_transient_failure_is_tried_again(bench: Bench, estate: Estate) -> None:
    """A busy estate delays the step and nothing else."""
    estate.faults["fake.set:release"] = ["transient"]
    await bench.approved()
    run = await bench.until(State.CLOSED)
    assert estate.calls.count("set release=good") == 2
    assert run.steps["rollback"].state is StepState.DONE


async def test_a_lost_answer_is_looked_up_and_not_sent_again(bench: Bench, estate: Estate) -> None:
    """The change had taken effect: verify finds it, apply is not called a second time."""
    estate.faults["fake.set:release"] = ["lost"]
    await bench.approved()
    run = await bench.until(State.CLOSED)
    assert estate.calls.count("set release=good") == 1
    assert run.steps["rollback"].reconciled


async def test_a_failure_holds_and_a_retry_goes_on(bench: Bench, estate: Estate) -> None:
    """Forbidden: the run stands still with the reason, and goes on when asked."""
    estate.faults["fake.set:release"] = ["permanent"]
    await bench.approved()
    run = await bench.until(State.HOLD)
    assert run.held is not None
    assert "right to set" in run.held.why
    bench.feed(events.RetryAsked())
    await bench.until(State.CLOSED)
    assert estate.values["release"] == "good"


async def test_drift_holds_before_anything_changes(bench: Bench, estate: Estate) -> None:
    """Somebody changed the estate after the plan was shown: what was approved is not done."""
    bench.declare()
    await bench.until(State.APPROVE)
    estate.values["release"] = "worse"
    bench.approve(EMILY)
    bench.approve(JENNIFER)
    run = await bench.until(State.HOLD)
    assert run.held is not None
    assert run.held.drifted
    assert estate.values["release"] == "worse"
    bench.feed(events.ResumeAsked())
    assert bench.run.state is State.HOLD


async def test_undo_puts_back_last_to_first(tmp_path: Path, estate: Estate) -> None:
    """Two changes are put back in the reverse order, and the run ends as undone."""
    second = step("second", "fake.set", **{"with": {"name": "status", "to": "told"}})
    first = step("first", "fake.set", **{"with": {"name": "release", "to": "good"}})
    look = step("check", "fake.look", **{"with": {"name": "status", "equals": "never"}})
    bench = Bench(tmp_path, estate, bundle(restore=(first, second), validate=(look,)))
    bench.start()
    await bench.approved()
    await bench.until(State.HOLD)
    bench.feed(events.UndoAsked(reason="it made things worse"))
    run = await bench.until(State.CLOSED)
    assert [call for call in estate.calls if call.startswith("undo")] == [
        "undo status=none",
        "undo release=bad",
    ]
    assert run.outcome is Outcome.UNDONE
    await bench.stop()


async def test_a_hold_lets_the_call_end_and_starts_nothing_more(
    bench: Bench, estate: Estate
) -> None:
    """What is under way is finished and recorded; the next step waits for the resume."""
    estate.slow = asyncio.Event()
    await bench.approved()
    await bench.until(State.RESTORE)
    await estate.called.wait()
    bench.feed(events.HoldAsked(reason="wait a moment"))
    estate.slow.set()
    async with asyncio.timeout(PATIENCE):
        while bench.run.steps["rollback"].state is not StepState.DONE:
            await bench.watch.changed("INC-1", 1.0)
    await bench.drained()
    assert bench.run.state is State.HOLD
    assert bench.run.steps["check"].state is StepState.PENDING
    bench.feed(events.ResumeAsked())
    await bench.until(State.CLOSED)


async def test_what_is_not_required_never_holds_a_rollback(tmp_path: Path, estate: Estate) -> None:
    """The status page is away: the rollback goes on, and people are told who was not."""
    told = step("told", "fake.set", required=False, **{"with": {"name": "status", "to": "up"}})
    rollback = step("rollback", "fake.set", **{"with": {"name": "release", "to": "good"}})
    estate.faults["fake.set:status"] = ["permanent"]
    bench = Bench(tmp_path, estate, bundle(restore=({"parallel": (told, rollback)},)))
    bench.start()
    await bench.approved()
    run = await bench.until(State.CLOSED)
    assert run.steps["told"].state is StepState.FAILED
    assert About.NOT_TOLD in [a.about for a in bench.announced]
    await bench.stop()


async def test_what_a_failed_step_was_to_tell_is_named_where_it_lacks(
    tmp_path: Path, estate: Estate
) -> None:
    """Nothing to compare with: the run holds, and says by its title which step failed."""
    told = step("told", "fake.set", required=False, **{"with": {"name": "status", "to": "up"}})
    same = step("same", "fake.look", **{"with": {"name": "status", "equals": "{{ steps.told.x }}"}})
    estate.faults["fake.set:status"] = ["permanent"]
    bench = Bench(tmp_path, estate, bundle(restore=(told, same)))
    bench.start()
    await bench.approved()
    run = await bench.until(State.HOLD)
    assert run.held is not None
    assert run.plan is not None
    title = run.plan.step("told").title
    why = f"it needs what “{title}” was to tell, and that failed"
    assert why in run.steps["same"].summary, run.held
    assert "look status" not in estate.calls
    await bench.stop()


async def test_an_undone_run_closes_though_later_steps_never_ran(
    tmp_path: Path, estate: Estate
) -> None:
    """Undone before the last step began: the run still comes to its end."""
    first = step("first", "fake.set", **{"with": {"name": "release", "to": "good"}})
    never = step("never", "fake.look", **{"with": {"name": "status", "equals": "never"}})
    last = step("last", "fake.set", **{"with": {"name": "status", "to": "told"}})
    bench = Bench(tmp_path, estate, bundle(restore=(first, never, last)))
    bench.start()
    await bench.approved()
    await bench.until(State.HOLD)
    bench.feed(events.UndoAsked(reason="it made things worse"))
    run = await bench.until(State.CLOSED)
    assert run.outcome is Outcome.UNDONE
    assert estate.values == {"release": "bad", "status": "none"}
    await bench.stop()


async def test_a_change_that_can_not_be_put_back_can_be_left(
    tmp_path: Path, estate: Estate
) -> None:
    """A failed undo holds; with a person's word it stays as it is and the rest is undone."""
    first = step("first", "fake.set", **{"with": {"name": "release", "to": "good"}})
    second = step("second", "fake.set", **{"with": {"name": "status", "to": "told"}})
    never = step("never", "fake.look", **{"with": {"name": "status", "equals": "never"}})
    estate.faults["undo:status"] = ["permanent"]
    bench = Bench(tmp_path, estate, bundle(restore=(first, second, never)))
    bench.start()
    await bench.approved()
    await bench.until(State.HOLD)
    bench.feed(events.UndoAsked(reason="it made things worse"))
    await bench.until(State.UNDO)
    await bench.until(State.HOLD)
    bench.feed(events.SkipAsked(step="second", reason="I did it by hand"))
    run = await bench.until(State.CLOSED)
    assert estate.values == {"release": "bad", "status": "told"}
    assert run.steps["second"].summary.startswith("left as it is")
    await bench.stop()


async def test_an_estate_that_goes_on_being_busy_holds_when_the_budget_is_spent(
    bench: Bench, estate: Estate
) -> None:
    """Tries end with the step's budget, and the reason is what was answered last."""
    estate.faults["fake.set:release"] = ["transient"] * 50
    await bench.approved()
    run = await bench.until(State.HOLD)
    assert run.held is not None
    assert run.held.why == "busy"


async def test_a_fault_of_ours_after_the_intent_is_a_doubt_and_not_a_failure(
    bench: Bench, estate: Estate
) -> None:
    """An unexpected exception in apply is looked up like a lost answer."""
    estate.faults["fake.set:release"] = ["bug"]
    await bench.approved()
    await bench.until(State.CLOSED)
    assert estate.values["release"] == "good"


async def test_a_gate_on_a_step_is_asked_for_and_waited_for(tmp_path: Path, estate: Estate) -> None:
    """The run waits at the gated step only; one eligible person opens it."""
    first = step("first", "fake.set", **{"with": {"name": "release", "to": "good"}})
    gated = step("gated", "fake.set", gate="data", **{"with": {"name": "status", "to": "told"}})
    bench = Bench(tmp_path, estate, bundle(restore=(first, gated)))
    bench.start()
    await bench.approved()
    async with asyncio.timeout(PATIENCE):
        while bench.run.steps["gated"].state is not StepState.WAITING:
            await bench.watch.changed("INC-1", 1.0)
    assert estate.values["status"] == "none"
    bench.approve(EMILY, "gated")
    assert bench.run.steps["gated"].state is StepState.WAITING
    bench.approve(ALEX, "gated")
    await bench.until(State.CLOSED)
    assert estate.values["status"] == "told"
    await bench.stop()


async def test_a_denied_plan_waits_for_a_new_one(bench: Bench, estate: Estate) -> None:
    """Denied: nothing is done, the reason is kept, and a new plan needs new approvals."""
    bench.declare()
    await bench.until(State.APPROVE)
    gate = bench.run.gate
    assert gate is not None
    bench.approve(EMILY)
    denied = events.Decided(
        scope="plan", person=ALEX, verb=Verb.DENY, digest=gate.digest, reason="wrong release"
    )
    bench.feed(denied, ALEX)
    assert bench.run.state is State.ASSESS
    assert "wrong release" in bench.run.blocked
    bench.feed(events.PlanAsked(procedure=None))
    run = await bench.until(State.APPROVE)
    assert run.decisions == ()
    assert run.gate is not None
    assert run.gate.digest != gate.digest
    assert not [call for call in estate.calls if call.startswith("set")]


async def test_an_unknown_fact_is_never_taken_for_false(bench: Bench, estate: Estate) -> None:
    """The estate can't be looked at: nothing is proposed, and the reason says what is unknown."""
    estate.faults["fake.look:release"] = ["transient"]
    bench.declare()
    async with asyncio.timeout(PATIENCE):
        while not bench.run.blocked:
            await bench.watch.changed("INC-1", 1.0)
    assert bench.run.state is State.ASSESS
    assert "unknown" in bench.run.blocked


async def test_abort_before_any_change_cancels(bench: Bench, estate: Estate) -> None:
    """Nothing was changed, so nothing has to be put back."""
    bench.declare()
    await bench.until(State.APPROVE)
    bench.feed(events.AbortAsked(reason="false alarm"))
    assert bench.run.state is State.CANCELLED
    assert bench.run.outcome is Outcome.CANCELLED


@pytest.mark.covers("AIVO-M5", "AIVO-M6", "AIVO-M7", "AIVO-FIX41")
async def test_a_run_is_measured_against_the_objective_of_its_plan(
    tmp_path: Path, estate: Estate
) -> None:
    """The plan's target counts from the declaration; the clock of before says nothing any more."""
    bench = Bench(tmp_path, estate, bundle(rto="1s"))
    bench.start()
    bench.declare()
    run = await bench.until(State.APPROVE)
    assert (run.target_title, run.rto, run.rto_limit) == ("Availability", 1.0, 1200.0)
    assert run.plan is not None
    assert run.plan.objective == Objective(title="Availability", rto=1.0, rto_limit=1200.0)
    async with asyncio.timeout(PATIENCE):
        while bench.run.passed_deadlines != ("rto",):
            await asyncio.sleep(0.01)
    stale = events.TimerFired(timer="rto", generation=0)
    bench.feed(stale)
    assert bench.run.passed_deadlines == ("rto",)
    await bench.stop()
