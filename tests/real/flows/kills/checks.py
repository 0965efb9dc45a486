"""What must be true of every run, however often its bot was killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from flows import auditing, events
from flows.journal import Journal
from flows.plans import Plan
from flows.states import Outcome, StepState
from tests.real.flows.kills.killable import Killable
from tests.real.flows.kills.remote import INCIDENT

ENDS = (StepState.DONE, StepState.NOT_NEEDED)


async def sound(aivo: Killable, *, unsure: Collection[str] = ()) -> None:
    """Let it end; nothing is lost, and nothing is there twice.

    `unsure` names steps that nobody can look at afterwards: they may have ended in a question.
    """
    run = await aivo.until_ended()
    assert run.outcome is Outcome.RESTORED, run.outcome
    assert aivo.fate.left == 0, f"it ended after {len(aivo.fate.deaths)} deaths"
    journal = Journal.read(aivo.folder / "journal")
    try:
        broken, history = tuple(auditing.verify(journal)), journal.events(INCIDENT)
    finally:
        journal.close()
    assert not broken, broken
    assert run.plan is not None
    for step, record in run.steps.items():
        fine = ENDS if step not in unsure else (*ENDS, StepState.FAILED)
        assert record.state in fine, (step, record.state, record.summary)
    told = [each.event for each in history]
    done = Counter(each.step for each in told if isinstance(each, events.StepSucceeded))
    assert all(count == 1 for count in done.values()), f"done more than once: {done}"
    assert lost_intents(run.plan, told) == [], "a change was made without its intent"
    decided = Counter((e.scope, e.person.id) for e in told if isinstance(e, events.Decided))
    assert all(count == 1 for count in decided.values()), f"decided more than once: {decided}"
    said = Counter(aivo.notes.keys())
    assert said, "nobody was told anything"
    assert all(count == 1 for count in said.values()), f"said more than once: {said}"


def lost_intents(plan: Plan, told: list[events.Event]) -> list[str]:
    """Return the changes that were done, and of whose intent the journal says nothing before."""
    intended: set[str] = set()
    lost = []
    for each in told:
        if isinstance(each, events.StepStarted):
            intended.add(each.step)
        if not isinstance(each, events.StepSucceeded) or plan.step(each.step).reads:
            continue
        if each.step not in intended:
            lost.append(each.step)
    return lost
