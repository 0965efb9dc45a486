"""What a plan changes, interrupts and loses, in a few lines; the modal and the terminal show all.

Used by the card, the announcements and the dialogs that ask once more.
"""

import re
from collections.abc import Sequence

from bot.wording.texts import bold, both, capital, count, either, inline, one_line, sentence
from flows.plans import Plan, PlannedChange, PlannedStep
from flows.states import State

CHANGES_SHOWN = 5
GROUPS_SHOWN = 3
TAG = re.compile(r"[^\s/:]+")
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
    """Return the first steps as `step: subject before → after`, and how many more there are.

    Changes of one kind are counted; what is done beside (messages, the status page) is named in
    one line.
    """
    beside = [step for step in plan.steps if not step.reads and _is_beside(step)]
    changing = [step for step in plan.steps if not step.reads and not _is_beside(step)]
    texts = [_step_line(step) for step in changing[:shown]]
    rest = len(changing) - shown
    more = f"… and {count(rest, 'more step')}: View plan" if rest > 0 else ""
    also = both([inline(step.title, 90) for step in beside], shown=4)
    return [*texts, more, f"• Beside it: {also}" if also else ""]


def _is_beside(step: PlannedStep) -> bool:
    return not step.required or step.phase is State.COMMUNICATE


def step_change_lines(step: PlannedStep, shown: int = CHANGES_SHOWN) -> list[str]:
    """Return the first changes of one step, those of one kind counted."""
    groups = _groups(step.changes)
    texts = [f"• {_group_text(group)}" for group in groups[:shown]]
    rest = sum(len(group) for group in groups[shown:])
    return [*texts, f"… and {count(rest, 'more change')}: View plan"] if rest else texts


def _step_line(step: PlannedStep) -> str:
    name = inline(step.title, 90)
    if step.in_place:
        return f"• {name}: in place already, nothing to change"
    if not step.changes:
        told = "" if step.late else inline(step.summary, 200)
        only = " only if needed," if step.when else ""
        return f"• {name}: {told or f'{only} what it changes is known when it runs'.strip()}"
    groups = _groups(step.changes)
    texts = [_group_text(group) for group in groups[:GROUPS_SHOWN]]
    rest = sum(len(group) for group in groups[GROUPS_SHOWN:])
    more = [f"{count(rest, 'more change')} (View plan)"] if rest else []
    return f"• {name}: {'; '.join([*texts, *more])}"


def _groups(changes: Sequence[PlannedChange]) -> list[list[PlannedChange]]:
    """Put together what changes alike: `Deployment/a image 2 → 1`, `Deployment/b image 2 → 1`."""
    groups: dict[tuple[str, str | None, str | None], list[PlannedChange]] = {}
    for change in changes:
        tags = _tags(change)
        alike = (_kind(change), *tags[1:]) if tags else (change.subject, "", "")
        groups.setdefault(alike, []).append(change)
    return list(groups.values())


def _group_text(group: Sequence[PlannedChange]) -> str:
    first = group[0]
    tags = _tags(first)
    if tags is None:
        return pair(first)
    subject = inline(first.subject, VALUE_LIMIT)
    if len(group) > 1:
        subject = f"{len(group)} × {inline(_kind(first), VALUE_LIMIT)}"
    return f"{subject} {inline(tags[1], VALUE_LIMIT)} → {bold(tags[2], VALUE_LIMIT)}"


def _kind(change: PlannedChange) -> str:
    """Return `Deployment image` of `Deployment/checkout image`."""
    return re.sub(r"/\S+", "", change.subject)


def _tags(change: PlannedChange) -> tuple[str, str, str] | None:
    """Return what an image is called, and both its tags, where nothing but the tag changes."""
    before, _, old = (change.before or "").rpartition(":")
    after, _, new = (change.after or "").rpartition(":")
    if not before or before != after or not (TAG.fullmatch(old) and TAG.fullmatch(new)):
        return None
    return before, old, new


def pair(change: PlannedChange) -> str:
    """Return `subject before → *after*`; what is not there is said so."""
    subject = inline(change.subject, VALUE_LIMIT)
    before = inline(change.before, VALUE_LIMIT) if change.before is not None else ""
    if change.after is None:
        return f"{subject} {before} → *removed*"
    tags = _tags(change)
    after = bold(tags[2] if tags else change.after, VALUE_LIMIT) or "*empty*"
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
