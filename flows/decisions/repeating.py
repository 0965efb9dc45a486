"""Reactions of steps that are done again and again, such as what customers are told meanwhile.

A clock begins when such a step's stage comes.  Each time it strikes the step is done afresh,
as long as the rollback goes on; on hold and while undoing people are reminded instead.  The last
phase tells how it ended, so nothing is repeated then.
"""

from flows import events
from flows.commands import About
from flows.decisions import stepping
from flows.decisions.turns import Turn
from flows.plans import PlannedStep
from flows.runs import StepRecord
from flows.states import State, StepState

AGAIN = "again"


def wait_for(turn: Turn, step: PlannedStep) -> None:
    """Start the clock of a step whose stage has come, once."""
    if turn.run.steps[step.id].next_at is None:
        _wind(turn, step)


def strike(turn: Turn, event: events.TimerFired) -> None:
    """Do the step afresh where the rollback goes on, else remind people; wind the clock again."""
    name = event.timer.partition(":")[2]
    plan = turn.run.plan
    if plan is None or name not in turn.run.steps:
        return
    step, record = plan.step(name), turn.run.steps[name]
    if not turn.run.working:
        turn.announce(About.NOT_REPEATED, name)
    elif record.state not in stepping.BUSY:
        afresh = StepRecord(rounds=record.rounds + 1, output=record.output)
        turn.set(steps={**turn.run.steps, name: afresh})
        stepping.perform(turn, step)
    _wind(turn, step)


def is_current(turn: Turn, event: events.TimerFired) -> bool:
    """Say whether the clock still means anything."""
    run = turn.run
    goes_on = run.working or run.state in (State.HOLD, State.UNDO)
    return goes_on and event.generation == run.planning


def end(turn: Turn) -> None:
    """Say of what never struck that it was not needed."""
    for step in turn.run.plan.steps if turn.run.plan else ():
        record = turn.run.steps[step.id]
        if step.every and not record.rounds and record.state is StepState.PENDING:
            ended = {"state": StepState.NOT_NEEDED, "ended_at": turn.recorded.at}
            turn.set_step(step.id, **ended, summary="it was over before")


def _wind(turn: Turn, step: PlannedStep) -> None:
    timer = turn.set_timer(f"{AGAIN}:{step.id}", turn.run.planning, step.every)
    turn.set_step(step.id, next_at=timer.at)
