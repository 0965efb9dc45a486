"""People and the core always find a way on: no command twice, no wait that nothing ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows import events
from flows.commands import Command, UndoStep, VerifyStep
from flows.decisions import decide
from flows.events import Actor, Event, Recorded
from flows.gates import Person, Verb
from flows.plans import Plan, seal
from flows.runs import Run
from flows.states import State, StepState
from tests.flows.bench import ALEX, EMILY, JENNIFER, Bench, declaration
from tests.flows.estate import Estate, bundle, step
from tests.flows.test_decisions import PEOPLE, a_plan, planned, started, succeeded
from tests.flows.test_gates import START

INCIDENT = Actor(id="marcus", name="Marcus Rodriguez")


class Story:
    """A run that is told what happens, a second at a time."""

    def __init__(self, plan: Plan) -> None:
        self.at = START
        first = Recorded(seq=1, at=START, actor=INCIDENT, event=declaration("INC-1"))
        self.run: Run = decide(None, first)[0]
        self.tell(events.PlanAsked(procedure="back"))
        prepared = events.PlanPrepared(planning=self.run.planning, plan=plan, candidates=PEOPLE)
        self.tell(prepared)
        self.decide(EMILY, "plan")
        self.decide(JENNIFER, "plan")

    def tell(self, event: Event, *, after: float = 1.0) -> tuple[Command, ...]:
        """Fold an event that happens so many seconds later; return what is to be done."""
        self.at += timedelta(seconds=after)
        recorded = Recorded(seq=self.run.seq + 1, at=self.at, actor=INCIDENT, event=event)
        self.run, commands = decide(self.run, recorded)
        return commands

    def decide(
        self, person: Person, scope: str, verb: Verb = Verb.APPROVE, *, after: float = 1.0
    ) -> tuple[Command, ...]:
        """Let a person approve or deny what is proposed."""
        gate = self.run.gate_of(scope)
        digest = gate.digest if gate else ""
        word = events.Decided(
            scope=scope, person=person, verb=verb, digest=digest, reason="not now"
        )
        return self.tell(word, after=after)

    def attempt(self, name: str) -> int:
        """Return the attempt of a step that is under way."""
        return self.run.steps[name].attempt

    def about(self, name: str, make: Callable[[str, int], Event]) -> tuple[Command, ...]:
        """Tell what became of a step's attempt."""
        return self.tell(make(name, self.attempt(name)))

    def done(self, name: str) -> tuple[Command, ...]:
        """Let a step begin and succeed."""
        self.about(name, started)
        return self.about(name, succeeded)


def failed(name: str, attempt: int) -> Event:
    """It did not take effect."""
    return events.StepFailed(step=name, attempt=attempt, why="forbidden")


def interrupted(name: str, attempt: int) -> Event:
    """Its waiting was ended."""
    return events.StepInterrupted(step=name, attempt=attempt)


def two_at_once() -> Plan:
    """Return a plan whose two changes run side by side."""
    plan = a_plan()
    return seal(replace(plan, steps=(planned("first", stage=0), planned("second", stage=0))))


def undo_steps(commands: tuple[Command, ...]) -> list[UndoStep]:
    """Return what is to be undone."""
    return [command for command in commands if isinstance(command, UndoStep)]


def test_a_look_that_ends_while_something_is_undone_undoes_nothing_twice() -> None:
    """Undo is asked for while a check runs: the end of the check asks for no second undo."""
    story = Story(a_plan())
    story.done("first")
    story.decide(ALEX, "second")
    story.done("second")
    assert story.run.state is State.VALIDATE
    assert len(undo_steps(story.tell(events.UndoAsked(reason="worse")))) == 1
    assert undo_steps(story.about("check", interrupted)) == []
    assert len(undo_steps(story.tell(events.StepUndone(step="second", summary="back")))) == 1


def test_an_undo_that_stays_impossible_is_put_to_people() -> None:
    """The cluster is away for longer than the step may take: hold, retry gives it its time."""
    story = Story(a_plan())
    story.done("first")
    story.tell(events.UndoAsked(reason="worse"))
    away = events.UndoFailed(step="first", why="no answer", delay=1.0)
    assert len(undo_steps(story.tell(away))) == 1
    assert undo_steps(story.tell(away, after=90.0)) == []
    assert story.run.state is State.HOLD
    assert len(undo_steps(story.tell(events.RetryAsked()))) == 1
    assert len(undo_steps(story.tell(away))) == 1


def test_a_named_retry_goes_on_undoing() -> None:
    """Retrying the very change that could not be undone works, whatever failed before."""
    story = Story(two_at_once())
    story.done("first")
    story.about("second", failed)
    story.tell(events.UndoAsked(reason="worse"))
    story.tell(events.UndoFailed(step="first", why="forbidden"))
    assert story.run.state is State.HOLD
    assert undo_steps(story.tell(events.RetryAsked(step="first")))


@pytest.mark.parametrize("resumed", [False, True])
def test_a_change_whose_waiting_ended_is_looked_at_whatever_people_did(resumed: bool) -> None:
    """A hold ended the waiting; resumed at once or not, somebody looks what became of it."""
    story = Story(a_plan())
    story.about("first", started)
    story.tell(events.HoldAsked(reason="wait"))
    if resumed:
        story.tell(events.ResumeAsked())
    attempt = story.attempt("first")
    commands = story.about("first", interrupted)
    assert commands == (VerifyStep(step="first", attempt=attempt),)
    assert story.run.steps["first"].state is StepState.DOUBT


def test_a_step_that_was_denied_is_not_waited_for_again() -> None:
    """Retrying a denied step holds again with the reason: nobody could approve it any more."""
    story = Story(a_plan())
    story.done("first")
    story.decide(ALEX, "second", Verb.DENY)
    assert story.run.state is State.HOLD
    story.tell(events.RetryAsked())
    assert story.run.state is State.HOLD
    assert story.run.held is not None
    assert "Alex Thompson" in story.run.held.why


def test_a_step_that_was_denied_before_its_turn_holds_when_it_comes() -> None:
    """Denied while the run was held for something else: its turn ends in a hold."""
    story = Story(a_plan())
    story.tell(events.HoldAsked(reason="wait"))
    story.decide(ALEX, "second", Verb.DENY)
    story.tell(events.ResumeAsked())
    story.done("first")
    assert story.run.state is State.HOLD
    assert story.run.steps["second"].state is StepState.FAILED


def test_a_step_that_nobody_approved_in_time_is_put_to_people() -> None:
    """The plan gets too old while a step waits: nobody can approve it, so people are told."""
    story = Story(a_plan())
    story.done("first")
    assert story.run.steps["second"].state is StepState.WAITING
    expiry = events.TimerFired(timer="expiry", generation=story.run.planning)
    story.tell(expiry, after=1900.0)
    assert story.run.state is State.HOLD
    assert story.run.held is not None
    assert story.run.held.step == "second"


def test_a_word_on_a_step_that_is_settled_changes_nothing() -> None:
    """Denied after it was skipped: the run goes on."""
    story = Story(a_plan())
    story.done("first")
    story.tell(events.HoldAsked(reason="wait"))
    story.tell(events.SkipAsked(step="second", reason="by hand"))
    assert story.run.state is State.VALIDATE
    story.decide(ALEX, "second", Verb.DENY)
    assert story.run.state is State.VALIDATE
    assert story.run.steps["second"].state is StepState.SKIPPED


def test_an_answer_outdates_the_plan_that_is_being_made() -> None:
    """“It is a security incident”, said while a plan is prepared: that plan does not stand."""
    first = Recorded(seq=1, at=START, actor=INCIDENT, event=declaration("INC-1"))
    run, _ = decide(None, first)
    proposed = events.ProcedureProposed(
        procedure="back", title="Back", because="bad", severity="high"
    )
    told: tuple[Event, ...] = (events.FactsGathered(), proposed)
    for seq, event in enumerate(told, start=2):
        run, _ = decide(run, Recorded(seq=seq, at=START, actor=INCIDENT, event=event))
    planning = run.planning
    later: tuple[Event, ...] = (
        events.QuestionAnswered(question="security", answer=True),
        events.NothingProposed(why="Security", advice="choose"),
        events.PlanPrepared(planning=planning, plan=a_plan(), candidates=PEOPLE),
    )
    for seq, event in enumerate(later, start=4):
        run, _ = decide(run, Recorded(seq=seq, at=START, actor=INCIDENT, event=event))
    assert run.state is State.ASSESS
    assert run.plan is None


async def closes(folder: Path, estate: Estate, *, drifted: bool = False) -> Run:
    """Play a rollback whose end is a required step that tells people."""
    told = step("told", "fake.set", **{"with": {"name": "status", "to": "told"}})
    bench = Bench(folder, estate, bundle(communicate=(told,)))
    bench.start()
    bench.declare()
    await bench.until(State.APPROVE)
    if drifted:
        estate.values["status"] = "changed by somebody"
    bench.approve(EMILY)
    bench.approve(JENNIFER)
    run = await bench.until(State.CLOSED)
    await bench.stop()
    return run


async def test_what_can_not_be_told_does_not_keep_an_incident_open(tmp_path: Path) -> None:
    """The last step fails though it is required: nobody could help it on, so the run closes."""
    run = await closes(tmp_path, Estate(faults={"fake.set:status": ["permanent"]}))
    assert run.steps["told"].state is StepState.FAILED


async def test_drift_at_the_very_end_is_told_and_not_tried_for_ever(tmp_path: Path) -> None:
    """Somebody changed the status page meanwhile: it is left as it is."""
    run = await closes(tmp_path, Estate(), drifted=True)
    assert run.steps["told"].state is StepState.FAILED


async def test_drift_of_what_is_not_required_never_holds(tmp_path: Path) -> None:
    """Somebody changed the status page before the rollback: the rollback goes on."""
    estate = Estate()
    told = step("told", "fake.set", required=False, **{"with": {"name": "status", "to": "up"}})
    rollback = step("rollback", "fake.set", **{"with": {"name": "release", "to": "good"}})
    bench = Bench(tmp_path, estate, bundle(restore=(told, rollback)))
    bench.start()
    bench.declare()
    await bench.until(State.APPROVE)
    estate.values["status"] = "changed by somebody"
    bench.approve(EMILY)
    bench.approve(JENNIFER)
    run = await bench.until(State.CLOSED, State.HOLD)
    assert run.state is State.CLOSED
    assert estate.values["status"] == "changed by somebody"
    await bench.stop()


async def test_no_step_is_called_as_the_gate_of_the_plan(tmp_path: Path) -> None:
    """A gated step named “plan” would be opened by the approvals of the plan: it is refused."""
    gated = step("plan", "fake.set", gate="data", **{"with": {"name": "status", "to": "told"}})
    bench = Bench(tmp_path, Estate(), bundle(restore=(gated,)))
    bench.start()
    bench.declare()
    while not bench.run.blocked and bench.run.state is State.ASSESS:
        await bench.watch.changed("INC-1", 1.0)
    assert bench.run.state is State.ASSESS
    assert "“plan”" in bench.run.blocked
    await bench.stop()
