"""The card's summary of a run that has ended: what was measured, and what was not.

Nothing is claimed that no step looked at; what was skipped, missed or unknown is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.views.steps import taken
from bot.wording.situations import spent_in
from bot.wording.texts import both, clock, count, duration, inline, sentence
from flows.plans import PlannedStep
from flows.runs import Run
from flows.states import Outcome, State, StepState

SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A task that is due some time (seconds) after the end."""

    title: str
    due: float


def summary_lines(run: Run, follow_ups: Sequence[FollowUp]) -> list[str]:
    """Return what the record says of a closed run."""
    if run.state is State.CANCELLED or run.outcome is Outcome.NO_ROLLBACK:
        return [*what_next(run)]
    return [
        people_line(run),
        *criteria_lines(run),
        *change_lines(run),
        exceptions_line(run),
        *_follow_up_lines(run, follow_ups),
        *what_next(run),
    ]


def people_line(run: Run) -> str:
    """Say how long people were waited for, and how long the run stood still."""
    now = run.ended_at or run.updated_at
    parts = [f"Waited for people: {duration(spent_in(run, State.APPROVE, now))}"]
    held = spent_in(run, State.HOLD, now)
    return " · ".join([*parts, f"on hold: {duration(held)}"] if held else parts)


def _steps(run: Run) -> tuple[PlannedStep, ...]:
    return run.plan.steps if run.plan else ()


def criteria_lines(run: Run) -> list[str]:
    """Return what the checks saw, in the words of the checks."""
    checks = [s for s in _steps(run) if s.phase is State.VALIDATE]
    done = [s for s in checks if run.steps[s.id].state is StepState.DONE]
    texts = [
        f"✓ {inline(s.title, 100)}: {inline(run.steps[s.id].summary, 200) or 'met'}" for s in done
    ]
    rest = len(texts) - SHOWN
    return [*texts[:SHOWN], f"… and {count(rest, 'more check')} met"] if rest > 0 else texts


def change_lines(run: Run) -> list[str]:
    """Return what was changed or put back, with what was seen afterwards."""
    wanted = StepState.UNDONE if run.outcome is Outcome.UNDONE else StepState.DONE
    changed = [
        s
        for s in _steps(run)
        if not s.reads and s.phase is not State.COMMUNICATE and run.steps[s.id].state is wanted
    ]
    icon, word = ("↶", "undone") if run.outcome is Outcome.UNDONE else ("✓", "done")
    texts = []
    for step in changed:
        record = run.steps[step.id]
        if run.outcome is Outcome.UNDONE and not step.undoable:
            texts.append(f"• {inline(step.title, 100)} — left as it is, it can't be undone")
            continue
        time = "" if run.outcome is Outcome.UNDONE else f", {taken(record)}"
        found = " (found done by a fresh look)" if record.reconciled else ""
        said = inline(record.summary, 200)
        name = inline(step.title, 100)
        texts.append(f"{icon} {name} — {word}{time}{found}" + (f": {said}" if said else ""))
    rest = len(texts) - SHOWN
    return [*texts[:SHOWN], f"… and {count(rest, 'more change')} {word}"] if rest > 0 else texts


def exceptions_line(run: Run) -> str:
    """Name what was left out, failed, found by a look or never known."""
    parts = []
    for state, word in ((StepState.SKIPPED, "Skipped"), (StepState.FAILED, "Failed")):
        found = [s for s in _steps(run) if run.steps[s.id].state is state]
        if found:
            told = [_with_why(run, s) for s in found]
            parts.append(f"{word}: {both(told, shown=SHOWN)}")
    unknown = [inline(f.title, 60) for f in run.facts.values() if f.value is None]
    if unknown:
        parts.append(f"Unknown when it was decided: {both(unknown, shown=SHOWN)}")
    never = [s for s in _steps(run) if run.steps[s.id].state is StepState.PENDING]
    if never and run.outcome is not Outcome.UNDONE:
        parts.append(f"Not performed: {both([inline(s.title, 90) for s in never], shown=SHOWN)}")
    return ". ".join(parts) + "." if parts else "Nothing was skipped, and no fact was unknown."


def _with_why(run: Run, step: PlannedStep) -> str:
    why = inline(run.steps[step.id].summary, 160)
    name = inline(step.title, 90)
    return f"{name} ({why})" if why else name


def _follow_up_lines(run: Run, follow_ups: Sequence[FollowUp]) -> list[str]:
    if not follow_ups or run.ended_at is None:
        return []
    first = min(one.due for one in follow_ups)
    soon = [one for one in follow_ups if one.due == first]
    due = clock(run.ended_at + timedelta(seconds=first), day=True)
    named = both([inline(one.title, 70) for one in soon], shown=3)
    later = len(follow_ups) - len(soon)
    rest = f"; {count(later, 'more', 'more')} later" if later else ""
    return [f"{count(len(soon), 'follow-up')} due by {due}: {named}{rest}."]


def what_next(run: Run) -> list[str]:
    """Say what comes next: nothing ends without a way on."""
    again = '`!incident declare "reason"`'
    if run.state is State.CANCELLED or run.outcome is Outcome.NO_ROLLBACK:
        return [f"If the trouble goes on, declare again: {again}."]
    if run.outcome is Outcome.UNDONE:
        return [f"If the service still suffers, fix it forward or declare again: {again}."]
    return [f"If the trouble comes back: {again}. For the record: `!incident note &lt;text&gt;`."]


def resumed_note(run: Run) -> str:
    """Say that the bot was away, and only as much as is known of what happened meanwhile."""
    if run.resumed_at is None:
        return ""
    parts = [f"Backout was restarted at {clock(run.resumed_at)} and resumed this rollback."]
    found = [s for s in _steps(run) if _reconciled(run, s, run.resumed_at)]
    if found:
        names = both([inline(s.title, 80) for s in found], shown=3)
        parts.append(f"Found done by a fresh look and not run again: {names}.")
    doubts = [s for s in _steps(run) if run.steps[s.id].state is StepState.DOUBT]
    if doubts:
        names = both([inline(s.title, 80) for s in doubts], shown=3)
        parts.append(f"Being looked at before anything else: {names}.")
    return sentence(" ".join(parts))


def _reconciled(run: Run, step: PlannedStep, resumed_at: datetime) -> bool:
    record = run.steps[step.id]
    begun, ended = record.started_at, record.ended_at
    return bool(record.reconciled and begun and ended and begun <= resumed_at <= ended)
