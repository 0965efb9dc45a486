"""Why what a person asks for would have no effect right now.  Pure; no wording.

Asked by every surface before it feeds an event (so that the refusal can teach), and by
`flows.decisions` (so that a click that lost a race changes nothing).
"""

from enum import StrEnum
from typing import assert_never

from flows import events
from flows.gates import SHORT_DIGEST
from flows.machine import allows
from flows.runs import Run
from flows.states import SETTLED, State, StepState
from flows.table import Trigger


class Objection(StrEnum):
    """Codes; `bot.messages` has the sentences."""

    ENDED = "ended"
    NOT_WORKING = "not_working"
    ALREADY_HELD = "already_held"
    NOT_HELD = "not_held"
    STEPS_FAILED = "steps_failed"
    DRIFTED = "drifted"
    NOTHING_FAILED = "nothing_failed"
    UNKNOWN_STEP = "unknown_step"
    STEP_SETTLED = "step_settled"
    STEP_BUSY = "step_busy"
    NOT_SKIPPABLE = "not_skippable"
    NOTHING_CHANGED = "nothing_changed"
    SOMETHING_CHANGED = "something_changed"
    UNDOING = "undoing"
    UNDER_WAY = "under_way"
    UNKNOWN_QUESTION = "unknown_question"
    NOT_ASSESSING = "not_assessing"
    NO_EMERGENCY = "no_emergency"
    NOT_YOURS = "not_yours"
    OTHER_PLAN = "other_plan"
    UNREVIEWED = "unreviewed"
    NOT_APPROVING = "not_approving"
    CALLED_ALREADY = "called_already"
    NOBODY_CALLED = "nobody_called"
    ACKNOWLEDGED = "acknowledged"


Asked = (
    events.HoldAsked
    | events.ResumeAsked
    | events.RetryAsked
    | events.SkipAsked
    | events.UndoAsked
    | events.AbortAsked
    | events.ReplanAsked
    | events.PlanAsked
    | events.QuestionAnswered
    | events.NoRollbackChosen
    | events.BreakGlassAsked
    | events.PageAsked
    | events.PageAcknowledged
)


def objection(run: Run, asked: Asked) -> Objection | None:  # noqa: C901 one case a verb
    """Say why `asked` would have no effect, or None where it has one."""
    if run.ended:
        return Objection.ENDED
    match asked:
        case events.HoldAsked():
            return _hold(run)
        case events.ResumeAsked():
            return _resume(run)
        case events.RetryAsked():
            return _retry(run, asked)
        case events.SkipAsked():
            return _skip(run, asked)
        case events.UndoAsked():
            return _undo(run)
        case events.AbortAsked():
            return None if allows(run, Trigger.ABORT) else _no_abort(run)
        case events.ReplanAsked() | events.PlanAsked():
            return None if run.state is State.ASSESS else _replan(run)
        case events.QuestionAnswered():
            return _answer(run, asked)
        case events.NoRollbackChosen():
            return None if allows(run, Trigger.NO_ROLLBACK) else Objection.NOT_ASSESSING
        case events.BreakGlassAsked():
            return _break_glass(run, asked)
        case events.PageAsked():
            return _page(run, asked)
        case events.PageAcknowledged():
            return _acknowledge(run)
        case _:
            assert_never(asked)


def _hold(run: Run) -> Objection | None:
    if run.state is State.HOLD:
        return Objection.ALREADY_HELD
    return None if run.will_begin_at or allows(run, Trigger.HOLD) else Objection.NOT_WORKING


def _resume(run: Run) -> Objection | None:
    if run.held is None or run.state is not State.HOLD:
        return Objection.NOT_HELD
    if run.held.drifted:
        return Objection.DRIFTED
    failed = run.failed() or run.held.origin is State.UNDO
    return Objection.STEPS_FAILED if failed else None


def _retry(run: Run, asked: events.RetryAsked) -> Objection | None:
    if run.held is None or run.state is not State.HOLD:
        return Objection.NOT_HELD
    if run.held.drifted:
        return Objection.DRIFTED
    if asked.step is not None and asked.step not in run.steps:
        return Objection.UNKNOWN_STEP
    failed = {step.id for step in run.failed()}
    wanted = failed if asked.step is None else failed & {asked.step}
    return None if wanted or run.held.origin is State.UNDO else Objection.NOTHING_FAILED


def _skip(run: Run, asked: events.SkipAsked) -> Objection | None:
    if run.stuck_undoing(asked.step):
        return None
    if run.plan is None or asked.step not in run.steps:
        return Objection.UNKNOWN_STEP
    if run.state is not State.HOLD:
        return Objection.NOT_HELD
    state = run.steps[asked.step].state
    if state in SETTLED:
        return Objection.STEP_SETTLED
    if state in (StepState.RUNNING, StepState.DOUBT):
        return Objection.STEP_BUSY
    return None if run.plan.step(asked.step).skippable else Objection.NOT_SKIPPABLE


def _undo(run: Run) -> Objection | None:
    if run.state is State.UNDO:
        return Objection.UNDOING
    if allows(run, Trigger.UNDO):
        return None
    return Objection.UNDER_WAY if run.touched else Objection.NOTHING_CHANGED


def _no_abort(run: Run) -> Objection:
    return Objection.SOMETHING_CHANGED if run.touched else Objection.UNDER_WAY


def _replan(run: Run) -> Objection | None:
    if any(step.required for step in run.changing()):
        return Objection.STEP_BUSY
    return None if allows(run, Trigger.REPLAN) else Objection.UNDER_WAY


def _answer(run: Run, asked: events.QuestionAnswered) -> Objection | None:
    if asked.question not in {question.id for question in run.questions}:
        return Objection.UNKNOWN_QUESTION
    return None if run.state is State.ASSESS else Objection.NOT_ASSESSING


def _page(run: Run, asked: events.PageAsked) -> Objection | None:
    is_known = any(page.subject == asked.subject for page in run.pages)
    return Objection.CALLED_ALREADY if asked.once and is_known else None


def _acknowledge(run: Run) -> Objection | None:
    if not run.rungs_called:
        return Objection.NOBODY_CALLED
    return Objection.ACKNOWLEDGED if run.acknowledged is not None else None


def _break_glass(run: Run, asked: events.BreakGlassAsked) -> Objection | None:
    if run.plan is None or not allows(run, Trigger.GLASS_BROKEN):
        return Objection.NOT_APPROVING
    if run.plan.emergency is None:
        return Objection.NO_EMERGENCY
    if set(run.plan.emergency.roles).isdisjoint(asked.person.roles):
        return Objection.NOT_YOURS
    if len(asked.digest) < SHORT_DIGEST or not run.plan.digest.startswith(asked.digest):
        return Objection.OTHER_PLAN
    return Objection.UNREVIEWED if run.plan.emergency.barred else None
