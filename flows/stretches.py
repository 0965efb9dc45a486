"""What lasted how long in a run: folded from its events, for the report.

All look at the run before and after each event (`flows.moments`), so that nothing here knows which
event does what.  Pure; used by `flows.reports`.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from flows.gates import PLAN_SCOPE, Gate
from flows.moments import Moment
from flows.plans import PlannedStep
from flows.runs import Run, StepRecord
from flows.states import State, StepState

K = TypeVar("K", bound=Hashable)
BUSY = (StepState.RUNNING, StepState.DOUBT)


class For(StrEnum):
    """What people were waited for."""

    APPROVAL = "approval"
    NOTICE = "notice"
    STEP_APPROVAL = "step_approval"
    HOLD = "hold"
    QUESTIONS = "questions"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A time in which people were waited for; `what` names a step, or says why."""

    kind: For
    what: str
    step: str | None
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One round of doing a step, or of undoing it, retries included.

    `outcome` is what had become of the step at the end; a step that is still under way is
    running, one that was interrupted pending.  `doubted` where its outcome was unknown meanwhile.
    """

    step: PlannedStep
    plan: str
    undo: bool
    tries: int
    doubted: bool
    outcome: StepState
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A state that the run was in, with its budget in seconds, if it had one."""

    state: State
    began: datetime
    ended: datetime
    budget: float | None

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.ended - self.began).total_seconds()

    @property
    def late(self) -> bool:
        """Whether it lasted longer than it should."""
        return self.budget is not None and self.seconds > self.budget


@dataclass(slots=True)
class _Open:
    """Something that is going on: the run that it began with, and the runs up to now."""

    began: datetime
    runs: list[Run]


def _periods(
    told: Sequence[Moment], end: datetime, present: Callable[[Run], Sequence[K]]
) -> list[tuple[K, _Open, datetime, Run]]:
    """Return each period in which a key was present, and the run with which it ended."""
    going: dict[K, _Open] = {}
    found: list[tuple[K, _Open, datetime, Run]] = []
    for moment in told:
        now = present(moment.run)
        gone = [key for key in going if key not in now]
        found += [(key, going.pop(key), moment.at, moment.run) for key in gone]
        for key in now:
            going.setdefault(key, _Open(moment.at, [])).runs.append(moment.run)
    last = told[-1].run
    found += [(key, period, max(end, period.began), last) for key, period in going.items()]
    return sorted(found, key=lambda each: each[1].began)


def waits(told: Sequence[Moment], end: datetime) -> tuple[Wait, ...]:
    """Return when people were waited for, in the order in which it began."""
    return tuple(
        Wait(kind=kind, what=what, step=step, began=period.began, ended=ended)
        for (kind, what, step), period, ended, _ in _periods(told, end, _waited_for)
        if ended > period.began
    )


def _waited_for(run: Run) -> list[tuple[For, str, str | None]]:
    """Return what people are waited for right now: kind, what, step."""
    keys: list[tuple[For, str, str | None]] = []
    match run.state:
        case State.ASSESS if run.blocked:
            asked = run.advice == "answer"
            keys.append((For.QUESTIONS if asked else For.ADVICE, run.blocked, None))
        case State.APPROVE:
            kind = For.NOTICE if run.begins_at else For.APPROVAL
            keys.append((kind, run.plan.title if run.plan else "", None))
        case State.HOLD if run.held:
            keys.append((For.HOLD, run.held.why, run.held.step))
        case _:
            pass
    steps = run.plan.steps if run.plan else ()
    waiting = [s for s in steps if run.steps[s.id].state is StepState.WAITING]
    return keys + [(For.STEP_APPROVAL, step.title, step.id) for step in waiting]


def works(told: Sequence[Moment], end: datetime) -> tuple[Work, ...]:
    """Return every round of doing or undoing a step, in the order in which they began."""
    return tuple(
        _work(key, period, ended, after)
        for key, period, ended, after in _periods(told, end, _worked_on)
    )


def _worked_on(run: Run) -> list[tuple[bool, str, str]]:
    """Return what is being done right now: whether undone, the plan's digest, the step."""
    plan = run.plan
    digest = plan.digest if plan else ""
    steps = plan.steps if plan else ()
    keys = [(False, digest, s.id) for s in steps if run.steps[s.id].state in BUSY]
    if run.state is State.UNDO and run.applied and run.applied[-1].undo_asked_at:
        keys.append((True, digest, run.applied[-1].step.id))
    return keys


def _work(key: tuple[bool, str, str], going: _Open, ended: datetime, after: Run) -> Work:
    undo, plan, step = key
    last = going.runs[-1]
    if undo:
        planned = last.applied[-1].step
        is_left = len(after.applied) >= len(last.applied)
        outcome = StepState.FAILED if is_left else StepState.UNDONE
        outcome = StepState.RUNNING if after is last else outcome
    else:
        assert last.plan is not None
        planned = last.plan.step(step)
        is_same = after.plan is not None and after.plan.digest == plan
        outcome = after.steps[step].state if is_same else StepState.PENDING
    records = [run.steps.get(step, StepRecord()) for run in going.runs]
    return Work(
        step=planned,
        plan=plan,
        undo=undo,
        tries=len({record.attempt for record in records}),
        doubted=any(record.state is StepState.DOUBT for record in records),
        outcome=outcome,
        began=going.began,
        ended=ended,
    )


def phases(told: Sequence[Moment], end: datetime) -> tuple[Phase, ...]:
    """Return the states that the run was in, the ended ones left out."""
    entered = [
        (span, _budget(moment, span.state))
        for moment in told
        for span in moment.run.spans[len(moment.before.spans) if moment.before else 0 :]
    ]
    ends = [span.at for span, _ in entered[1:]] + [end]
    return tuple(
        Phase(state=span.state, began=span.at, ended=max(until, span.at), budget=budget)
        for (span, budget), until in zip(entered, ends, strict=True)
        if span.state not in (State.CLOSED, State.CANCELLED)
    )


def _budget(moment: Moment, state: State) -> float | None:
    plan = moment.run.plan
    if state is State.ASSESS and moment.before is None:
        return float(getattr(moment.recorded.event, "assess_budget", 0.0)) or None
    if state is State.APPROVE and plan:
        return plan.decision_limit.total_seconds()
    return plan.phase_budgets.get(state) if plan else None


def gates(told: Sequence[Moment]) -> tuple[Gate, ...]:
    """Return every gate that there was."""
    found: dict[tuple[str, str], Gate] = {}
    for moment in told:
        for scope in (PLAN_SCOPE, "review", *moment.run.step_gates):
            if gate := moment.run.gate_of(scope):
                found[(scope, gate.digest)] = gate
    return tuple(found.values())


Interval = tuple[datetime, datetime]


def union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Join intervals that touch."""
    joined: list[Interval] = []
    for began, ended in sorted(intervals):
        if joined and began <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ended))
        else:
            joined.append((began, ended))
    return tuple(joined)


def without(wanted: Iterable[Interval], taken: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return what is left of intervals where others are cut out of them."""
    left = list(union(wanted))
    for began, ended in union(taken):
        cut: list[Interval] = []
        for first, last in left:
            pieces = ((first, min(last, began)), (max(first, ended), last))
            cut += [piece for piece in pieces if piece[0] < piece[1]]
        left = cut
    return tuple(left)


def measure(intervals: Iterable[Interval], within: Interval | None = None) -> float:
    """Return how many seconds intervals last together, or what of them lies within another."""
    first, last = within or (None, None)
    total = 0.0
    for began, ended in union(intervals):
        inner = (max(began, first) if first else began, min(ended, last) if last else ended)
        total += max(0.0, (inner[1] - inner[0]).total_seconds())
    return total
