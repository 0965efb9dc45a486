"""Reactions of break-glass: a plan is begun before it is approved, and a review is owed for it.

Steps that lose data or credentials stay shut until the plan's own gate is satisfied; the missing
approvals are still collected, and a denial holds the run.
"""

from dataclasses import replace
from datetime import timedelta

from flows import events
from flows.commands import About
from flows.decisions import calling, stepping
from flows.decisions.turns import Turn
from flows.gates import REVIEW_SCOPE, Decision, Gate, Person, Satisfied, evaluate, refusal
from flows.objections import objection
from flows.plans import Emergency, Plan
from flows.runs import BreakGlass, Debt
from flows.table import Trigger

LATE = "late_approvals"
YEARS = timedelta(days=3650)


def break_glass_asked(turn: Turn, event: events.BreakGlassAsked) -> None:
    """Begin the plan; tell the people whom the policy names, and owe a review."""
    plan = turn.run.plan
    if objection(turn.run, event) or plan is None or plan.emergency is None:
        return
    rules, now = plan.emergency, turn.recorded.at
    broken = BreakGlass(person=event.person, reason=event.reason, digest=plan.digest, at=now)
    owed = turn.run.debt
    if owed is None or owed.paid_at is not None:
        owed = Debt(gate=_review(turn, event.person, plan, rules))
    turn.set(break_glass=broken, debt=owed)
    if event.person.id != turn.run.declared_by.id:  # others are called on until one is there
        calling.acknowledge(turn, event.person, "emergency")
    turn.move(Trigger.GLASS_BROKEN)
    turn.set_timer(LATE, turn.run.planning, rules.late_limit)
    calling.notify(turn, rules.notified, f"{event.person.name} broke the glass: {event.reason}")
    stepping.advance(turn)
    turn.announce(About.GLASS_BROKEN)


def _review(turn: Turn, person: Person, plan: Plan, rules: Emergency) -> Gate:
    """Return the gate of the review: never for who broke the glass, and for as long as it takes."""
    roles = {role for slot in rules.review for role in slot.any_of}
    asked = turn.run.gate.candidates if turn.run.gate else ()
    known = {each.id: each for each in (*asked, *rules.notified)}
    now = turn.recorded.at
    return Gate(
        scope=REVIEW_SCOPE,
        slots=rules.review,
        digest=plan.digest,
        declarer=person.id,
        self_approval=False,
        deniable=False,
        candidates=tuple(each for each in known.values() if roles & set(each.roles)),
        opened_at=now,
        decide_by=now + timedelta(seconds=rules.review_limit),
        expires_at=now + YEARS,
    )


def reviewed(turn: Turn, event: events.Decided) -> None:
    """Count a word on the review; once it is satisfied, nothing is owed any more."""
    run, now = turn.run, turn.recorded.at
    debt = run.debt
    if debt is None or debt.paid_at is not None:
        return
    known = debt.decisions
    if refusal(debt.gate, known, event.person, event.verb, event.digest, now):
        return
    if run.break_glass and event.person.id == run.break_glass.person.id:
        return  # they broke it for a later plan of the same incident
    decision = Decision(
        scope=REVIEW_SCOPE,
        person=event.person,
        verb=event.verb,
        digest=debt.gate.digest,
        at=now,
        reason=event.reason,
    )
    words = (*known, decision)
    is_paid = isinstance(evaluate(debt.gate, words, now), Satisfied)
    turn.set(debt=replace(debt, decisions=words, paid_at=now if is_paid else None))
    if is_paid:
        turn.announce(About.REVIEWED)


def approvals_late(turn: Turn) -> None:
    """Say that approvals are missing for what is being done already, and call their givers."""
    gate = turn.run.gate
    standing = evaluate(gate, turn.run.decisions, turn.recorded.at) if gate else None
    if turn.run.begun_early and not isinstance(standing, Satisfied):
        calling.call_approvers(turn)
        turn.announce(About.APPROVAL_LATE)
