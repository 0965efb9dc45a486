"""Reactions of an automatic start: a plan that begins by itself, as far as it loses nothing.

The policy allows it, the shell has looked at the guards, and people are told first: whoever may
hold a run, deny the plan or end it has the notice's time, and the first word of theirs that speaks
against it calls it off for good.  Steps that lose data or credentials stay shut until the plan's
own gate is satisfied.
"""

from dataclasses import replace
from datetime import timedelta

from flows import events
from flows.commands import About
from flows.decisions import emergencies, stepping
from flows.decisions.turns import Turn
from flows.gates import PLAN_SCOPE, Open
from flows.runs import BegunAlone
from flows.table import Trigger

NOTICE = "automatic"
ONCE = "it has begun by itself before"


def plan_stands(turn: Turn) -> None:
    """Announce that the plan begins by itself, where nothing speaks against it."""
    run, allowed = turn.run, turn.run.automatic
    if allowed is None or run.plan is None:
        return
    if not allowed.barred and run.plan.procedure != allowed.procedure:
        allowed = replace(allowed, barred=f"the decision matrix asks for “{run.plan.title}”")
        turn.set(automatic=allowed)
    if allowed.barred:
        turn.announce(About.LEFT_TO_PEOPLE)
        return
    turn.set(begins_at=turn.recorded.at + timedelta(seconds=allowed.notice))
    turn.set_timer(NOTICE, run.planning, allowed.notice)
    turn.announce(About.BEGINS_BY_ITSELF)


def notice_over(turn: Turn) -> None:
    """Begin, unless somebody was against it."""
    run, allowed = turn.run, turn.run.automatic
    if allowed is None or run.plan is None or run.will_begin_at is None:
        return
    if not isinstance(run.standing(PLAN_SCOPE, turn.recorded.at), Open):
        return
    begun = BegunAlone(digest=run.plan.digest, at=turn.recorded.at)
    turn.set(begun_alone=begun, begins_at=None, automatic=replace(allowed, barred=ONCE))
    turn.move(Trigger.BEGUN_ALONE)
    if run.plan.count("destroys"):
        turn.set_timer(emergencies.LATE, run.planning, run.plan.decision_limit.total_seconds())
    stepping.advance(turn)
    turn.announce(About.BEGUN_BY_ITSELF)


def hold_asked(turn: Turn, event: events.HoldAsked) -> None:
    """Leave the beginning to people."""
    call_off(turn, f"{turn.recorded.actor.name} held it: {event.reason}")
    turn.announce(About.LEFT_TO_PEOPLE)


def call_off(turn: Turn, why: str) -> None:
    """Keep every plan of the run from beginning by itself."""
    allowed = turn.run.automatic
    if allowed is not None and not allowed.barred:
        turn.set(automatic=replace(allowed, barred=why), begins_at=None)
