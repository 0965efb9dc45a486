"""What is left after a run: who decided what and why, what took how long, what is still to do.

`report` folds a run's events into one value; `bot.reporting` writes it as a document and draws
it.  Pure, like the core: the same events make the same report.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows import stretches
from flows.decisions import NotDeclaredError
from flows.deviations import Deviation, Off, deviations
from flows.events import FollowUp, Recorded
from flows.gates import REVIEW_SCOPE
from flows.moments import Moment, moments
from flows.plans import PlannedStep
from flows.rulings import Call, Ruling, calls, rulings
from flows.runs import Run, StepRecord
from flows.states import Outcome, State, StepState
from flows.stretches import For, Phase, Wait, Work

FOLLOW_UP = "follow_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What the policy asks for beyond what a run itself knows.  Durations are seconds.

    Its follow-ups count for runs of before they were kept with the declaration.
    """

    follow_ups: tuple[FollowUp, ...] = ()
    rpo: float | None = None
    rpo_limit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAccount:
    """What became of a step of a plan.  `worked` and `waited` are seconds."""

    step: PlannedStep
    plan: str
    state: StepState
    began: datetime | None
    ended: datetime | None
    worked: float
    waited: float
    tries: int
    doubted: bool
    reconciled: bool
    summary: str

    @property
    def late(self) -> bool:
        """Whether it took longer than it should, its retries included."""
        return self.step.window > 0 and self.worked > self.step.window


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a step was said to lose; `state` and `begun` tell whether it came to that."""

    step: PlannedStep
    state: StepState
    begun: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Something that somebody has still to do.

    `subject` says what kind it is: `follow_up` (then `id` is the policy's), `review`, or how a
    step or a fact was left.
    """

    subject: str
    text: str = ""
    why: str = ""
    id: str = ""
    due: datetime | None = None
    done_by: str = ""
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole account of one incident, up to `until`.

    `waiting` are the seconds in which people were waited for and nothing else was done; the
    rest of the time, `working`, is Backout's own.
    """

    run: Run
    until: datetime
    moments: tuple[Moment, ...]
    phases: tuple[Phase, ...]
    waits: tuple[Wait, ...]
    works: tuple[Work, ...]
    idle: tuple[stretches.Interval, ...]
    steps: tuple[StepAccount, ...]
    rulings: tuple[Ruling, ...]
    calls: tuple[Call, ...]
    deviations: tuple[Deviation, ...]
    losses: tuple[Loss, ...]
    restore_points: tuple[StepAccount, ...]
    owed: tuple[Owed, ...]
    promises: Promises

    @property
    def seconds(self) -> float:
        """How long it lasted in all."""
        return (self.until - self.run.declared_at).total_seconds()

    @property
    def waiting(self) -> float:
        """Seconds in which nothing happened because people were waited for."""
        return stretches.measure(self.idle)

    @property
    def working(self) -> float:
        """All other seconds."""
        return self.seconds - self.waiting

    @property
    def restored_after(self) -> float | None:
        """Seconds until the plan's last check had passed; None where it never came to that."""
        ends = [p.began for p in self.phases if p.state is State.COMMUNICATE]
        if not ends or self.run.outcome is not Outcome.RESTORED:
            return None
        return (ends[-1] - self.run.declared_at).total_seconds()

    def waited_in(self, phase: Phase) -> float:
        """Return how many seconds of a phase were spent waiting for people."""
        return stretches.measure(self.idle, (phase.began, phase.ended))


def report(
    history: Iterable[Recorded],
    *,
    now: datetime | None = None,
    promises: Promises | None = None,
) -> Report:
    """Return the account of a run; of one that goes on, up to `now` or its last event.

    Raises `NotDeclaredError` for events that do not begin with a declaration.
    """
    told = moments(history)
    if not told:
        raise NotDeclaredError("there is no event")
    run = told[-1].run
    until = run.ended_at or max(now or run.updated_at, run.updated_at)
    waits, works = stretches.waits(told, until), stretches.works(told, until)
    steps = tuple(_steps(told, waits, works))
    promised = promises or Promises()
    found = deviations(told)
    return Report(
        run=run,
        until=until,
        moments=told,
        phases=stretches.phases(told, until),
        waits=waits,
        works=works,
        idle=stretches.without(
            [(wait.began, wait.ended) for wait in waits],
            [(work.began, work.ended) for work in works],
        ),
        steps=steps,
        rulings=rulings(told, waits),
        calls=calls(told),
        deviations=found,
        losses=_losses(steps),
        restore_points=tuple(each for each in steps if "restore" in each.step.uses),
        owed=tuple(_owed(run, steps, found, promised)),
        promises=promised,
    )


def _steps(
    told: Sequence[Moment], waits: Sequence[Wait], works: Sequence[Work]
) -> Iterator[StepAccount]:
    """Account for every step of the last plan, and for what was begun of those before it."""
    last: dict[str, Run] = {}
    for moment in told:
        if moment.run.plan:
            last[moment.run.plan.digest] = moment.run
    current = told[-1].run.plan
    for digest, run in last.items():
        for step in run.plan.steps if run.plan else ():
            mine = [w for w in works if (w.plan, w.step.id, w.undo) == (digest, step.id, False)]
            if mine or (current and current.digest == digest):
                asked = [w for w in waits if w.step == step.id and w.kind is For.STEP_APPROVAL]
                yield _step(step, digest, run.steps[step.id], (mine, asked))


def _step(
    step: PlannedStep, plan: str, record: StepRecord, found: tuple[list[Work], list[Wait]]
) -> StepAccount:
    works, waits = found
    return StepAccount(
        step=step,
        plan=plan,
        state=record.state,
        began=works[0].began if works else None,
        ended=works[-1].ended if works else None,
        worked=sum((work.ended - work.began).total_seconds() for work in works),
        waited=sum((wait.ended - wait.began).total_seconds() for wait in waits),
        tries=sum(work.tries for work in works),
        doubted=any(work.doubted for work in works),
        reconciled=record.reconciled,
        summary=record.summary,
    )


def _losses(steps: Iterable[StepAccount]) -> tuple[Loss, ...]:
    return tuple(
        Loss(step=each.step, state=each.state, begun=each.began is not None)
        for each in steps
        if each.step.losses or each.step.effect == "destroys"
    )


def _owed(
    run: Run,
    steps: Iterable[StepAccount],
    found: Iterable[Deviation],
    promised: Promises,
) -> Iterator[Owed]:
    """Return what is still to be done: what was left out first, then what the policy wants."""
    if run.debt:
        due = run.debt.gate.decide_by
        yield Owed(subject=REVIEW_SCOPE, due=due, done_at=run.debt.paid_at)
    for account in steps:
        moot = run.outcome is Outcome.UNDONE and account.step.reads
        if account.state in (StepState.SKIPPED, StepState.FAILED) and not moot:
            yield Owed(subject=account.state, text=account.step.title, why=account.summary)
    for each in found:
        if each.kind in (Off.LEFT, Off.NOT_PERFORMED, Off.UNKNOWN):
            yield Owed(subject=each.kind, text=each.what, why=each.why)
    if run.ended_at and run.state is State.CLOSED and run.outcome is not Outcome.NO_ROLLBACK:
        ticks = {tick.follow_up: tick for tick in run.ticks}
        for task in run.follow_ups or promised.follow_ups:
            tick = ticks.get(task.id)
            yield Owed(
                subject=FOLLOW_UP,
                text=task.title,
                id=task.id,
                due=run.ended_at + timedelta(seconds=task.due),
                done_by=tick.by if tick else "",
                done_at=tick.at if tick else None,
            )
