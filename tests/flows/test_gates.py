"""Gates: every rule of who may, tested with the others."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.gates import (
    Decision,
    Denied,
    Expired,
    Gate,
    Open,
    Person,
    Refusal,
    Satisfied,
    Slot,
    Verb,
    evaluate,
    refusal,
)

START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
DIGEST = "a" * 64
ROLES = ("oncall", "lead", "dba")


def slot(*roles: str, count: int = 1) -> Slot:
    """Return a slot that any of these roles fills."""
    return Slot(any_of=roles, titles=roles, count=count, why="test")


def person(name: str, *roles: str) -> Person:
    """Return somebody."""
    return Person(id=name, name=name.capitalize(), roles=roles)


def gate(*slots: Slot, declarer: str = "marcus", self_approval: bool = False) -> Gate:
    """Return a gate that is open for half an hour."""
    return Gate(
        scope="plan",
        slots=slots,
        digest=DIGEST,
        declarer=declarer,
        self_approval=self_approval,
        candidates=(),
        opened_at=START,
        decide_by=START + timedelta(minutes=5),
        expires_at=START + timedelta(minutes=30),
    )


def word(who: Person, verb: Verb = Verb.APPROVE, digest: str = DIGEST) -> Decision:
    """Return one person's word."""
    return Decision(scope="plan", person=who, verb=verb, digest=digest, at=START)


MARCUS = person("marcus", "oncall")
EMILY = person("emily", "oncall")
JENNIFER = person("jennifer", "lead")
ALEX = person("alex", "lead")
TWO = gate(slot("oncall", "lead"), slot("lead"))


def test_one_person_fills_one_slot() -> None:
    """A lead alone does not satisfy two slots, however often she approves."""
    assert isinstance(evaluate(TWO, [word(JENNIFER), word(JENNIFER)], START), Open)


@pytest.mark.parametrize("order", [(JENNIFER, EMILY), (EMILY, JENNIFER), (ALEX, JENNIFER)])
def test_slots_are_filled_by_matching_and_not_by_order(order: tuple[Person, Person]) -> None:
    """Whoever comes first, two people who can fill both slots satisfy the gate."""
    assert isinstance(evaluate(TWO, [word(each) for each in order], START), Satisfied)


def test_the_declarer_fills_no_slot_unless_the_policy_says_so() -> None:
    """Self-approval counts only where it is allowed, and beside somebody else's."""
    two = (slot("oncall"), slot("lead"))
    said = [word(MARCUS), word(JENNIFER)]
    assert isinstance(evaluate(gate(*two), said, START), Open)
    assert isinstance(evaluate(gate(*two, self_approval=True), said, START), Satisfied)


def test_the_declarer_is_never_the_only_one() -> None:
    """Where one approval is enough, it must be somebody else's, whatever the policy says."""
    alone = gate(slot("oncall"), self_approval=True)
    assert isinstance(evaluate(alone, [word(MARCUS)], START), Open)
    assert refusal(alone, [], MARCUS, Verb.APPROVE, DIGEST, START) is Refusal.OWN_INCIDENT


def test_people_of_one_team_fill_one_seat_where_teams_must_differ() -> None:
    """The second of a team is told so; with another role they still help their team."""
    ann, ben = replace(EMILY, team="shop"), replace(JENNIFER, team="shop")
    two = (slot("oncall", "lead"), slot("lead"))
    apart = replace(gate(*two), distinct_teams=True)
    assert isinstance(evaluate(gate(*two), [word(ann), word(ben)], START), Satisfied)
    assert isinstance(evaluate(apart, [word(ann), word(ben)], START), Open)
    assert isinstance(evaluate(apart, [word(ann), word(ben), word(ALEX)], START), Satisfied)
    pat = replace(person("pat", "oncall"), team="shop")
    assert refusal(apart, [word(ann)], pat, Verb.APPROVE, DIGEST, START) is Refusal.SAME_TEAM
    only_leads = replace(gate(slot("lead")), distinct_teams=True)
    assert refusal(only_leads, [], ben, Verb.APPROVE, DIGEST, START) is None


def test_one_denial_closes_the_gate_and_says_who() -> None:
    """A denial by an eligible person outweighs every approval."""
    standing = evaluate(TWO, [word(JENNIFER), word(ALEX, Verb.DENY), word(EMILY)], START)
    assert standing == Denied(ALEX, "")


def test_a_denial_by_somebody_without_the_role_means_nothing() -> None:
    """Only who could approve can deny."""
    stranger = person("stranger", "dba")
    assert isinstance(evaluate(TWO, [word(stranger, Verb.DENY)], START), Open)


def test_an_approval_can_be_taken_back_until_the_gate_is_satisfied() -> None:
    """Withdrawn, it no longer counts; given again, it does."""
    taken_back = [word(JENNIFER), word(JENNIFER, Verb.WITHDRAW), word(EMILY)]
    assert isinstance(evaluate(TWO, taken_back, START), Open)
    assert isinstance(evaluate(TWO, [*taken_back, word(JENNIFER)], START), Satisfied)


def test_another_digest_is_without_effect() -> None:
    """An approval of an older plan does not count for this one."""
    stale = [word(JENNIFER, digest="b" * 64), word(EMILY)]
    assert isinstance(evaluate(TWO, stale, START), Open)


def test_time_expires_a_gate_and_never_satisfies_one() -> None:
    """Too old a plan is expired; passing the decision limit changes nothing."""
    assert isinstance(evaluate(TWO, [], TWO.decide_by), Open)
    assert isinstance(evaluate(TWO, [word(EMILY)], TWO.expires_at), Expired)


@pytest.mark.parametrize(
    ("who", "verb", "digest", "expected"),
    [
        (JENNIFER, Verb.APPROVE, DIGEST, None),
        (JENNIFER, Verb.APPROVE, DIGEST[:16], None),
        (JENNIFER, Verb.APPROVE, DIGEST[:3], Refusal.STALE),
        (JENNIFER, Verb.APPROVE, "", Refusal.STALE),
        (JENNIFER, Verb.APPROVE, "b" * 64, Refusal.STALE),
        (MARCUS, Verb.APPROVE, DIGEST, Refusal.OWN_INCIDENT),
        (MARCUS, Verb.DENY, DIGEST, Refusal.OWN_INCIDENT),
        (EMILY, Verb.APPROVE, DIGEST, Refusal.ALREADY),
        (EMILY, Verb.WITHDRAW, DIGEST, None),
        (JENNIFER, Verb.WITHDRAW, DIGEST, Refusal.NOTHING_TO_WITHDRAW),
        (person("dora", "dba"), Verb.APPROVE, DIGEST, Refusal.NO_ROLE),
        (person("nobody"), Verb.DENY, DIGEST, Refusal.NO_ROLE),
    ],
)
def test_a_refusal_says_which_rule_stands_in_the_way(
    who: Person, verb: Verb, digest: str, expected: Refusal | None
) -> None:
    """Emily has approved already; everybody else gets the reason that fits."""
    assert refusal(TWO, [word(EMILY)], who, verb, digest, START) is expected


def test_nothing_is_open_before_a_plan_and_after_the_decision() -> None:
    """Without a gate, and with one that is decided, a click has no effect."""
    satisfied = [word(EMILY), word(JENNIFER)]
    assert refusal(None, [], ALEX, Verb.APPROVE, DIGEST, START) is Refusal.NOT_OPEN
    assert refusal(TWO, satisfied, ALEX, Verb.DENY, DIGEST, START) is Refusal.NOT_OPEN
    late = TWO.expires_at
    assert refusal(TWO, [], ALEX, Verb.APPROVE, DIGEST, late) is Refusal.EXPIRED


both = person("sarah", "oncall", "lead")
people = st.sampled_from([MARCUS, EMILY, JENNIFER, ALEX, person("dora", "dba"), both])
slots = st.lists(
    st.builds(
        lambda roles, count: slot(*sorted(roles), count=count),
        st.sets(st.sampled_from(ROLES), min_size=1),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=3,
)
words = st.lists(
    st.builds(word, people, st.sampled_from(Verb), st.sampled_from([DIGEST, "b" * 64])),
    max_size=8,
)


@given(slots, words)
def test_a_satisfied_gate_has_a_distinct_eligible_person_for_every_seat(
    needed: list[Slot], said: list[Decision]
) -> None:
    """Whatever was said in whatever order, satisfied means enough distinct, eligible people."""
    standing = evaluate(gate(*needed), said, START)
    if isinstance(standing, Satisfied):
        ids = {p.id for p in standing.by}
        assert len(ids) == len(standing.by) >= sum(s.count for s in needed)
        assert "marcus" not in ids


@given(slots, words)
def test_a_word_that_was_refused_would_not_have_changed_where_the_gate_stands(
    needed: list[Slot], said: list[Decision]
) -> None:
    """`refusal` and `evaluate` agree: what is refused has no effect."""
    opened = gate(*needed)
    effective: list[Decision] = []
    for each in said:
        why = refusal(opened, effective, each.person, each.verb, each.digest, START)
        before = evaluate(opened, effective, START)
        if why is None:
            effective.append(each)
        elif isinstance(before, Open) and why is not Refusal.ALREADY:
            assert evaluate(opened, [*effective, each], START) == before
