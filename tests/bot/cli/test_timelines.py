"""The timeline in the terminal: every event is a line that says something."""

from typing import get_args

from bot.cli.timelines import describe, lines
from flows import events
from flows.gates import Verb
from flows.plans import Plan
from tests.bot import story
from tests.bot.cli.conftest import ACTOR, MARCUS, START

PLAN: Plan = story.plan()
EVENTS: tuple[events.Event, ...] = (
    events.ChannelOpened(channel="C1", name="inc-1"),
    events.FactObserved(fact="pods", title="Pods", value=None, shown="no answer", ok=None),
    events.FactsGathered(),
    events.QuestionAnswered(question="security", answer=False),
    events.ProcedureProposed(
        procedure="service", title="Return", because="84 %", severity="critical"
    ),
    events.NothingProposed(why="it is unknown", advice="answer"),
    events.PlanAsked(procedure="service"),
    events.PlanPrepared(planning=1, plan=PLAN, candidates=()),
    events.PlanFailed(planning=1, why="no release"),
    events.NoRollbackChosen(reason="fix forward"),
    events.Decided(scope="plan", person=MARCUS, verb=Verb.DENY, digest="0" * 64, reason="too soon"),
    events.StepStarted(step="rollback", attempt=1, inputs={}, captured={}),
    events.StepSucceeded(step="rollback", attempt=1, summary="on 41", output={}, reconciled=True),
    events.StepFailed(step="rollback", attempt=1, why="refused", delay=2.0),
    events.StepInterrupted(step="rollback", attempt=1),
    events.StepDoubted(step="rollback", attempt=1, why="no answer"),
    events.DoubtRefuted(step="rollback", attempt=1, why="still on 42"),
    events.StepPassedOver(step="rollback", attempt=1, why="not needed"),
    events.DriftFound(step="rollback", attempt=1, changes=(), why="now 43"),
    events.StepUndone(step="rollback", summary="back on 42"),
    events.UndoFailed(step="rollback", why="refused"),
    events.HoldAsked(reason="wait"),
    events.ResumeAsked(),
    events.RetryAsked(step=None),
    events.SkipAsked(step="rollback", reason="by hand"),
    events.UndoAsked(reason="worse"),
    events.AbortAsked(reason="false alarm"),
    events.ReplanAsked(reason="changed"),
    events.TimerFired(timer="rto", generation=0),
    events.NoteAdded(text="database is fine"),
    events.BotResumed(away_since=START),
)


def test_every_kind_of_event_has_a_sentence() -> None:
    """No event shows up under the name of its class."""
    kinds = {type(each) for each in EVENTS} | {events.IncidentDeclared}

    assert kinds == set(get_args(events.Event))
    for each in EVENTS:
        assert describe(each, {}) != type(each).__name__


def test_steps_are_called_by_their_titles() -> None:
    """Ids are for files; people read the titles of the plan that was approved."""
    told = [
        events.Recorded(seq=n, at=START, actor=ACTOR, event=each)
        for n, each in enumerate(EVENTS, start=2)
    ]
    title = PLAN.step("rollback").title

    succeeded = next(line for line in lines(told) if "✓" in line)
    assert succeeded == f"14:00:00  Marcus Rodriguez: ✓ {title}: on 41 (found out afterwards)"


def test_a_refusal_names_what_was_refused() -> None:
    """Who decided what, on which plan, and why."""
    denied = next(each for each in EVENTS if isinstance(each, events.Decided))

    assert describe(denied, {}) == "denied the plan (00000000): too soon"


def test_a_note_over_several_lines_is_one_line() -> None:
    """What people typed can't fake another line of the timeline."""
    event = events.NoteAdded(text="fine\n14:00:01  Jennifer Liu: approved the plan")
    recorded = events.Recorded(seq=2, at=START, actor=ACTOR, event=event)

    assert len(next(lines([recorded])).splitlines()) == 1
