"""Reactions to people and clocks: approvals, hold, retry, skip, undo, abort, deadlines."""

from flows import events
from flows.commands import About
from flows.decisions import assessing, automatic, calling, emergencies, repeating, stepping
from flows.decisions.turns import FOLLOW_UPS, Turn
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, Decision, Denied, Satisfied, Verb, refusal
from flows.objections import objection
from flows.runs import Note, Tick
from flows.states import Outcome, State, StepState
from flows.table import Trigger


def decided(turn: Turn, event: events.Decided) -> None:
    """Count one person's word, if it counts, and see where that leaves the gate."""
    run, now = turn.run, turn.recorded.at
    gate = run.gate_of(event.scope)
    if event.scope == REVIEW_SCOPE:
        emergencies.reviewed(turn, event)
        return
    if not run.takes_words(event.scope):
        return
    if refusal(gate, run.decisions, event.person, event.verb, event.digest, now) or not gate:
        return
    if gate.second_factor and event.verb is Verb.APPROVE and not event.proven:
        return
    decision = Decision(
        scope=event.scope,
        person=event.person,
        verb=event.verb,
        digest=gate.digest,
        at=now,
        reason=event.reason,
    )
    turn.set(decisions=(*run.decisions, decision))
    calling.acknowledge(turn, event.person, "decision")
    match turn.run.standing(event.scope, now):
        case Satisfied():
            _satisfied(turn, event.scope)
        case Denied() as standing:
            _denied(turn, event.scope, stepping.shut(standing))
        case _:
            pass


def _satisfied(turn: Turn, scope: str) -> None:
    if scope == PLAN_SCOPE and not turn.run.begun_early:
        turn.move(Trigger.GATE_SATISFIED)
    if turn.run.working:
        stepping.advance(turn)
    if scope == PLAN_SCOPE:  # people are told after the first steps are on their way
        turn.announce(About.APPROVED)


def _denied(turn: Turn, scope: str, why: str) -> None:
    if scope == PLAN_SCOPE and turn.run.begun_early:
        _stop(turn, why)
    elif scope == PLAN_SCOPE:
        turn.move(Trigger.DENIED)
        automatic.call_off(turn, why)
        assessing.drop_plan(turn, why, "plan_again")
        turn.announce(About.DENIED)
    elif turn.run.working and turn.run.plan:
        turn.set_step(scope, state=StepState.FAILED, summary=why)
        turn.hold(why, turn.run.plan.step(scope))


def _stop(turn: Turn, why: str) -> None:
    """Hold what was begun before it was approved, now that it was denied."""
    if turn.run.working:
        origin = turn.run.state
        turn.move(Trigger.HOLD)
        turn.put_held(origin, why, None)


def hold_asked(turn: Turn, event: events.HoldAsked) -> None:
    """Stand still: nothing new starts; what is under way is finished."""
    if objection(turn.run, event):
        return
    if turn.run.will_begin_at is not None:
        automatic.hold_asked(turn, event)
        return
    origin = turn.run.state
    turn.move(Trigger.HOLD)
    turn.put_held(origin, event.reason, None)


def resume_asked(turn: Turn, event: events.ResumeAsked) -> None:
    """Go on where it stood."""
    if objection(turn.run, event):
        return
    _continue(turn)


def retry_asked(turn: Turn, event: events.RetryAsked) -> None:
    """Try the failed steps again, with a fresh budget."""
    if objection(turn.run, event):
        return
    for step in turn.run.failed():
        if event.step in (None, step.id):
            turn.set_step(step.id, state=StepState.PENDING, tries=0, asked_at=None, ended_at=None)
    is_undoing = turn.run.held is not None and turn.run.held.origin is State.UNDO
    if is_undoing or not turn.run.failed():
        _continue(turn)


def skip_asked(turn: Turn, event: events.SkipAsked) -> None:
    """Leave a step out on a person's word, and go on if nothing else stands in the way."""
    if objection(turn.run, event):
        return None
    why = f"{turn.recorded.actor.name} skipped it: {event.reason}"
    if turn.run.stuck_undoing(event.step):
        return _leave(turn, event.step, why)
    turn.set_step(
        event.step, state=StepState.SKIPPED, summary=why, ended_at=turn.recorded.at, drift=()
    )
    if not turn.run.failed():
        _continue(turn)
    return None


def _leave(turn: Turn, step: str, why: str) -> None:
    """Go on undoing without a change that can't be put back: it stays as it is."""
    turn.set(applied=turn.run.applied[:-1])
    if step in turn.run.steps:
        turn.set_step(step, summary=f"left as it is: {why}")
    _continue(turn)


def _continue(turn: Turn) -> None:
    turn.move(Trigger.CONTINUE)
    turn.announce(About.RESUMED)
    if turn.run.state is State.UNDO:
        stepping.undo_next(turn)
    else:
        stepping.clear_doubts(turn)
        stepping.advance(turn)


def undo_asked(turn: Turn, event: events.UndoAsked) -> None:
    """Put back what was captured, last to first."""
    if objection(turn.run, event):
        return
    turn.move(Trigger.UNDO)
    turn.announce(About.UNDOING)
    stepping.undo_next(turn)


def abort_asked(turn: Turn, event: events.AbortAsked) -> None:
    """End it: nothing was changed."""
    if objection(turn.run, event):
        return
    turn.move(Trigger.ABORT)
    turn.set(outcome=Outcome.CANCELLED, blocked=event.reason)
    turn.announce(About.CANCELLED)


def replan_asked(turn: Turn, event: events.ReplanAsked) -> None:
    """Assess afresh; what was done stays done and can still be undone."""
    if objection(turn.run, event):
        return
    automatic.call_off(turn, f"{turn.recorded.actor.name} asked for another plan")
    assessing.back_to_assess(turn)
    assessing.look_again(turn)


def timer_fired(turn: Turn, event: events.TimerFired) -> None:
    """Tell people that a deadline passed, if it still means anything.  Never approves."""
    run = turn.run
    if run.ended:
        _follow_ups_due(turn, event)
        return
    if not _is_current(turn, event):
        return
    timer, _, step = event.timer.partition(":")
    match timer:
        case calling.APPROVERS:
            calling.call_approvers(turn, step or PLAN_SCOPE)
        case emergencies.LATE:
            emergencies.approvals_late(turn)
        case automatic.NOTICE:
            automatic.notice_over(turn)
        case calling.DECISION:
            calling.decision_late(turn, step)
        case calling.ESCALATION:
            calling.nobody_answered(turn)
        case repeating.AGAIN:
            repeating.strike(turn, event)
        case "expiry":
            _expired(turn)
        case _:
            turn.set(passed_deadlines=(*run.passed_deadlines, event.timer))
            turn.announce(About.DEADLINE, event.timer)


def _expired(turn: Turn) -> None:
    if turn.run.state is not State.APPROVE:
        stepping.expire(turn)
        return
    turn.move(Trigger.EXPIRED)
    assessing.drop_plan(turn, "The plan got too old to be performed.", "plan_again")
    turn.announce(About.EXPIRED)


def _is_current(turn: Turn, event: events.TimerFired) -> bool:
    run = turn.run
    if event.timer == "expiry" and (run.working or run.state is State.COMMUNICATE):
        return event.generation == run.planning
    if event.timer == calling.ESCALATION:
        return calling.is_awaited(turn, event.generation)
    if event.timer == emergencies.LATE:
        return event.generation == run.planning
    timer, _, step = event.timer.partition(":")
    if timer == repeating.AGAIN:
        return repeating.is_current(turn, event)
    if timer in (calling.APPROVERS, calling.DECISION) and step:
        waits = step in run.steps and run.steps[step].state is StepState.WAITING
        return waits and event.generation == run.planning
    if event.timer in (calling.APPROVERS, calling.DECISION, automatic.NOTICE, "expiry"):
        return run.state is State.APPROVE and event.generation == run.planning
    if event.timer in ("rto", "rto_limit") and event.generation != run.measured_since:
        return False  # the clock of another plan's objective
    if event.timer.startswith("phase:"):
        return len(run.spans) == event.generation
    return run.outcome is None and run.state is not State.COMMUNICATE


def _follow_ups_due(turn: Turn, event: events.TimerFired) -> None:
    """Remind people, once, of what is due now and not done."""
    due = event.timer.removeprefix(f"{FOLLOW_UPS}:")
    if any(f"{each.due:.0f}" == due for each in turn.run.owed):
        turn.announce(About.FOLLOW_UPS_DUE, due)


def follow_up_done(turn: Turn, event: events.FollowUpDone) -> None:
    """Tick a task off; the first who says so is remembered."""
    if any(each.id == event.follow_up for each in turn.run.owed):
        by, at = turn.recorded.actor.name, turn.recorded.at
        tick = Tick(follow_up=event.follow_up, by=by, at=at)
        turn.set(ticks=(*turn.run.ticks, tick))


def note_added(turn: Turn, event: events.NoteAdded) -> None:
    """Keep it for the timeline."""
    note = Note(at=turn.recorded.at, by=turn.recorded.actor.name, text=event.text)
    turn.set(notes=(*turn.run.notes, note))


def stall_noticed(turn: Turn, event: events.StallNoticed) -> None:
    """Tell people; what to do about it is for them."""
    turn.set(stalled=event.why)
    turn.announce(About.STALLED)


def bot_resumed(turn: Turn) -> None:
    """Show that the bot was away, and tell people where a rollback was under way."""
    turn.set(resumed_at=turn.recorded.at)
    if turn.run.working or turn.run.state is State.UNDO:
        turn.announce(About.BOT_RESUMED)
