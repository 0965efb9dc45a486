"""A gate that asks for a second factor, in the pure core: no surface can go round it."""

from dataclasses import replace

import pytest

from flows import events
from flows.gates import Person, Verb
from flows.plans import Plan, digest_of, seal
from tests.bot import story


def destroying(*, second_factor: bool = True) -> Plan:
    """Return a plan that destroys something in a step with a gate of its own."""
    steps = (story.ROLLBACK, story.CUT_OVER, story.TELL)
    return seal(replace(story.plan(steps), second_factor=second_factor))


def waiting(plan: Plan) -> story.Story:
    """Return the story with a plan that waits for approval."""
    return story.assessing().wait(20).answered().proposed(plan).wait(50)


def word(
    told: story.Story,
    person: Person,
    *,
    proven: bool,
    verb: Verb = Verb.APPROVE,
    scope: str = "plan",
) -> story.Story:
    """Have somebody say a word on a gate."""
    gate = told.run.gate_of(scope)
    assert gate is not None
    decided = events.Decided(
        scope=scope, person=person, verb=verb, digest=gate.digest, reason="", proven=proven
    )
    return told.tell(decided, by=person)


def test_an_unproven_approval_has_no_effect() -> None:
    """Whatever feeds it, an approval without a code changes nothing; with one it counts."""
    told = waiting(destroying())
    word(told, story.JENNIFER, proven=False)
    assert told.run.state == "approve"
    assert told.run.decisions == ()
    word(told, story.JENNIFER, proven=True)
    assert told.run.state != "approve"


@pytest.mark.parametrize("scope", ["plan", "cut_over"])
def test_every_gate_over_what_destroys_asks(scope: str) -> None:
    """The plan's gate, and that of the step."""
    gate = waiting(destroying()).run.gate_of(scope)
    assert gate is not None
    assert gate.second_factor


def test_what_destroys_nothing_asks_for_no_code() -> None:
    """The policy's word is about losses: a plan without any is approved as ever."""
    plan = seal(replace(story.plan(), second_factor=True))
    told = waiting(plan)
    assert told.run.gate is not None
    assert not told.run.gate.second_factor
    word(told, story.JENNIFER, proven=False)
    assert told.run.state != "approve"


def test_without_the_policys_word_nothing_is_asked() -> None:
    """Classes that don't want it are as they were."""
    told = waiting(destroying(second_factor=False))
    word(told, story.JENNIFER, proven=False)
    assert told.run.state != "approve"


def test_stopping_takes_no_code() -> None:
    """A withdrawal and a denial count without one: nothing is lost by them."""
    told = waiting(seal(replace(destroying(), needs=(story.ANY_LEAD, story.LEAD))))
    word(told, story.JENNIFER, proven=True)
    word(told, story.JENNIFER, proven=False, verb=Verb.WITHDRAW)
    assert [each.verb for each in told.run.decisions] == [Verb.APPROVE, Verb.WITHDRAW]
    word(told, story.ALEX, proven=False, verb=Verb.DENY)
    assert told.run.state == "assess"


def test_the_digest_covers_it_and_old_plans_keep_theirs() -> None:
    """An approval is bound to whether a code was asked for; older plans had no such field."""
    assert destroying().digest != destroying(second_factor=False).digest
    plan = destroying(second_factor=False)
    assert digest_of(plan) == plan.digest
