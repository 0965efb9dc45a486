"""Gates: who must approve, decided by a pure function of decisions and time.

A gate asks for slots ("one of these roles, so many").  Distinct people fill slots (and where the
gate says so, people of distinct teams); the assignment is a matching, so an Engineering Lead who
could fill either of two slots never blocks the other.  Whoever declared is never the only one.
`evaluate` says where a gate stands; `refusal` says why one more decision would have
no effect, and is asked by every surface before the journal is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

PLAN_SCOPE = "plan"
REVIEW_SCOPE = "review"
SHORT_DIGEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A human whose identity and roles were resolved, at the time given by the event.

    `resolved` says where each role comes from: `people.yaml`, or `slack group @leads`.
    """

    id: str
    name: str
    slack: str | None = None
    roles: tuple[str, ...] = ()
    team: str | None = None
    resolved: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """`count` distinct people, each with one of `any_of`; `why` names the rule that asks."""

    any_of: tuple[str, ...]
    titles: tuple[str, ...]
    count: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The approvals that a scope needs: the plan, or one step (its id is the scope).

    `self_approval` lets the declarer be one of several; with `distinct_teams` people of one team
    fill one seat together.  With `second_factor` an approval counts only if a code proved who
    gave it.  One that is not `deniable` waits until it is satisfied.
    """

    scope: str
    slots: tuple[Slot, ...]
    digest: str
    declarer: str
    self_approval: bool
    candidates: tuple[Person, ...]
    opened_at: datetime
    decide_by: datetime
    expires_at: datetime
    distinct_teams: bool = False
    second_factor: bool = False
    deniable: bool = True

    @property
    def seats(self) -> int:
        """How many people it takes."""
        return sum(slot.count for slot in self.slots)


class Verb(StrEnum):
    """What a person decided."""

    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One person's word on one digest."""

    scope: str
    person: Person
    verb: Verb
    digest: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """Still waiting: `missing` has the slots with the counts that are left."""

    missing: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Satisfied:
    """Every slot is filled by a person of its own."""

    by: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Denied:
    """An eligible person said no."""

    by: Person
    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The plan is too old to be performed."""

    at: datetime


Standing = Open | Satisfied | Denied | Expired


class Refusal(StrEnum):
    """Why a decision would have no effect."""

    NOT_OPEN = "not_open"
    STALE = "stale"
    EXPIRED = "expired"
    NO_ROLE = "no_role"
    OWN_INCIDENT = "own_incident"
    SAME_TEAM = "same_team"
    NOT_DENIABLE = "not_deniable"
    ALREADY = "already"
    NOTHING_TO_WITHDRAW = "nothing_to_withdraw"


def evaluate(gate: Gate, decisions: Iterable[Decision], now: datetime) -> Standing:
    """Say where a gate stands.

    Decisions are taken in their order, up to the one that ends it.  What `refusal` would have
    refused has no effect: another digest, a word after the expiry, a person who is not eligible,
    a second approval, anything after the end.
    """
    counted: list[Decision] = []
    for decision in decisions:
        if not _counts(gate, counted, decision):
            continue
        if decision.verb is Verb.DENY:
            return Denied(decision.person, decision.reason)
        counted.append(decision)
        approving = _approving(counted)
        if not _missing(gate, approving):
            return Satisfied(approving)
    if now >= gate.expires_at:
        return Expired(gate.expires_at)
    return Open(_missing(gate, _approving(counted)))


def refusal(
    gate: Gate | None,
    decisions: Iterable[Decision],
    person: Person,
    verb: Verb,
    digest: str,
    now: datetime,
) -> Refusal | None:
    """Say why this decision would have no effect, or None where it counts."""
    if gate is None:
        return Refusal.NOT_OPEN
    if len(digest) < SHORT_DIGEST or not gate.digest.startswith(digest):
        return Refusal.STALE
    known = tuple(decisions)
    match evaluate(gate, known, now):
        case Expired():
            return Refusal.EXPIRED
        case Satisfied() | Denied():
            return Refusal.NOT_OPEN
        case Open():
            return _personal_refusal(gate, known, person, verb)


def helpful(gate: Gate, decisions: Iterable[Decision], now: datetime) -> tuple[Person, ...]:
    """Return the candidates whose approval would bring an open gate nearer to being satisfied.

    Asked of the evaluation itself: an approval may free the place that another person's approval
    took, so roles alone don't tell.
    """
    known = tuple(decisions)
    return tuple(person for person in gate.candidates if _helps(gate, known, person, now))


def eligible(gate: Gate, person: Person) -> bool:
    """Say whether a person could fill any slot of a gate."""
    if person.id == gate.declarer and not (gate.self_approval and gate.seats > 1):
        return False
    return any(_fits(slot, person) for slot in gate.slots)


def _personal_refusal(
    gate: Gate, decisions: tuple[Decision, ...], person: Person, verb: Verb
) -> Refusal | None:
    has_approved = any(p.id == person.id for p in _given(gate, decisions))
    if verb is Verb.WITHDRAW:
        return None if has_approved else Refusal.NOTHING_TO_WITHDRAW
    if not any(_fits(slot, person) for slot in gate.slots):
        return Refusal.NO_ROLE
    if not eligible(gate, person):
        return Refusal.OWN_INCIDENT
    if verb is Verb.DENY and not gate.deniable:
        return Refusal.NOT_DENIABLE
    if verb is Verb.APPROVE and has_approved:
        return Refusal.ALREADY
    if verb is Verb.APPROVE and _adds_nothing(gate, decisions, person):
        return Refusal.SAME_TEAM
    return None


def _helps(gate: Gate, known: tuple[Decision, ...], person: Person, now: datetime) -> bool:
    if refusal(gate, known, person, Verb.APPROVE, gate.digest, now):
        return False
    yes = Decision(scope=gate.scope, person=person, verb=Verb.APPROVE, digest=gate.digest, at=now)
    before, after = evaluate(gate, known, now), evaluate(gate, (*known, yes), now)
    if not isinstance(before, Open) or isinstance(after, Denied | Expired):
        return False
    return not isinstance(after, Open) or _left(after.missing) < _left(before.missing)


def _left(slots: Iterable[Slot]) -> int:
    return sum(slot.count for slot in slots)


def _adds_nothing(gate: Gate, decisions: tuple[Decision, ...], person: Person) -> bool:
    """Say whether the person's team fills all the seats already that it can fill with them."""
    given = _given(gate, decisions)
    of_team = any(_unit(gate, each) == _unit(gate, person) for each in given)
    return of_team and _missing(gate, given) == _missing(gate, (*given, person))


def _counts(gate: Gate, before: Iterable[Decision], decision: Decision) -> bool:
    """Say whether a decision has any effect after those that counted before it."""
    if decision.scope != gate.scope or decision.digest != gate.digest:
        return False
    if decision.at >= gate.expires_at:
        return False
    if decision.verb is Verb.WITHDRAW:
        return True
    if not eligible(gate, decision.person) or (decision.verb is Verb.DENY and not gate.deniable):
        return False
    has_approved = any(p.id == decision.person.id for p in _approving(before))
    return decision.verb is Verb.DENY or not has_approved


def _given(gate: Gate, decisions: Iterable[Decision]) -> tuple[Person, ...]:
    """Return the people whose approvals count at the end of these decisions."""
    counted: list[Decision] = []
    for decision in decisions:
        if _counts(gate, counted, decision):
            counted.append(decision)
    return _approving(counted)


def _approving(counted: Iterable[Decision]) -> tuple[Person, ...]:
    """Return the people whose last word is yes, in the order in which they said it."""
    last: dict[str, Decision] = {}
    for decision in counted:
        last.pop(decision.person.id, None)
        last[decision.person.id] = decision
    return tuple(d.person for d in last.values() if d.verb is Verb.APPROVE)


def _missing(gate: Gate, people: tuple[Person, ...]) -> tuple[Slot, ...]:
    """Return the slots that no assignment of distinct people can fill, with what is left."""
    seats = [(index, slot) for index, slot in enumerate(gate.slots) for _ in range(slot.count)]
    units: dict[str, list[Person]] = {}
    for person in people:
        units.setdefault(_unit(gate, person), []).append(person)
    taken: dict[int, str] = {}

    def seat(unit: str, tried: set[int]) -> bool:
        for number, (_, slot) in enumerate(seats):
            if number in tried or not any(_fits(slot, person) for person in units[unit]):
                continue
            tried.add(number)
            if number not in taken or seat(taken[number], tried):
                taken[number] = unit
                return True
        return False

    for unit in sorted(units):  # so that who came first changes nothing
        seat(unit, set())
    left = [index for number, (index, _) in enumerate(seats) if number not in taken]
    return tuple(
        Slot(any_of=s.any_of, titles=s.titles, count=left.count(i), why=s.why)
        for i, s in enumerate(gate.slots)
        if i in left
    )


def _unit(gate: Gate, person: Person) -> str:
    """Return what fills one seat at most: the person, or their team where teams must differ."""
    if gate.distinct_teams and person.team is not None:
        return f"team {person.team}"
    return f"person {person.id}"


def _fits(slot: Slot, person: Person) -> bool:
    return not set(slot.any_of).isdisjoint(person.roles)
