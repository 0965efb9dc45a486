"""The authorization matrices of the five systems: who is enough, and who just is not."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest

from config.checks.authority import check
from config.checks.notes import Notes
from config.models.policies import Condition
from flows.authorizing import class_slots, plan_slots
from flows.gates import (
    Decision,
    Denied,
    Expired,
    Gate,
    Open,
    Person,
    Refusal,
    Satisfied,
    Verb,
    evaluate,
    refusal,
)
from tests.flows.matrices import FOLDER, Matrix, Row, matrices, matrix_of, stand_in, stand_ins

MATRICES = matrices()
ROWS = [matrix.row(given) for matrix in MATRICES for given in matrix.rows]
CONDITIONS = [(m, c) for m in MATRICES for c in m.bundle.policy.authorization.conditions]
OTHER_DIGEST = "0" * 64

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.matrix.name}/{row.name}")
each_condition = pytest.mark.parametrize(
    ("matrix", "condition"), CONDITIONS, ids=[f"{m.name}/{c.id}" for m, c in CONDITIONS]
)


def word(gate: Gate, who: Person, verb: Verb = Verb.APPROVE, **changes: Any) -> Decision:
    """Return one person's word on a gate, at the time when it opened."""
    said = Decision(scope=gate.scope, person=who, verb=verb, digest=gate.digest, at=gate.opened_at)
    return replace(said, **changes)


def after(gate: Gate, who: Iterable[Person]) -> object:
    """Return where a gate stands when these people have approved."""
    return evaluate(gate, [word(gate, each) for each in who], gate.opened_at)


def why_not(
    gate: Gate, who: Person, verb: Verb = Verb.APPROVE, now: datetime | None = None
) -> object:
    """Return why somebody's first word would have no effect."""
    return refusal(gate, [], who, verb, gate.digest, now or gate.opened_at)


def test_every_row_of_the_documents_that_asks_for_people_is_here() -> None:
    """Rows that ask for no person (a page, a message, an automatic start) are not gates."""
    covered = {name for matrix in MATRICES for name in matrix.covers}
    advisoros = {f"ADVO-A{number}" for number in (1, 3, *range(5, 15))}
    vision_to_code = {"V2C-D3", "V2C-D4", "V2C-D5", "V2C-D6", "V2C-Q1", "V2C-Q5"}
    boardroom = {"BOARD-D1", "BOARD-D2", "BOARD-D3", "BOARD-D4"}
    assert covered == advisoros | vision_to_code | boardroom | {"AIVO-Q1"}
    assert len(MATRICES) == 5


@each_row
def test_the_smallest_sets_are_enough_in_any_order(row: Row) -> None:
    """Whoever of a set comes first, when all of it have approved the gate is satisfied."""
    gate = row.gate()
    for needed in row.enough:
        for order in permutations(stand_ins(needed)):
            standing = after(gate, order)
            assert isinstance(standing, Satisfied)
            assert set(standing.by) == set(order)


@each_row
def test_a_set_with_one_person_missing_is_not_enough(row: Row) -> None:
    """Every smaller part of a set leaves the gate open, for exactly as many as are missing."""
    gate = row.gate()
    for needed in row.enough:
        whole = stand_ins(needed)
        for size in range(len(whole)):
            for part in combinations(whole, size):
                standing = after(gate, part)
                assert isinstance(standing, Open)
                assert sum(slot.count for slot in standing.missing) == len(whole) - size


@each_row
def test_a_set_with_another_role_in_it_is_judged_by_the_documents(row: Row) -> None:
    """Exchange one person for one of every other role: enough only where the row says so."""
    gate = row.gate()
    refused = 0
    for needed in row.enough:
        for number in range(len(needed)):
            for role in row.matrix.bundle.people.roles:
                roles = (*needed[:number], role, *needed[number + 1 :])
                is_enough = isinstance(after(gate, stand_ins(roles)), Satisfied)
                assert is_enough is row.is_enough(roles), roles
                refused += not is_enough
    assert refused


@each_row
def test_one_person_counts_once(row: Row) -> None:
    """Neither approving again nor having several of the roles makes two people of one."""
    gate = row.gate()
    for needed in row.enough:
        everything = stand_in(needed[0], 1, *needed[1:])
        if row.seats == 1:
            assert why_not(gate, everything) is None
            continue
        assert isinstance(after(gate, [everything] * row.seats), Open)
        assert isinstance(after(gate, [everything, *stand_ins(needed)[2:]]), Open)
        said = [word(gate, everything)]
        again = refusal(gate, said, everything, Verb.APPROVE, gate.digest, gate.opened_at)
        assert again is Refusal.ALREADY


@each_row
def test_the_declarer_alone_is_never_enough(row: Row) -> None:
    """With every role there is, and however often, the declarer opens no gate."""
    roles = tuple(row.matrix.bundle.people.roles)
    declarer = Person(id="declarer", name="declarer", roles=roles)
    gate = row.gate(declarer=declarer.id)
    assert isinstance(after(gate, [declarer] * max(2, row.seats)), Open)
    if row.seats == 1:
        assert why_not(gate, declarer) is Refusal.OWN_INCIDENT


@each_row
def test_the_declarer_is_one_of_several_only_where_the_class_says_so(row: Row) -> None:
    """Beside the others of a set the declarer counts, or is told that somebody else must agree."""
    for needed in row.enough:
        whole = stand_ins(needed)
        gate = row.gate(declarer=whole[0].id)
        may_help = gate.self_approval and row.seats > 1
        assert isinstance(after(gate, whole), Satisfied) is may_help
        expected = None if may_help else Refusal.OWN_INCIDENT
        assert why_not(gate, whole[0]) is expected
        assert why_not(gate, whole[0], Verb.DENY) is expected


@each_row
def test_who_could_approve_can_deny(row: Row) -> None:
    """One word ends it, also after all but one have approved; nothing comes after it."""
    gate = row.gate()
    for needed in row.enough:
        *others, last = stand_ins(needed)
        no = word(gate, last, Verb.DENY, reason="the release is not the cause")
        said = [*(word(gate, each) for each in others), no]
        standing = evaluate(gate, said, gate.opened_at)
        assert standing == Denied(last, "the release is not the cause")
        assert evaluate(gate, [*said, word(gate, last)], gate.opened_at) == standing
        late = refusal(gate, said, last, Verb.APPROVE, gate.digest, gate.opened_at)
        assert late is Refusal.NOT_OPEN


@each_row
def test_who_could_not_approve_can_not_deny(row: Row) -> None:
    """The roles that the row does not name, and people without one, stop nothing."""
    gate = row.gate()
    named = {role for needed in row.enough for role in needed}
    uninvolved = [stand_in(r) for r in row.matrix.bundle.people.roles if r not in named]
    for who in (*uninvolved, Person(id="visitor", name="visitor")):
        assert why_not(gate, who, Verb.DENY) is Refusal.NO_ROLE
        standing = evaluate(gate, [word(gate, who, Verb.DENY)], gate.opened_at)
        assert standing == evaluate(gate, [], gate.opened_at)


@each_row
def test_time_approves_nothing(row: Row) -> None:
    """The limit is the row's; after it the gate is as open as before, until it expires."""
    gate = row.gate()
    assert gate.decide_by - gate.opened_at == row.limit
    whole = stand_ins(row.enough[0])
    in_time = [word(gate, each) for each in whole[:-1]]
    assert isinstance(evaluate(gate, in_time, gate.decide_by), Open)
    assert evaluate(gate, in_time, gate.expires_at) == Expired(gate.expires_at)
    assert why_not(gate, whole[-1], now=gate.expires_at) is Refusal.EXPIRED
    late = word(gate, whole[-1], at=gate.expires_at)
    assert evaluate(gate, [*in_time, late], gate.expires_at) == Expired(gate.expires_at)
    in_time.append(word(gate, whole[-1], at=gate.expires_at - timedelta(seconds=1)))
    assert isinstance(evaluate(gate, in_time, gate.expires_at), Satisfied)


@each_row
def test_an_approval_can_be_withdrawn_until_the_gate_is_satisfied(row: Row) -> None:
    """Withdrawn it is missing, given again it counts; after the end there is no way back."""
    gate = row.gate()
    first, *others = stand_ins(row.enough[0])
    said = [word(gate, each) for each in others]
    if others:
        said = [word(gate, first), word(gate, first, Verb.WITHDRAW), *said]
        assert isinstance(evaluate(gate, said, gate.opened_at), Open)
    said.append(word(gate, first))
    done = evaluate(gate, said, gate.opened_at)
    assert isinstance(done, Satisfied)
    regretted = [*said, word(gate, first, Verb.WITHDRAW)]
    assert evaluate(gate, regretted, gate.opened_at) == done


@each_row
def test_approvals_of_another_plan_do_not_count(row: Row) -> None:
    """Everybody who is needed approved what is not proposed any more: nothing happened."""
    gate = row.gate()
    said = [word(gate, each, digest=OTHER_DIGEST) for each in stand_ins(row.enough[0])]
    assert evaluate(gate, said, gate.opened_at) == evaluate(gate, [], gate.opened_at)
    who = said[0].person
    stale = refusal(gate, [], who, Verb.APPROVE, OTHER_DIGEST, gate.opened_at)
    assert stale is Refusal.STALE


def holding(matrix: Matrix, condition: Condition) -> dict[str, object]:
    """Return calm facts, but for the one that the condition looks at."""
    fact = condition.when.split(".")[1].split()[0]
    return {**matrix.calm, fact: 1001 if ">" in condition.when else True}


@each_condition
def test_a_condition_asks_where_it_is_true_and_only_there(
    matrix: Matrix, condition: Condition
) -> None:
    """Every class asks for the condition's people where it holds, and for none of them else."""
    for kind in matrix.bundle.policy.authorization.classes:
        calm = plan_slots(matrix.bundle, kind.id, {"facts": matrix.calm})
        assert calm == class_slots(matrix.bundle, kind.id)
        grave = plan_slots(matrix.bundle, kind.id, {"facts": holding(matrix, condition)})
        asked = {slot.any_of for slot in grave if condition.title in slot.why}
        assert asked == {slot.any_of for slot in condition.needs}


@each_condition
def test_a_condition_of_which_nothing_is_known_asks_and_says_so(
    matrix: Matrix, condition: Condition
) -> None:
    """A fact that could not be looked up, or is not there at all, counts against the plan."""
    kind = matrix.bundle.policy.authorization.classes[0].id
    fact = condition.when.split(".")[1].split()[0]
    gone = {name: value for name, value in matrix.calm.items() if name != fact}
    for facts in ({**matrix.calm, fact: None}, gone):
        slots = plan_slots(matrix.bundle, kind, {"facts": facts})
        asked = {slot.any_of for slot in slots if "unknown, so it is asked for" in slot.why}
        assert asked == {slot.any_of for slot in condition.needs}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_two_people_a_role_fill_every_gate(path: Path) -> None:
    """The check of the configuration finds nothing, whoever declares and whatever is true."""
    notes = Notes(matrix_of(path).bundle)
    check(notes)
    assert notes.problems == set()


def test_one_sponsor_answers_for_all_that_is_true_at_once() -> None:
    """Three conditions ask for the Executive Sponsor; there is one, and one is asked for."""
    matrix = matrix_of(FOLDER / "advisoros.yaml", each=1)
    notes = Notes(matrix.bundle)
    check(notes)
    assert notes.problems == set()
    facts = dict.fromkeys(matrix.calm, True) | {"affected_users": 5000}
    slots = plan_slots(matrix.bundle, "database", {"facts": facts})
    (executive,) = [slot for slot in slots if "executive" in slot.any_of]
    assert executive.count == 1
    assert executive.why == (
        "The service is disrupted; Money is touched; More than 1,000 users are affected"
    )
