"""Where a run left the straight way: skipped, overridden, begun early, retried, in doubt, late.

Pure; the part of `flows.reports` that reads the events one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flows import events as e
from flows.moments import Moment
from flows.runs import Run
from flows.states import Outcome, State, StepState


class Off(StrEnum):
    """How it left the straight way.  `bot.wording` has the words."""

    SKIPPED = "skipped"
    LEFT = "left"
    FAILED = "failed"
    NOT_UNDONE = "not_undone"
    NOT_PERFORMED = "not_performed"
    BROKE_GLASS = "broke_glass"
    BEGUN_ALONE = "begun_alone"
    OTHER_PLAN = "other_plan"
    REPLANNED = "replanned"
    EXPIRED = "expired"
    HELD = "held"
    RETRIED = "retried"
    TRIED_AGAIN = "tried_again"
    DOUBTED = "doubted"
    REFUTED = "refuted"
    RECONCILED = "reconciled"
    DRIFTED = "drifted"
    LATE = "late"
    UNKNOWN = "unknown"
    NO_EFFECT = "no_effect"
    AWAY = "away"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One of them.  `what` is a step's, procedure's or fact's title, or a timer; `who` a person."""

    at: datetime
    kind: Off
    what: str = ""
    who: str = ""
    why: str = ""


def deviations(told: Sequence[Moment]) -> tuple[Deviation, ...]:
    """Return them in the order of time."""
    found = [each for moment in told for each in _of(moment)]
    return tuple(sorted([*found, *_at_the_end(told[-1].run)], key=lambda each: each.at))


def title_of(run: Run | None, step: str) -> str:
    """Return a step's title in the run as it was."""
    steps = run.plan.steps if run and run.plan else ()
    named = {s.id: s.title for s in (*(a.step for a in (run.applied if run else ())), *steps)}
    return named.get(step, step)


def _of(moment: Moment) -> Iterator[Deviation]:
    before, after = moment.before, moment.run
    if before is None:
        return
    said = _said(moment, before)
    if said is not None:
        yield said
    if not moment.counted:
        return
    if after.begun_alone != before.begun_alone:
        yield Deviation(at=moment.at, kind=Off.BEGUN_ALONE, what=_plan_title(after))
    if after.held and before.held is None and said is None:
        what = title_of(after, after.held.step) if after.held.step else ""
        yield Deviation(at=moment.at, kind=Off.HELD, what=what, why=after.held.why)
    for timer in after.passed_deadlines[len(before.passed_deadlines) :]:
        yield Deviation(at=moment.at, kind=Off.LATE, what=timer)
    timed = isinstance(moment.recorded.event, e.TimerFired)
    if timed and (before.state, after.state) == (State.APPROVE, State.ASSESS):
        yield Deviation(at=moment.at, kind=Off.EXPIRED, what=_plan_title(before))


def _said(moment: Moment, before: Run) -> Deviation | None:
    """Return what an event says by itself."""
    event = moment.recorded.event
    if not moment.counted:
        if isinstance(event, e.Decided):
            return _by(moment, Off.NO_EFFECT, title_of(before, event.scope), event.verb)
        return None
    return _asked(moment, before, event) or _stepped(moment, event)


def _by(moment: Moment, kind: Off, what: str, why: str = "") -> Deviation:
    who = moment.recorded.actor.name
    return Deviation(at=moment.at, kind=kind, what=what, who=who, why=why)


def _asked(moment: Moment, before: Run, event: e.Event) -> Deviation | None:
    match event:
        case e.SkipAsked(step=step, reason=reason):
            kind = Off.LEFT if before.stuck_undoing(step) else Off.SKIPPED
            return _by(moment, kind, title_of(before, step), reason)
        case e.BreakGlassAsked(reason=reason):
            return _by(moment, Off.BROKE_GLASS, _plan_title(before), reason)
        case e.RetryAsked(step=step):
            return _by(moment, Off.RETRIED, title_of(before, step) if step else "")
        case e.PlanAsked(procedure=procedure) if procedure is not None:
            return _by(moment, Off.OTHER_PLAN, procedure)
        case e.ReplanAsked(reason=reason):
            return _by(moment, Off.REPLANNED, "", reason)
        case e.BotResumed(away_since=since):
            why = since.isoformat() if since else ""
            return Deviation(at=moment.at, kind=Off.AWAY, why=why)
        case e.StallNoticed(why=why):
            return Deviation(at=moment.at, kind=Off.STALLED, why=why)
        case _:
            return None


def _stepped(moment: Moment, event: e.Event) -> Deviation | None:
    step = str(getattr(event, "step", ""))
    kind = _kind(moment.run, event, step)
    if kind is None:
        return None
    why = str(getattr(event, "why", "") or getattr(event, "summary", ""))
    return Deviation(at=moment.at, kind=kind, what=title_of(moment.before, step), why=why)


def _kind(after: Run, event: e.Event, step: str) -> Off | None:
    match event:
        case e.StepFailed():
            failed = step in after.steps and after.steps[step].state is StepState.FAILED
            return Off.FAILED if failed else Off.TRIED_AGAIN
        case e.StepDoubted():
            return Off.DOUBTED
        case e.DoubtRefuted():
            return Off.REFUTED
        case e.StepSucceeded(reconciled=True):
            return Off.RECONCILED
        case e.DriftFound():
            return Off.DRIFTED
        case e.UndoFailed():
            return Off.NOT_UNDONE
        case _:
            return None


def _at_the_end(run: Run) -> Iterator[Deviation]:
    at = run.ended_at or run.updated_at
    for fact in run.facts.values():
        if fact.value is None:
            yield Deviation(at=fact.at, kind=Off.UNKNOWN, what=fact.title, why=fact.shown)
    if not run.ended or run.outcome in (Outcome.UNDONE, Outcome.CANCELLED):
        return
    for step in run.plan.steps if run.plan else ():
        if run.steps[step.id].state is StepState.PENDING:
            yield Deviation(at=at, kind=Off.NOT_PERFORMED, what=step.title)


def _plan_title(run: Run) -> str:
    return run.plan.title if run.plan else ""
