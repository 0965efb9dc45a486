"""Reactions while a run performs its plan: steps, doubts, drift, undo, closing.

`advance` is the one place that starts steps and finishes phases.  Everything else records an
outcome and calls it.
"""

from dataclasses import replace
from datetime import datetime

from flows import events
from flows.commands import About, PerformStep, UndoStep, VerifyStep
from flows.decisions import calling, repeating
from flows.decisions.turns import Turn
from flows.gates import Denied, Expired, Satisfied, Standing, evaluate
from flows.plans import Plan, PlannedStep
from flows.runs import Applied, StepRecord
from flows.states import SETTLED, Outcome, State, StepState
from flows.table import Trigger

FIRST_BACKOFF = 0.25
LONGEST_BACKOFF = 30.0
MOST_REPEATS = 3
BUSY = (StepState.RUNNING, StepState.DOUBT)


def advance(turn: Turn) -> None:
    """Start what can start; go on to the next phase when nothing required is left."""
    while turn.run.working and not _waits(turn):
        turn.move(Trigger.PHASE_DONE)
        if turn.run.state is State.COMMUNICATE:
            turn.set(outcome=Outcome.RESTORED)
            repeating.end(turn)
    if turn.run.state is State.COMMUNICATE and not _waits(turn):
        _close(turn)


def _waits(turn: Turn) -> bool:
    """Start the steps of the first unfinished stage; say whether the phase still waits."""
    plan = turn.run.plan
    if plan is None:
        return False
    _ask_what_was_left(turn, plan)
    phase = turn.run.state
    is_last = phase is State.COMMUNICATE
    for stage in plan.stages(phase):
        for step in stage:
            _ask(turn, step)
            if turn.run.state is not phase:
                return True
        if any(step.required and not _settled(turn, step, is_last) for step in stage):
            return True
    return is_last and any(record.state in BUSY for record in turn.run.steps.values())


def _ask_what_was_left(turn: Turn, plan: Plan) -> None:
    """Try again what no phase waited for: an optional step whose phase may be over by now."""
    for step in plan.steps:
        record = turn.run.steps[step.id]
        if not step.required and record.tries and record.state is StepState.PENDING:
            _ask(turn, step)


def _settled(turn: Turn, step: PlannedStep, is_last: bool) -> bool:
    """Say whether nothing more is to be done; in the last phase, a failure is left as it is."""
    state = turn.run.steps[step.id].state
    return state in SETTLED or (is_last and state is StepState.FAILED)


def _ask(turn: Turn, step: PlannedStep) -> None:
    """Have a pending step performed, or its gate asked for first."""
    record = turn.run.steps[step.id]
    if record.state not in (StepState.PENDING, StepState.WAITING):
        return None
    if step.every and not record.tries:
        return repeating.wait_for(turn, step)
    if _early(turn, step):
        return None
    standing = _standing(turn, step)
    if isinstance(standing, Denied | Expired):
        return _give_up(turn, step, shut(standing))
    if standing is not None and not isinstance(standing, Satisfied):
        if record.state is StepState.PENDING:
            turn.set_step(step.id, state=StepState.WAITING)
            _open_gate(turn, step)
            turn.announce(About.STEP_APPROVAL_WANTED, step.id)
        return None
    return perform(turn, step)


def _open_gate(turn: Turn, step: PlannedStep) -> None:
    """Start the clocks of a step's own gate now that it is asked for."""
    gate = turn.run.step_gates.get(step.id)
    if gate is None or step.rules is None:  # plans of before that was kept count from the plan's
        return
    now, limit = turn.recorded.at, gate.decide_by - gate.opened_at
    opened = replace(gate, opened_at=now, decide_by=now + limit)
    turn.set(step_gates={**turn.run.step_gates, step.id: opened})
    for timer, after in ((calling.APPROVERS, limit / 2), (calling.DECISION, limit)):
        turn.set_timer(f"{timer}:{step.id}", turn.run.planning, after.total_seconds())


def _standing(turn: Turn, step: PlannedStep) -> Standing | None:
    """Return where the first gate stands that a step still waits for, or None without any."""
    run, now = turn.run, turn.recorded.at
    gates = [gate for gate in (run.step_gates.get(step.id), run.shut_by(step)) if gate]
    standings = [evaluate(gate, run.decisions, now) for gate in gates]
    waits = (each for each in standings if not isinstance(each, Satisfied))
    return next(waits, standings[0] if standings else None)


def shut(standing: Standing) -> str:
    """Say why a gate can't be satisfied any more."""
    if isinstance(standing, Denied):
        return f"{standing.by.name} denied it: {standing.reason or 'no reason given'}"
    return "The plan got too old before this step was approved: plan again."


def expire(turn: Turn) -> None:
    """Put a step to people that waits for approvals which nobody can give any more."""
    for name, record in turn.run.steps.items():
        if turn.run.plan and record.state is StepState.WAITING:
            _give_up(turn, turn.run.plan.step(name), shut(Expired(turn.recorded.at)))
    _go_on(turn)


def _early(turn: Turn, step: PlannedStep) -> bool:
    """Say whether a step that it takes an output from is still under way beside the others."""
    sources = {source for names in step.late.values() for source in names}
    return any(s in turn.run.steps and turn.run.steps[s].state in BUSY for s in sources)


def perform(turn: Turn, step: PlannedStep, after: float = 0.0) -> None:
    """Ask for one more attempt of a step."""
    attempt = turn.run.attempts + 1
    record = turn.run.steps[step.id]
    turn.set(attempts=attempt)
    turn.set_step(
        step.id,
        state=StepState.RUNNING,
        attempt=attempt,
        tries=record.tries + 1,
        asked_at=record.asked_at or turn.recorded.at,
    )
    turn.do(PerformStep(step=step.id, attempt=attempt, after=after))


def _current(turn: Turn, step: str, attempt: int) -> tuple[PlannedStep, StepRecord] | None:
    """Return the step and its record, or None where the attempt is not the one under way."""
    record = turn.run.steps.get(step)
    if turn.run.plan is None or record is None or record.attempt != attempt:
        return None
    if record.state not in (StepState.RUNNING, StepState.DOUBT):
        return None
    return turn.run.plan.step(step), record


def started(turn: Turn, event: events.StepStarted) -> None:
    """Write the intent down; a capture is written once and never again."""
    found = _current(turn, event.step, event.attempt)
    if found is None:
        return
    _, record = found
    turn.set_step(
        event.step,
        started=event.attempt,
        started_at=turn.recorded.at,
        inputs=event.inputs,
        captured=event.captured if record.captured is None else record.captured,
        touches=event.touches,
    )


def succeeded(turn: Turn, event: events.StepSucceeded) -> None:
    """Record it, keep what undo needs, and go on."""
    found = _current(turn, event.step, event.attempt)
    if found is None:
        return
    step, _ = found
    record = turn.set_step(
        event.step,
        state=StepState.DONE,
        ended_at=turn.recorded.at,
        output=event.output,
        summary=event.summary,
        reconciled=event.reconciled,
    )
    _keep(turn, step, record)
    _go_on(turn)


def _keep(turn: Turn, step: PlannedStep, record: StepRecord) -> None:
    """Remember a change for undo, once for everything that it began from the same state."""
    if step.reads or not record.started:
        return
    earlier = tuple(each for each in turn.run.applied if not _same(each, step, record))
    turn.set(applied=(*earlier, Applied(step=step, record=record)))


def _same(applied: Applied, step: PlannedStep, record: StepRecord) -> bool:
    if applied.step.id != step.id:
        return False
    return bool(step.every) or applied.record.captured == record.captured


def _go_on(turn: Turn) -> None:
    if turn.run.state is State.UNDO:
        undo_next(turn)
    elif turn.run.state is not State.HOLD:
        advance(turn)


def failed(turn: Turn, event: events.StepFailed) -> None:
    """Try again within the step's budget where that may help; else hold and tell."""
    found = _current(turn, event.step, event.attempt)
    if found is None:
        return None
    step, record = found
    if event.delay is not None and _may_retry(turn, step, record, event.delay):
        if not (turn.run.working or turn.run.state is State.COMMUNICATE):
            turn.set_step(step.id, state=StepState.PENDING, summary=event.why)
            return _go_on(turn)
        turn.set_step(step.id, summary=event.why)
        return perform(turn, step, after=backoff(record.tries, event.delay))
    _fail(turn, step, event.why)
    return None


def backoff(tries: int, delay: float) -> float:
    """Return the seconds to wait before the next try: doubling, never under `delay`."""
    return max(delay, min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(tries - 1, 10)))


def _may_retry(turn: Turn, step: PlannedStep, record: StepRecord, delay: float) -> bool:
    asked = record.asked_at or turn.recorded.at
    spent = (turn.recorded.at - asked).total_seconds()
    return spent + backoff(record.tries, delay) < step.window


def _fail(turn: Turn, step: PlannedStep, why: str) -> None:
    """Give up on a step, and go on with what does not need it."""
    _give_up(turn, step, why)
    _go_on(turn)


def _give_up(turn: Turn, step: PlannedStep, why: str) -> None:
    """Give up on a step.  What it may have changed half-way stays known, over plans too."""
    record = turn.set_step(step.id, state=StepState.FAILED, ended_at=turn.recorded.at, summary=why)
    _keep(turn, step, record)
    if not step.required:
        turn.announce(About.NOT_TOLD, step.id)
    elif turn.run.working:
        turn.hold(why, step)
    elif turn.run.state is State.COMMUNICATE:
        turn.announce(About.NOT_TOLD, step.id)


def interrupted(turn: Turn, event: events.StepInterrupted) -> None:
    """Look again later; a change whose waiting was ended is in doubt, and looked at at once."""
    found = _current(turn, event.step, event.attempt)
    if found is None:
        return
    step, record = found
    if not step.reads and record.started == event.attempt:
        turn.set_step(step.id, state=StepState.DOUBT)
        turn.do(VerifyStep(step=step.id, attempt=event.attempt))
        return
    turn.set_step(step.id, state=StepState.PENDING)
    _go_on(turn)


def doubted(turn: Turn, event: events.StepDoubted) -> None:
    """Have it looked at before anything else; a mere look is simply taken again."""
    found = _current(turn, event.step, event.attempt)
    if found is None:
        return None
    step, _ = found
    if step.reads:
        turn.set_step(step.id, state=StepState.PENDING)
        return _go_on(turn)
    turn.set_step(step.id, state=StepState.DOUBT, summary=event.why)
    turn.do(VerifyStep(step=step.id, attempt=event.attempt))
    return None


def doubt_refuted(turn: Turn, event: events.DoubtRefuted) -> None:
    """Run it again only where that can do no harm, and not for ever; else ask people."""
    found = _current(turn, event.step, event.attempt)
    if found is None:
        return None
    step, record = found
    if not step.idempotent or record.tries >= MOST_REPEATS:
        return _fail(turn, step, event.why)
    turn.set_step(step.id, state=StepState.PENDING, summary=event.why)
    return _go_on(turn)


def passed_over(turn: Turn, event: events.StepPassedOver) -> None:
    """The step's own condition says no."""
    if _current(turn, event.step, event.attempt) is None:
        return
    ended = {"state": StepState.NOT_NEEDED, "ended_at": turn.recorded.at, "summary": event.why}
    turn.set_step(event.step, **ended)
    _go_on(turn)


def drift_found(turn: Turn, event: events.DriftFound) -> None:
    """Hold: what would change is no longer what was approved."""
    found = _current(turn, event.step, event.attempt)
    if found is None:
        return
    step, _ = found
    turn.set_step(step.id, state=StepState.PENDING, drift=event.changes, summary=event.why)
    if turn.run.state is State.COMMUNICATE or not step.required:
        _fail(turn, step, event.why)
    elif turn.run.working:
        turn.hold(event.why, step, drifted=True)
    else:
        _go_on(turn)


def undo_next(turn: Turn) -> None:
    """Undo the last change that stands, as soon as nothing is changing; close when none is left.

    A step in doubt is looked at first: what it captured may have to be put back.
    """
    clear_doubts(turn)
    if turn.run.changing():
        return
    if turn.run.applied:
        if turn.run.applied[-1].undo_asked_at is None:
            _set_undo(turn, turn.recorded.at)
            turn.do(UndoStep(step=turn.run.applied[-1].step.id))
        return
    turn.move(Trigger.UNDO_DONE)
    turn.set(outcome=Outcome.UNDONE)
    repeating.end(turn)
    advance(turn)


def clear_doubts(turn: Turn) -> None:
    """Have every step looked at of which it is not known whether it took effect."""
    for step in turn.run.changing():
        record = turn.run.steps[step.id]
        if record.state is StepState.DOUBT:
            turn.do(VerifyStep(step=step.id, attempt=record.attempt))


def undone(turn: Turn, event: events.StepUndone) -> None:
    """Take it off the list, and go on with the one before."""
    if turn.run.state is not State.UNDO or not _is_last(turn, event.step):
        return
    if event.step in turn.run.steps:
        turn.set_step(event.step, state=StepState.UNDONE, summary=event.summary)
    turn.set(applied=turn.run.applied[:-1])
    undo_next(turn)


def undo_failed(turn: Turn, event: events.UndoFailed) -> None:
    """Try again where that may help; else hold and ask people."""
    if turn.run.state is not State.UNDO or not _is_last(turn, event.step):
        return
    last = turn.run.applied[-1]
    spent = (turn.recorded.at - (last.undo_asked_at or turn.recorded.at)).total_seconds()
    if event.delay is not None and spent + event.delay < last.step.budget:
        turn.do(UndoStep(step=event.step, after=event.delay))
        return
    _set_undo(turn, None)
    turn.hold(event.why, last.step)


def _set_undo(turn: Turn, at: datetime | None) -> None:
    """Note since when the last change is being undone, so that it is asked for once."""
    *others, last = turn.run.applied
    turn.set(applied=(*others, replace(last, undo_asked_at=at)))


def _is_last(turn: Turn, step: str) -> bool:
    return bool(turn.run.applied) and turn.run.applied[-1].step.id == step


def _close(turn: Turn) -> None:
    turn.move(Trigger.TOLD)
    turn.announce(About.CLOSED)
