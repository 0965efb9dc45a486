"""The steps of a plan as lines: icon, word, time, and what went wrong.

The phase at hand is shown step by step; of the others a line each, and whatever needs a look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bot.views import limits
from bot.wording import signs
from bot.wording.situations import spent_in
from bot.wording.texts import bold, budget, count, duration, fit, inline
from flows.plans import PlannedStep
from flows.runs import Run, StepRecord
from flows.states import PHASES, SETTLED, Outcome, State, StepState

PHASE_ORDER = (*PHASES, State.COMMUNICATE)
NOTEWORTHY = (
    StepState.FAILED,
    StepState.DOUBT,
    StepState.RUNNING,
    StepState.WAITING,
    StepState.SKIPPED,
    StepState.UNDONE,
)
TITLE, DETAIL = 100, 220


def step_lines(run: Run, now: datetime, progress: Mapping[str, str]) -> list[str]:
    """Return the plan's steps as lines, the phase at hand in full."""
    if run.plan is None or run.state is State.UNDO:
        return undo_lines(run)
    shown: list[str] = []
    if run.outcome is Outcome.UNDONE:
        shown = undo_lines(run)
    for phase in PHASE_ORDER if not shown else (State.COMMUNICATE,):
        steps = [step for step in run.plan.steps if step.phase is phase]
        if steps:
            shown += _phase_lines(run, phase, steps, now, progress)
    return shown


def undo_lines(run: Run) -> list[str]:
    """Return what is put back: under way, still to go, and done."""
    running, waiting = signs.STEPS[StepState.RUNNING], signs.STEPS[StepState.PENDING]
    left = [inline(one.step.title, TITLE) for one in reversed(run.applied)]
    busy = [f"{running.icon} {title} — {running.word}: being put back" for title in left[:1]]
    to_go = [f"{waiting.icon} {title} — {waiting.word} to be put back" for title in left[1:]]
    sign = signs.STEPS[StepState.UNDONE]
    steps = run.plan.steps if run.plan else ()
    done = [s for s in steps if run.steps[s.id].state is StepState.UNDONE]
    back = [
        f"{sign.icon} {inline(s.title, TITLE)} — {sign.word}"
        + (f": {inline(run.steps[s.id].summary, DETAIL)}" if run.steps[s.id].summary else "")
        if s.undoable
        else f"• {inline(s.title, TITLE)} — left as it is, it can't be undone"
        for s in done
    ]
    return [*busy, *to_go, *back]


def step_text(run: Run, now: datetime, progress: Mapping[str, str]) -> str:
    """Return the lines as one text that fits a section."""
    return fit(step_lines(run, now, progress), limits.SECTION, "{} more steps: View plan")


def _phase_lines(
    run: Run, phase: State, steps: Sequence[PlannedStep], now: datetime, progress: Mapping[str, str]
) -> list[str]:
    records = [run.steps[step.id] for step in steps]
    name = bold(signs.PHASES[phase])
    if run.phase is phase:
        whole = run.plan.phase_budgets.get(phase.value) if run.plan else None
        spent = spent_in(run, phase, now)
        time = budget(spent, whole) if whole else duration(spent)
        return [f"{name} · {time}", *(step_line(run, step, now, progress) for step in steps)]
    loud = [s for s in steps if run.steps[s.id].state in NOTEWORTHY]
    noted = [step_line(run, step, now, progress) for step in loud]
    sign = _whole(records)
    return [f"{sign.icon} {name} — {sign.word}, {count(len(steps), 'step')}", *noted]


def _whole(records: Sequence[StepRecord]) -> signs.Sign:
    states = {record.state for record in records}
    if states <= set(SETTLED):
        alike = states in ({StepState.UNDONE}, {StepState.NOT_NEEDED}, {StepState.SKIPPED})
        return signs.STEPS[states.pop() if alike else StepState.DONE]
    if StepState.FAILED in states:
        return signs.STEPS[StepState.FAILED]
    started = states - {StepState.PENDING}
    return signs.STEPS[StepState.RUNNING if started else StepState.PENDING]


def step_line(run: Run, step: PlannedStep, now: datetime, progress: Mapping[str, str]) -> str:
    """Return one step: `✓ Roll back to 41 — done, 38 s`."""
    record = run.steps[step.id]
    sign = signs.STEPS[record.state]
    title = inline(step.title, TITLE)
    if run.held and run.held.step == step.id:  # why stands in the card's second line
        record = replace(record, summary="")
    return f"{sign.icon} {title} — {sign.word}{_rest(step, record, now, progress)}"


def _rest(step: PlannedStep, record: StepRecord, now: datetime, progress: Mapping[str, str]) -> str:
    said = inline(record.summary, DETAIL)
    told = f": {said}" if said else ""
    match record.state:
        case StepState.RUNNING:
            return _running(step, record, now, inline(progress.get(step.id, ""), DETAIL))
        case StepState.DONE:
            found = " (found done by a fresh look)" if record.reconciled else ""
            return f", {taken(record)}{found}{_again(step, record)}"
        case StepState.FAILED:
            optional = "" if step.required else " (the rollback goes on without it)"
            return f" after {taken(record)}{told}{optional}"
        case StepState.DOUBT:
            return told or ": what became of it is looked at before anything else"
        case StepState.SKIPPED | StepState.UNDONE:
            return told
        case StepState.PENDING | StepState.WAITING:
            return _again(step, record)
        case StepState.NOT_NEEDED:
            return ""


def _again(step: PlannedStep, record: StepRecord) -> str:
    """Say how often it comes, of what is done again and again."""
    if not step.every:
        return ""
    rounds = f", {count(record.rounds, 'time')} so far" if record.rounds else ""
    return f"{rounds}, every {duration(step.every)}"


def _running(step: PlannedStep, record: StepRecord, now: datetime, progress: str) -> str:
    spent = (now - record.asked_at).total_seconds() if record.asked_at else 0.0
    whole = step.window
    time = budget(spent, whole) if whole else duration(spent)
    again = f", try {record.tries}" if record.tries > 1 else ""
    last = inline(record.summary, DETAIL) if record.tries > 1 else ""
    detail = progress or (f"the last try: {last}" if last else "")
    return f" {time}{again}" + (f": {detail}" if detail else "")


def taken(record: StepRecord) -> str:
    """Return how long a step took, from when it was asked for."""
    begun = record.asked_at or record.started_at
    if begun is None or record.ended_at is None:
        return "no time"
    return duration((record.ended_at - begun).total_seconds())
