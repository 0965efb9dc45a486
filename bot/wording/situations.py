"""Where a run stands in one line, and what is wanted from whom in the next.

The first two lines of the card, of `!incident status`, of the list and of the Home.
"""

from datetime import datetime, timedelta

from bot.wording import signs
from bot.wording.approvals import waiting, wanted
from bot.wording.texts import (
    bold,
    both,
    budget,
    count,
    duration,
    inline,
    left,
    one_line,
    quoted,
    sentence,
)
from flows.gates import Expired, Gate
from flows.plans import PlannedStep
from flows.runs import Run
from flows.states import Outcome, State, StepState

REASON_ON_CARD = 400


def title(run: Run) -> str:
    """Write the run's name and state: `INC-7 · Critical · ASSESS`."""
    parts = [inline(run.id, 60), inline(signs.severity(run.severity), 20), run.state.value.upper()]
    return " · ".join(part for part in parts if part)


def elapsed(run: Run, now: datetime) -> float:
    """Return the seconds since the declaration; they stop when the run ends."""
    return max(0.0, ((run.ended_at or now) - run.declared_at).total_seconds())


def headline(run: Run, now: datetime) -> str:
    """Write the first line: name, severity, state, time against the recovery target."""
    return f"*{title(run)}* · {time_spent(run, now)}"


def time_spent(run: Run, now: datetime) -> str:
    """Write the time against the recovery target, until the run ends."""
    spent = elapsed(run, now)
    if run.ended:
        return f"after {duration(spent)}"
    target = inline(run.target_title, 60)
    if spent <= run.rto:
        return f"{budget(spent, run.rto)} (RTO, {target})"
    over = f"over the RTO of {duration(run.rto)} by {duration(spent - run.rto)}"
    limit = "" if run.rto_limit <= run.rto else f", limit {duration(run.rto_limit)}"
    return f"{duration(spent)}, {over}{limit}"


def what_it_is(run: Run) -> str:
    """Write which system it is about and why it was declared."""
    where = f"{inline(run.system_title, 80)}, {inline(run.environment, 40)}"
    return f"{where} · {quoted(run.reason, REASON_ON_CARD)}"


def situation(run: Run, now: datetime) -> str:
    """Write the second line: what is going on, and what is wanted from whom until when."""
    match run.state:
        case State.ASSESS:
            return _assessing(run)
        case State.APPROVE:
            return asked_for(run, run.gate, now)
        case State.ISOLATE | State.RESTORE | State.VALIDATE:
            return _working(run, now)
        case State.COMMUNICATE:
            return f"{ended(run)} People are being told."
        case State.HOLD:
            return held(run)
        case State.UNDO:
            return _undoing(run)
        case State.CLOSED | State.CANCELLED:
            return ended(run)


def asked_for(run: Run, gate: Gate | None, now: datetime) -> str:
    """Say who is waited for to approve, and how long there is."""
    wait = waiting(gate, run.decisions, now) if gate else None
    if gate is None or wait is None:
        standing = run.standing(gate.scope, now) if gate else None
        if isinstance(standing, Expired):
            return "The plan got too old while it waited. Ask for a new one: `!incident plan`."
        return "Everybody who is needed has approved."
    time_left = left(gate.decide_by, now)
    if now >= gate.decide_by:
        time_left += f"; the plan is void in {duration((gate.expires_at - now).total_seconds())}"
    if not wait.people:
        return (
            f"Needs {wanted(wait)}, {time_left}. Ask for another plan, "
            "or have somebody added to people.yaml."
        )
    if wait.count > 1:
        return f"Waiting for {wanted(wait)}: {time_left}."
    return f"Waiting for {wanted(wait)} to approve, {time_left}."


def unanswered(run: Run) -> tuple[str, ...]:
    """Return the ids of the questions that nobody answered yet."""
    return tuple(q.id for q in run.questions if q.id not in run.answers)


def _assessing(run: Run) -> str:
    open_questions = unanswered(run)
    if run.blocked and run.advice == "answer" and open_questions:
        asked = count(len(open_questions), "question")
        return f"Please answer {asked} below; what to do follows from the answers."
    ask = f"Please answer {count(len(open_questions), 'question')} below." if open_questions else ""
    if run.blocked:
        text = f"No plan: {sentence(inline(run.blocked, 600))}"
    elif run.proposal and run.facts_gathered:
        text = f"Working out the plan: {bold(run.proposal.title)}."
    elif run.facts_gathered:
        text = "The facts are in; working out what to do."
    elif run.facts:
        text = f"Looking at the estate: {count(len(run.facts), 'fact')} so far."
    else:
        text = "Looking at the estate."
    return " ".join(part for part in (text, ask) if part)


def _working(run: Run, now: datetime) -> str:
    asked = waiting_steps(run)
    if asked:
        gate = run.step_gates.get(asked[0]) or run.gate
        step = run.plan.step(asked[0]).title if run.plan else asked[0]
        return f"{bold(step, 120)}: {asked_for(run, gate, now)}"
    doubts = _titles(run, StepState.DOUBT)
    if doubts:
        return f"It is not known whether {doubts} took effect; looking before anything else."
    busy = _titles(run, StepState.RUNNING)
    doing = {
        State.ISOLATE: "Isolating",
        State.RESTORE: "Restoring",
        State.VALIDATE: "Checking that the service is back",
    }[run.state]
    wanted_early = run.wants_late_words and run.gate and waiting(run.gate, run.decisions, now)
    rest = "Its approvals are wanted below." if wanted_early else "Nothing is wanted from you."
    return f"{doing}: {busy}. {rest}" if busy else f"{doing}."


def _titles(run: Run, state: StepState) -> str:
    return both([bold(step.title, 90) for step in _steps_in(run, state)], shown=3)


def _steps_in(run: Run, state: StepState) -> list[PlannedStep]:
    steps = run.plan.steps if run.plan else ()
    return [step for step in steps if run.steps[step.id].state is state]


def waiting_steps(run: Run) -> tuple[str, ...]:
    """Return the ids of the steps that wait for an approval of their own."""
    steps = run.plan.steps if run.plan else ()
    return tuple(s.id for s in steps if run.steps[s.id].state is StepState.WAITING)


def held(run: Run) -> str:
    """Say what is wrong, in words that need no further look."""
    if run.held is None:
        return "It stands still. `!incident resume` goes on."
    why = sentence(inline(run.held.why, 700)) or "no reason given."
    if run.held.step and run.plan:
        steps = {step.id: step.title for step in run.plan.steps}
        steps |= {one.step.id: one.step.title for one in run.applied}
        name = bold(steps.get(run.held.step, run.held.step), 120)
        if run.held.origin is State.UNDO:
            return f"{name} could not be put back: {why}"
        return (
            f"{name} would no longer do what was approved: {why}"
            if run.held.drifted
            else (f"{name} failed: {why}")
        )
    return f"{inline(run.held.by.name, 80)} stopped it: {why}"


def _undoing(run: Run) -> str:
    if run.changing():
        names = both([bold(step.title, 90) for step in run.changing()], shown=3)
        return f"Before anything is put back, {names} must be known to have ended."
    if not run.applied:
        return "Everything was put back."
    step = run.applied[-1].step.title
    return f"Putting back {bold(step, 120)}; {count(len(run.applied), 'change')} to go."


def ended(run: Run) -> str:
    """Say how it ended, without claiming more than was measured."""
    why = f" {quoted(run.blocked, REASON_ON_CARD)}" if run.blocked else ""
    if run.state is State.CANCELLED or run.outcome is Outcome.CANCELLED:
        return f"Cancelled before anything was changed.{why}"
    if run.outcome is Outcome.NO_ROLLBACK:
        return f"Closed without a rollback; nothing was changed.{why}"
    if run.outcome is Outcome.UNDONE:
        left = [s for s in _steps_in(run, StepState.UNDONE) if not s.undoable]
        back = (
            "What can be put back was put back"
            if left
            else "Everything that was changed was put back"
        )
        return f"{back}. What it was declared for may still be there."
    return restored(run)


def restored(run: Run) -> str:
    """Say how long it took until the checks of the plan had passed, against target and limit."""
    seconds = restored_after(run)
    if seconds is None:
        return "The plan was performed to its end."
    late = (
        ", *over the limit*"
        if seconds > run.rto_limit
        else (", over the target" if seconds > run.rto else "")
    )
    within = f"target {duration(run.rto)}, limit {duration(run.rto_limit)}{late}"
    what = "Service restored" if checked(run) else "Plan performed, service *not checked*,"
    return f"{what} in {duration(seconds)} ({within})."


def checked(run: Run) -> bool:
    """Say whether every check of the plan was made and passed, and there was one."""
    steps = [s for s in (run.plan.steps if run.plan else ()) if s.phase is State.VALIDATE]
    states = {run.steps[s.id].state for s in steps if s.required}
    return StepState.DONE in states and states <= {StepState.DONE, StepState.NOT_NEEDED}


def restored_after(run: Run) -> float | None:
    """Return the seconds from the declaration until the last phase of the plan was done."""
    ends = [span.at for span in run.spans if span.state is State.COMMUNICATE]
    return (ends[-1] - run.declared_at).total_seconds() if ends else None


def spent_in(run: Run, state: State, now: datetime) -> float:
    """Return the seconds that a run has spent in a state."""
    total = timedelta()
    spans = run.spans
    for index, span in enumerate(spans):
        if span.state is state:
            until = spans[index + 1].at if index + 1 < len(spans) else (run.ended_at or now)
            total += until - span.at
    return max(0.0, total.total_seconds())


def notice(run: Run) -> str:
    """Return the plain line that notifications show: no formatting, no mentions."""
    text = f"{run.id} · {run.state.value.upper()} · {one_line(run.reason)[:120]}"
    return inline(text, 300)
