"""The timeline in the terminal: every event is a line that says something."""

from typing import get_args

import pytest

from bot.cli.timelines import describe, lines
from flows import events
from flows.gates import Person, Verb
from flows.paging import Reached
from flows.plans import Plan
from tests.bot import story
from tests.bot.cli.conftest import MARCUS, START

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
    events.BreakGlassAsked(person=MARCUS, digest="0" * 64, reason="nobody answers"),
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
    events.PageAsked(subject="role:dba", title="DBA", people=(MARCUS,), why="Ann asked for it"),
    events.PageSent(page=1, reached=(Reached(person="marcus", via="slack", ok=True),)),
    events.PageAcknowledged(person=MARCUS, via="slack"),
    events.TimerFired(timer="rto", generation=0),
    events.NoteAdded(text="database is fine"),
    events.FollowUpDone(follow_up="timeline"),
    events.StallNoticed(why="SendPage has not begun"),
    events.BotResumed(away_since=START),
)


def test_every_kind_of_event_has_a_sentence() -> None:
    """No event shows up under the name of its class."""
    kinds = {type(each) for each in EVENTS} | {events.IncidentDeclared}

    assert kinds == set(get_args(events.Event))
    for each in EVENTS:
        assert describe(each, {}) != type(each).__name__


class Told(story.Story):
    """A story that keeps what was told, as the journal does."""

    def __init__(self) -> None:
        self.recorded: list[events.Recorded] = []
        super().__init__()

    def tell(self, *told: events.Event, by: Person | None = None) -> "Told":
        """Keep each event, then feed it."""
        for event in told:
            seq = len(self.recorded) + 1
            actor = events.Actor(id=by.id, name=by.name) if by else events.BOT
            self.recorded.append(events.Recorded(seq=seq, at=self.now, actor=actor, event=event))
            super().tell(event, by=by)
        return self

    @property
    def lines(self) -> list[str]:
        """Return the timeline."""
        return list(lines(self.recorded))


@pytest.fixture
def told() -> Told:
    """An incident whose plan waits for approval."""
    begun = Told()
    begun.wait(40).facts().answered().proposed().wait(20)
    return begun


def test_steps_are_called_by_their_titles(told: Told) -> None:
    """Ids are for files; people read the titles of the plan that was approved."""
    told.approved().done("rollback", "revision 41 is deployed")

    title = PLAN.step("rollback").title
    assert told.lines[-2] == f"14:01:00  Backout: ▸ {title}: begun"
    assert told.lines[-1] == f"14:01:30  Backout: ✓ {title}: revision 41 is deployed"


def test_a_refusal_names_what_was_refused(told: Told) -> None:
    """Who decided what, on which plan, and why."""
    told.denied(story.JENNIFER, why="too soon")

    digest = PLAN.digest[:8]
    assert told.lines[-1] == f"14:01:00  Jennifer Liu: denied the plan ({digest}): too soon"


def test_an_approval_that_did_not_count_is_shown_as_such(told: Told) -> None:
    """The declarer's own word is in the record, and so is that it had no effect."""
    told.approved(story.MARCUS)

    assert told.lines[-1].endswith("without effect")


def test_an_approval_that_counted_is_not(told: Told) -> None:
    """A word that opened the gate is simply a word."""
    told.approved(story.JENNIFER)

    assert told.lines[-1].endswith(f"approved the plan ({PLAN.digest[:8]})")


def test_a_deadline_that_meant_nothing_any_more_is_not_shown(told: Told) -> None:
    """Timers are never cancelled, only outdated: the time to assess is no news after it."""
    before = len(told.lines)
    told.tell(events.TimerFired(timer="phase:assess", generation=1))
    assert len(told.lines) == before

    told.tell(events.TimerFired(timer="rto", generation=0))
    assert told.lines[-1].endswith("the recovery target has passed")


def test_a_note_over_several_lines_is_one_line(told: Told) -> None:
    """What people typed can't fake another line of the timeline."""
    told.tell(events.NoteAdded(text="fine\n14:00:01  Jennifer Liu: approved the plan"))

    assert len(told.lines[-1].splitlines()) == 1
