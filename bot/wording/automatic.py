"""What begins by itself: before it does, while it does, and why it does not."""

from datetime import datetime

from bot.wording.approvals import waiting, wanted
from bot.wording.texts import bold, both, clock, inline, left, sentence
from flows.runs import Run

WHY_LIMIT = 300
HOW_TO_KEEP = "To keep it from that: `!incident hold`, or deny it."


def notice(run: Run, now: datetime) -> str:
    """Say that the plan is about to begin by itself, and how to keep it from that."""
    if run.will_begin_at is None or run.plan is None:
        return "A plan was about to begin by itself, and is not any more."
    what = f"*Begins by itself, {left(run.will_begin_at, now)}:* {bold(run.plan.title)}"
    return f"{what} — {_why(run)}{_shut(run)}\n{HOW_TO_KEEP}"


def begun(run: Run, now: datetime) -> str:
    """Tell the channel that the plan has begun by itself."""
    said = f"*Begun by itself:* {_why(run)}{_still_wanted(run, now)}"
    return f"{said}\nTo stop it: `!incident hold`, or deny it."


def left_to_people(run: Run) -> str:
    """Say why it begins only when it is approved."""
    why = sentence(inline(run.automatic.barred, WHY_LIMIT)) if run.automatic else ""
    return f"*Begins only when it is approved:* {why or 'see above.'}"


def standing(run: Run, now: datetime) -> str:
    """Write for the card where the automatic start is; nothing where there is none."""
    if run.automatic is None or run.ended:
        return ""
    if run.will_begin_at is not None:
        when = f"{clock(run.will_begin_at)}, {left(run.will_begin_at, now)}"
        return f"⚠ *Begins by itself* {when}. {HOW_TO_KEEP}"
    if run.begun_alone is not None:
        began = f"⚠ *Begun by itself* {clock(run.begun_alone.at)}: {_why(run)}"
        return f"{began}{_still_wanted(run, now) if run.begun_early else ''}"
    return left_to_people(run) if run.automatic.barred else ""


def _why(run: Run) -> str:
    title = run.automatic.title if run.automatic else "a trigger of the policy"
    return sentence(inline(title, WHY_LIMIT))


def _shut(run: Run) -> str:
    steps = run.plan.steps if run.plan else ()
    shut = [bold(step.title, 80) for step in steps if step.effect == "destroys"]
    return f" What destroys something waits for the approvals: {both(shut)}." if shut else ""


def _still_wanted(run: Run, now: datetime) -> str:
    """Say what is wanted still: for a plan that destroys nothing, nobody's word."""
    wait = waiting(run.gate, run.decisions, now) if run.gate else None
    return f"{_shut(run)} Wanted: {wanted(wait)}." if wait and _shut(run) else ""
