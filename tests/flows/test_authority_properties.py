"""Who may, searched for counterexamples: random gates, people, and words with their times."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from flows.gates import (
    Decision,
    Denied,
    Gate,
    Open,
    Person,
    Satisfied,
    Slot,
    Standing,
    Verb,
    eligible,
    evaluate,
    helpful,
    refusal,
)

START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
EXPIRY = timedelta(minutes=30)
DIGESTS = ("a" * 64, "b" * 64)
ROLES = ("oncall", "lead", "dba", "security")
NAMES = ("ann", "ben", "cleo", "dan", "eve", "finn")
DECLARER = NAMES[0]
MOST_SEATS = 5

roles = st.sets(st.sampled_from(ROLES), max_size=3).map(lambda found: tuple(sorted(found)))
teams = st.sampled_from([None, "shop", "data"])


@st.composite
def gates(draw: st.DrawFn) -> Gate:
    """Return a gate of one to five seats."""
    slots: list[Slot] = []
    seats = draw(st.integers(1, MOST_SEATS))
    while seats:
        any_of = tuple(sorted(draw(st.sets(st.sampled_from(ROLES), min_size=1, max_size=3))))
        count = draw(st.integers(1, seats))
        slots.append(Slot(any_of=any_of, titles=any_of, count=count, why="a rule"))
        seats -= count
    return Gate(
        scope="plan",
        slots=tuple(slots),
        digest=DIGESTS[0],
        declarer=DECLARER,
        self_approval=draw(st.booleans()),
        candidates=(),
        opened_at=START,
        decide_by=START + timedelta(minutes=5),
        expires_at=START + EXPIRY,
        distinct_teams=draw(st.booleans()),
    )


@st.composite
def people(draw: st.DrawFn) -> tuple[Person, ...]:
    """Return six people with any roles and teams."""
    return tuple(Person(id=name, name=name, roles=draw(roles), team=draw(teams)) for name in NAMES)


@st.composite
def histories(draw: st.DrawFn, *, roles_change: bool = False) -> list[Decision]:
    """Return words in the order of their times, some for another plan, scope, or too late."""
    everybody = draw(people())
    seconds = draw(st.lists(st.integers(0, 2400), max_size=10).map(sorted))
    said: list[Decision] = []
    for second in seconds:
        who = draw(st.sampled_from(everybody))
        if roles_change:
            who = replace(who, roles=draw(roles), team=draw(teams))
        decision = Decision(
            scope=draw(st.sampled_from(["plan", "plan", "plan", "cut_over"])),
            person=who,
            verb=draw(st.sampled_from([Verb.APPROVE, Verb.APPROVE, Verb.APPROVE, *Verb])),
            digest=draw(st.sampled_from([DIGESTS[0], DIGESTS[0], DIGESTS[0], DIGESTS[1]])),
            at=START + timedelta(seconds=second),
        )
        said.append(decision)
    return said


def seats(gate: Gate) -> list[Slot]:
    """Return the gate's seats, one by one."""
    return [slot for slot in gate.slots for _ in range(slot.count)]


def unit(gate: Gate, person: Person) -> str:
    """Return what counts once."""
    return f"team:{person.team}" if gate.distinct_teams and person.team else person.id


def can_sit(gate: Gate, approving: list[Person]) -> bool:
    """Try every assignment of people to seats: the oracle, which knows no matching."""
    wanted = seats(gate)
    return any(
        all(set(slot.any_of) & set(who.roles) for slot, who in zip(wanted, order, strict=True))
        and len({unit(gate, who) for who in order}) == len(order)
        for order in permutations(approving, len(wanted))
    )


def allowed(gate: Gate, person: Person) -> bool:
    """Say by the letter of the rules whether somebody may fill a seat of this gate."""
    if person.id == gate.declarer and (not gate.self_approval or len(seats(gate)) == 1):
        return False
    return any(set(slot.any_of) & set(person.roles) for slot in gate.slots)


def spoken_for(gate: Gate, said: list[Decision]) -> list[Person]:
    """Return who has approved this plan in time, may do so, and has not taken it back."""
    standing: dict[str, Person] = {}
    for each in said:
        if (each.scope, each.digest) != (gate.scope, gate.digest) or each.at >= gate.expires_at:
            continue
        if each.verb is Verb.WITHDRAW:
            standing.pop(each.person.id, None)
        elif each.verb is Verb.APPROVE and allowed(gate, each.person):
            standing.setdefault(each.person.id, each.person)
    return list(standing.values())


def entered(gate: Gate, said: list[Decision]) -> list[Decision]:
    """Return the words that a surface would have let through, as the journal keeps them."""
    kept: list[Decision] = []
    for each in said:
        if each.scope != gate.scope:
            continue
        if refusal(gate, kept, each.person, each.verb, each.digest, each.at) is None:
            kept.append(each)
    return kept


@given(gates(), histories(roles_change=True))
def test_satisfied_means_that_distinct_eligible_people_sat_down_in_time(
    gate: Gate, said: list[Decision]
) -> None:
    """Whatever was said, and whoever's roles changed: an exhaustive search finds the seats."""
    for number in range(len(said) + 1):
        standing = evaluate(gate, said[:number], START)
        if isinstance(standing, Satisfied):
            assert can_sit(gate, list(standing.by))
            assert all(allowed(gate, each) for each in standing.by)
            assert {each.id for each in standing.by} != {gate.declarer}
            given_in_time = {
                (d.person.id, d.person.roles)
                for d in said[:number]
                if d.verb is Verb.APPROVE
                and (d.scope, d.digest) == (gate.scope, gate.digest)
                and d.at < gate.expires_at
            }
            assert {(each.id, each.roles) for each in standing.by} <= given_in_time


@given(gates(), histories())
def test_satisfied_as_soon_as_a_search_finds_seats_and_not_before(
    gate: Gate, said: list[Decision]
) -> None:
    """The matching and the exhaustive search agree after every single word."""
    for number in range(len(said) + 1):
        standing = evaluate(gate, said[:number], START)
        if isinstance(standing, Satisfied | Denied):
            return
        assert not can_sit(gate, spoken_for(gate, said[:number]))


@given(gates(), people(), st.data())
def test_who_sits_down_is_enough_for_the_evaluation(
    gate: Gate, everybody: tuple[Person, ...], data: st.DataObject
) -> None:
    """Where the search finds seats for those who approved, the gate is satisfied."""
    approving = data.draw(st.lists(st.sampled_from(everybody), unique_by=lambda p: p.id))
    said = [yes(gate, each) for each in approving]
    seated = can_sit(gate, [each for each in approving if allowed(gate, each)])
    assert isinstance(evaluate(gate, said, START), Satisfied) is seated


@given(gates(), people(), st.integers(1, 4))
def test_the_declarer_alone_never_satisfies_a_gate(
    gate: Gate, everybody: tuple[Person, ...], times: int
) -> None:
    """Not with every role, not by repeating it, not where self-approval is allowed."""
    declarer = replace(everybody[0], roles=ROLES)
    assert isinstance(evaluate(gate, [yes(gate, declarer)] * times, START), Open)


@given(gates(), people(), st.data())
def test_the_order_of_approvals_does_not_matter(
    gate: Gate, everybody: tuple[Person, ...], data: st.DataObject
) -> None:
    """The same people leave the gate in the same state, with the same seats missing."""
    approving = data.draw(st.lists(st.sampled_from(everybody), max_size=5))
    said = [yes(gate, each) for each in approving]
    shuffled = data.draw(st.permutations(said))
    assert told(evaluate(gate, said, START)) == told(evaluate(gate, shuffled, START))


def test_who_came_first_does_not_decide_what_is_still_missing() -> None:
    """Two people who could sit on three chairs leave the same one free, whoever comes first."""
    rules = tuple(Slot(any_of=(r,), titles=(r,), count=1, why="a rule") for r in ROLES[:3])
    gate = Gate(
        scope="plan",
        slots=rules,
        digest=DIGESTS[0],
        declarer=DECLARER,
        self_approval=False,
        candidates=(),
        opened_at=START,
        decide_by=START + timedelta(minutes=5),
        expires_at=START + EXPIRY,
    )
    ben = Person(id="ben", name="ben", roles=("oncall", "lead"))
    cleo = Person(id="cleo", name="cleo", roles=("oncall", "dba"))
    forth, back = (yes(gate, ben), yes(gate, cleo)), (yes(gate, cleo), yes(gate, ben))
    assert evaluate(gate, forth, START) == evaluate(gate, back, START)


@given(gates(), histories(roles_change=True))
def test_a_word_that_is_refused_changes_nothing(gate: Gate, said: list[Decision]) -> None:
    """Even if one came into the journal, it would move no gate, at no time."""
    kept: list[Decision] = []
    for each in said:
        why = refusal(gate, kept, each.person, each.verb, each.digest, each.at)
        if why is None and each.scope == gate.scope:
            kept.append(each)
            continue
        for now in (each.at, gate.expires_at):
            assert evaluate(gate, [*kept, each], now) == evaluate(gate, kept, now)


@given(gates(), histories(roles_change=True))
def test_words_that_surfaces_let_through_give_the_same_end_as_all_words(
    gate: Gate, said: list[Decision]
) -> None:
    """Without the rule of teams, what was refused on the way would have changed nothing."""
    gate = replace(gate, distinct_teams=False)
    assert evaluate(gate, entered(gate, said), START) == evaluate(gate, said, START)


@given(gates(), histories())
def test_a_standing_that_ended_a_gate_stays(gate: Gate, said: list[Decision]) -> None:
    """Whatever is said after a denial or the last approval, the end is what it was."""
    for number in range(len(said) + 1):
        standing = evaluate(gate, said[:number], START)
        if isinstance(standing, Satisfied | Denied):
            assert evaluate(gate, said, gate.expires_at) == standing
            return


@given(gates(), histories(), people())
def test_whom_is_said_to_help_does_help(
    gate: Gate, said: list[Decision], everybody: tuple[Person, ...]
) -> None:
    """People who are asked for are eligible, are not refused, and leave fewer seats missing."""
    gate = replace(gate, candidates=everybody)
    kept = entered(gate, said)
    before = evaluate(gate, kept, START)
    for who in helpful(gate, kept, START):
        assert eligible(gate, who)
        after = evaluate(gate, [*kept, yes(gate, who)], START)
        assert isinstance(before, Open)
        assert left(after) < left(before)


def yes(gate: Gate, who: Person) -> Decision:
    """Return an approval in time."""
    return Decision(scope=gate.scope, person=who, verb=Verb.APPROVE, digest=gate.digest, at=START)


def told(standing: Standing) -> tuple[str, object]:
    """Return a standing without the order in which people came."""
    missing = standing.missing if isinstance(standing, Open) else ()
    return type(standing).__name__, missing


def left(standing: Standing) -> int:
    """Return how many seats are still free."""
    return sum(slot.count for slot in standing.missing) if isinstance(standing, Open) else 0
