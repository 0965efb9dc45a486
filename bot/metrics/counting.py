"""What each event of an incident adds to the metrics: a pure function of one moment.

Looks at the run before and after the event, as `flows.stretches` does.  What came too late to
count is no decision and no outcome.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import assert_never

from bot.metrics.samples import Name, Sample
from config.models.policies import RecoveryPoint
from flows import events as e
from flows.commands import About, Announce, PerformStep
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, Decision, Denied, Gate, Open, Satisfied, evaluate
from flows.losing import moment_told
from flows.moments import Moment
from flows.plans import Plan
from flows.runs import Run
from flows.states import Outcome, State, StepState

Samples = Iterator[Sample]
ENDS_AN_ATTEMPT = (
    e.StepSucceeded,
    e.StepFailed,
    e.StepInterrupted,
    e.StepDoubted,
    e.DoubtRefuted,
    e.StepPassedOver,
    e.DriftFound,
    e.SkipAsked,
    e.StepUndone,
    e.UndoFailed,
)
StepEnd = (
    e.StepSucceeded
    | e.StepFailed
    | e.StepInterrupted
    | e.StepDoubted
    | e.DoubtRefuted
    | e.StepPassedOver
    | e.DriftFound
    | e.SkipAsked
    | e.StepUndone
    | e.UndoFailed
)


def samples(moment: Moment, points: Sequence[RecoveryPoint] = ()) -> Samples:
    """Return what one event counts for; `points` are what the policy lets be lost."""
    yield Sample(name=Name.EVENTS, labels=(type(moment.recorded.event).__name__,))
    yield from _declared(moment)
    if isinstance(moment.recorded.event, e.Decided):
        yield _word(moment, moment.recorded.event)
    if moment.before is None or not (moment.counted or moment.commands):
        return
    yield from _phases(moment.before, moment.run)
    yield from _begun(moment)
    yield from _gates(moment)
    yield from _steps(moment, moment.before)
    yield from _pages(moment, moment.before)
    yield from _recovery(moment, moment.before, points)


def _declared(moment: Moment) -> Samples:
    run = moment.run
    if moment.before is None:
        by = "trigger" if run.automatic else "person"
        yield Sample(name=Name.DECLARED, labels=(run.system, by))
        yield from _new_pages(run, 0)
    elif run.ended and not moment.before.ended:
        yield Sample(name=Name.ENDED, labels=(run.system, run.outcome or "none"))


def _phases(before: Run, run: Run) -> Samples:
    """Tell how long the states lasted that the event ended."""
    known = max(len(before.spans), 1)
    for last, span in zip(run.spans[known - 1 :], run.spans[known:], strict=False):
        seconds = (span.at - last.at).total_seconds()
        yield Sample(name=Name.PHASES, labels=(run.system, last.state), value=seconds)


def _begun(moment: Moment) -> Samples:
    before, run = moment.before, moment.run
    if before is None or before.state is not State.APPROVE or run.state is State.ASSESS:
        return
    if run.state in (State.APPROVE, State.CANCELLED, State.UNDO):
        return
    by = "approvals"
    if run.break_glass and run.break_glass.digest == (run.plan and run.plan.digest):
        by = "emergency"
    elif run.begun_alone and run.begun_alone.digest == (run.plan and run.plan.digest):
        by = "trigger"
    yield Sample(name=Name.BEGUN, labels=(run.system, by))


def _word(moment: Moment, event: e.Decided) -> Sample:
    result = "counted" if moment.counted else "refused"
    return Sample(name=Name.DECISIONS, labels=(moment.run.system, event.verb, result))


def _gates(moment: Moment) -> Samples:
    """Tell how long approvals were waited for, where the event ended that."""
    for gate, outcome in ended_gates(moment):
        seconds = max(0.0, (moment.at - gate.opened_at).total_seconds())
        labels = (moment.run.system, scope_of(gate), outcome)
        yield Sample(name=Name.GATES, labels=labels, value=seconds)


def scope_of(gate: Gate) -> str:
    """Return what a gate is of, without the name of a step."""
    return gate.scope if gate.scope in (PLAN_SCOPE, REVIEW_SCOPE) else "step"


def ended_gates(moment: Moment) -> Iterator[tuple[Gate, str]]:
    """Return the gates that an event ended, and how: approved, denied or expired."""
    before, event = moment.before, moment.recorded.event
    if before is None:
        return
    if isinstance(event, e.Decided) and moment.counted:
        gate = before.gate_of(event.scope)
        outcome = _settled(gate, before, event, moment.at) if gate else ""
        if gate and outcome:
            yield gate, outcome
    if isinstance(event, e.TimerFired):
        if before.gate and _announces(moment, About.EXPIRED):
            yield before.gate, "expired"
        for name, record in before.steps.items():
            gate = before.step_gates.get(name)
            gave_up = _state(moment.run, name) is StepState.FAILED
            if gate and record.state is StepState.WAITING and gave_up:
                yield gate, "expired"


def _settled(gate: Gate, before: Run, event: e.Decided, at: datetime) -> str:
    """Return how a word that counted ended a gate; empty where it goes on waiting."""
    words = before.words_on(event.scope)
    if not isinstance(evaluate(gate, words, at), Open):
        return ""
    word = Decision(
        scope=event.scope, person=event.person, verb=event.verb, digest=gate.digest, at=at
    )
    match evaluate(gate, (*words, word), at):
        case Satisfied():
            return "approved"
        case Denied():
            return "denied"
        case _:
            return ""


def _announces(moment: Moment, about: About) -> bool:
    return any(isinstance(c, Announce) and c.about is about for c in moment.commands)


def _state(run: Run, step: str) -> StepState | None:
    return run.steps[step].state if step in run.steps else None


def _steps(moment: Moment, before: Run) -> Samples:
    event, run = moment.recorded.event, moment.run
    if isinstance(event, ENDS_AN_ATTEMPT):
        uses = uses_of(before, event.step)
        yield Sample(name=Name.STEPS, labels=(uses, outcome_of(event, run)))
    for name, record in run.steps.items():
        if record.state is StepState.DOUBT and _state(before, name) is not StepState.DOUBT:
            yield Sample(name=Name.DOUBTS, labels=(uses_of(run, name),))
    for command in moment.commands:
        if isinstance(command, PerformStep) and run.steps[command.step].tries > 1:
            yield Sample(name=Name.RETRIES, labels=(uses_of(run, command.step),))


def uses_of(run: Run, step: str) -> str:
    """Return the action of a step, of the plan or of one before it whose changes stand."""
    planned = (*(run.plan.steps if run.plan else ()), *(each.step for each in run.applied))
    return next((each.uses for each in planned if each.id == step), "unknown")


def outcome_of(event: StepEnd, run: Run) -> str:  # noqa: C901 one case an event
    """Return in one word how an attempt of a step, or its undo, ended."""
    match event:
        case e.StepSucceeded(reconciled=reconciled):
            return "reconciled" if reconciled else "succeeded"
        case e.StepFailed():
            return "failed" if _state(run, event.step) is StepState.FAILED else "tried_again"
        case e.StepInterrupted():
            return "interrupted"
        case e.StepDoubted():
            return "in_doubt"
        case e.DoubtRefuted():
            return "refuted"
        case e.StepPassedOver():
            return "not_needed"
        case e.DriftFound():
            return "drifted"
        case e.SkipAsked():
            return "skipped"
        case e.StepUndone():
            return "undone"
        case e.UndoFailed():
            return "undo_failed"
        case _:
            assert_never(event)


def _pages(moment: Moment, before: Run) -> Samples:
    event, run = moment.recorded.event, moment.run
    yield from _new_pages(run, len(before.pages))
    if isinstance(event, e.PageSent):
        for reached in event.reached:
            result = "ok" if reached.ok else "failed"
            yield Sample(name=Name.PAGED, labels=(run.system, reached.via, result))
    if run.acknowledged and not before.acknowledged:
        yield Sample(name=Name.ACKNOWLEDGED, labels=(run.system, run.acknowledged.via))
        if run.pages:
            seconds = (run.acknowledged.at - run.pages[0].at).total_seconds()
            yield Sample(name=Name.ANSWERS, labels=(run.system,), value=max(0.0, seconds))


def _new_pages(run: Run, known: int) -> Samples:
    for page in run.pages[known:]:
        yield Sample(name=Name.PAGES, labels=(run.system, page.subject.partition(":")[0]))


def _recovery(moment: Moment, before: Run, points: Sequence[RecoveryPoint]) -> Samples:
    """Hold a recovery against its objectives, once its last check has passed."""
    run, plan = moment.run, moment.run.plan
    if plan is None or run.outcome is not Outcome.RESTORED or before.outcome is run.outcome:
        return
    where = (run.system, plan.procedure)
    took = (moment.at - run.declared_at).total_seconds()
    yield Sample(name=Name.RESTORED, labels=where, value=took)
    yield _held_against(where, "rto", took, (run.rto, run.rto_limit))
    lost = _lost(run, plan)
    for point in points if lost is not None else ():
        limits = (point.rpo.total_seconds(), point.rpo_limit.total_seconds())
        yield _held_against(where, f"rpo_{point.id}", (lost or timedelta()).total_seconds(), limits)


def _held_against(
    where: tuple[str, str], objective: str, seconds: float, limits: tuple[float, float]
) -> Sample:
    target, limit = limits
    result = "met" if seconds <= target else "late" if seconds <= limit else "missed"
    return Sample(name=Name.RECOVERIES, labels=(*where, objective, result))


def _lost(run: Run, plan: Plan) -> timedelta | None:
    """Return how far the plan led data back; None where it led none back, or did not say."""
    for step in plan.steps:
        moment = moment_told(step.losses)
        if moment is not None:
            return (run.steps[step.id].started_at or plan.prepared_at) - moment
    moment = moment_told(plan.loses)
    return None if moment is None else plan.prepared_at - moment
