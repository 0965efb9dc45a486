"""Break-glass: what it does, what is still wanted for it, and what is owed afterwards."""

from datetime import datetime

from bot.wording import automatic
from bot.wording.approvals import title_in, waiting, wanted
from bot.wording.texts import bold, both, clock, duration, inline, quoted
from flows.gates import Verb
from flows.runs import Run

WHY_LIMIT = 300


def what_breaking_does(run: Run) -> str:
    """Say what begins, what stays shut, who is told and what is owed, before it is done."""
    rules = run.plan.emergency if run.plan else None
    if run.plan is None or rules is None:
        return f"{inline(run.id, 60)} has no plan that could be begun."
    shut = [bold(step.title, 80) for step in run.plan.steps if step.effect == "destroys"]
    waits = f" {both(shut)} still wait for the approvals." if shut else ""
    told = both([inline(title, 60) for title in rules.notified_titles])
    call = f" {told} are called at once." if told else ""
    return (
        f"{bold(run.plan.title)} begins now, on your word, before it is approved.{waits}{call} "
        f"The missing approvals are still asked for, and somebody else must review it within "
        f"{duration(rules.review_limit)}."
    )


def broken(run: Run, now: datetime) -> str:
    """Tell the channel that the plan was begun before it was approved."""
    glass = run.break_glass
    if glass is None:
        return "A plan was begun before it was approved."
    who = inline(glass.person.name, 80)
    return (
        f"*Glass broken* by {who}: {quoted(glass.reason, WHY_LIMIT)} "
        f"The rollback has begun before it was approved.\n{_still_wanted(run, now)} "
        "To stop it: `!incident hold`, or deny it."
    )


def begun_early(run: Run, now: datetime) -> str:
    """Write for the card who began it early, and what is still wanted."""
    glass = run.break_glass
    if glass is None or glass.digest != (run.plan.digest if run.plan else ""):
        return automatic.standing(run, now)
    who = f"{inline(glass.person.name, 80)} {clock(glass.at)}"
    return f"⚠ *Begun before it was approved* by {who}. {_still_wanted(run, now)}"


def _still_wanted(run: Run, now: datetime) -> str:
    wait = waiting(run.gate, run.decisions, now) if run.gate else None
    return f"Still wanted: {wanted(wait)}." if wait else "The approvals have come."


def approvals_late(run: Run, who: str, now: datetime) -> str:
    """Ask for the approvals that did not come in their time."""
    begun = run.break_glass or run.begun_alone
    began = begun.at if begun else run.declared_at
    return (
        f"*Begun {duration((now - began).total_seconds())} ago, and still not approved.*\n"
        f"{who or 'Whoever may'}: please approve it, or deny it to have it stopped."
    )


def owed(run: Run, now: datetime) -> str:
    """Write who must review an emergency and until when, or who has."""
    debt = run.debt
    if debt is None:
        return ""
    if debt.paid_at is not None:
        return f"✓ *Emergency reviewed* by {_reviewers(run)}"
    wait = waiting(debt.gate, debt.decisions, now)
    who = wanted(wait) if wait else "somebody"
    late = "" if now < debt.gate.decide_by else " *It is late:* no other emergency until then."
    until = clock(debt.gate.decide_by, day=True)
    return f"⚠ *The emergency is to be reviewed* by {who} until {until}.{late}"


def reviewed(run: Run) -> str:
    """Tell that nothing is owed any more."""
    return f"*The emergency was reviewed* by {_reviewers(run) or 'somebody'}."


def _reviewers(run: Run) -> str:
    if run.debt is None:
        return ""
    given = {d.person.id: d for d in run.debt.decisions if d.verb is Verb.APPROVE}
    names = [
        f"{inline(d.person.name, 80)} ({inline(title_in(run.debt.gate, d.person), 60)}, "
        f"{clock(d.at, day=True)})"
        for d in given.values()
    ]
    return both(names)
