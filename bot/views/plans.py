"""What a plan changes, interrupts and loses, in a few lines; the modal and the terminal show all.

Used by the card, the announcements and the dialogs that ask once more.
"""

from collections.abc import Sequence

from bot.wording.texts import bold, both, capital, count, either, inline, one_line, sentence
from flows.plans import Plan, PlannedChange, PlannedStep
from flows.states import State

CHANGES_SHOWN = 5
VALUE_LIMIT = 120
NOTHING = ("", "nothing", "none", "no data")


def proposed(plan: Plan) -> str:
    """Say what is proposed and why."""
    return f"Proposed: {bold(plan.title)} — because {inline(plan.because, 400)}"


def losses(plan: Plan) -> tuple[str, ...]:
    """Return what is lost, in the words of the plan and its steps, each once."""
    said = [plan.loses, *(step.losses for step in plan.steps)]
    words = dict.fromkeys(one_line(text) for text in said)
    return tuple(text for text in words if text.casefold().strip(". ") not in NOTHING)


def loses_data(plan: Plan) -> bool:
    """Say whether approving can lose something that can't be put back."""
    return plan.count("destroys") > 0


def loss_line(plan: Plan) -> str:
    """Say what is interrupted and what is lost."""
    cut_off = [inline(step.title, 90) for step in plan.steps if step.effect == "interrupts"]
    lost = inline(" ".join(sentence(capital(text)) for text in losses(plan)), 700)
    return f"Interrupts: {both(cut_off) or 'nothing'} · Loses: {lost or 'nothing'}"


def change_lines(plan: Plan, shown: int = CHANGES_SHOWN) -> list[str]:
    """Return the first changes as `step: subject before → after`, and how many more there are.

    What goes on beside (messages, the status page) is named in one line.
    """
    beside = [step for step in plan.steps if not step.reads and _is_beside(step)]
    rows = [
        (step, change)
        for step in plan.steps
        if not step.reads and not _is_beside(step)
        for change in step.changes or (None,)
    ]
    also = both([inline(step.title, 90) for step in beside], shown=4)
    return [*_first(rows, shown), f"• Beside it: {also}" if also else ""]


def _is_beside(step: PlannedStep) -> bool:
    return not step.required or step.phase is State.COMMUNICATE


def _first(rows: Sequence[tuple[PlannedStep, PlannedChange | None]], shown: int) -> list[str]:
    texts = [change_line(step, change) for step, change in rows[:shown]]
    rest = len(rows) - shown
    return [*texts, f"… and {count(rest, 'more change')}: View plan"] if rest > 0 else texts


def step_change_lines(step: PlannedStep, shown: int = CHANGES_SHOWN) -> list[str]:
    """Return the first changes of one step."""
    texts = [f"• {pair(change)}" for change in step.changes[:shown]]
    rest = len(step.changes) - shown
    return [*texts, f"… and {count(rest, 'more change')}: View plan"] if rest > 0 else texts


def change_line(step: PlannedStep, change: PlannedChange | None) -> str:
    """Return one change of a step."""
    name = inline(step.title, 90)
    if step.in_place:
        return f"• {name}: in place already, nothing to change"
    if change is None:
        return f"• {name}: {inline(step.summary, 200) or 'known when it runs'}"
    return f"• {name}: {pair(change)}"


def pair(change: PlannedChange) -> str:
    """Return `subject before → *after*`; what is not there is said so."""
    subject = inline(change.subject, VALUE_LIMIT)
    before = inline(change.before, VALUE_LIMIT) if change.before is not None else ""
    if change.after is None:
        return f"{subject} {before} → *removed*"
    after = bold(change.after, VALUE_LIMIT) or "*empty*"
    return f"{subject} {before} → {after}" if before else f"{subject} → {after} (new)"


def warning_lines(plan: Plan, shown: int = 4) -> list[str]:
    """Return the warnings, each once."""
    texts = list(dict.fromkeys(one_line(w) for step in plan.steps for w in step.warnings))
    lines = [f"*Warning:* {inline(text, 240)}" for text in texts[:shown]]
    rest = len(texts) - shown
    return [*lines, f"… and {count(rest, 'more warning')}: View plan"] if rest > 0 else lines


def once_more(plan: Plan) -> str:
    """Return the plain words that a dialog asks with before something is lost."""
    lost = " ".join(sentence(capital(text)) for text in losses(plan))
    named = either([step.title for step in plan.steps if step.effect == "destroys"])
    return lost or (f"This can't be undone: {named}." if named else "This can't be undone.")
