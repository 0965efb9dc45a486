"""Who is waited for, in words: from a gate, the decisions on it, and the time.

Used by the refusals, the card, the announcements and the Home.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.wording.texts import bold, both, either, inline
from flows.gates import (
    Decision,
    Gate,
    Open,
    Person,
    Slot,
    Verb,
    eligible,
    evaluate,
    helpful,
)

NAME_LIMIT = 80
TITLE_LIMIT = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What a gate still waits for: `count` approvals; `people` are those whose yes would help."""

    count: int
    slots: tuple[Slot, ...]
    people: tuple[Person, ...]
    titles: tuple[str, ...]


def titles_of(gate: Gate) -> Mapping[str, str]:
    """Return the titles of the roles that a gate names."""
    return {
        role: title
        for slot in gate.slots
        for role, title in zip(slot.any_of, slot.titles, strict=False)
    }


def approvals(gate: Gate, decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """Return the yeses that count, the latest of each person, in order."""
    last: dict[str, Decision] = {}
    for decision in decisions:
        if decision.scope == gate.scope and decision.digest == gate.digest:
            last.pop(decision.person.id, None)
            last[decision.person.id] = decision
    return tuple(d for d in last.values() if d.verb is Verb.APPROVE and eligible(gate, d.person))


def waiting(gate: Gate, decisions: Iterable[Decision], now: datetime) -> Wait | None:
    """Say what a gate waits for, or None where nothing more is wanted from anybody."""
    known = tuple(decisions)
    standing = evaluate(gate, known, now)
    if not isinstance(standing, Open):
        return None
    people = helpful(gate, known, now)
    names = titles_of(gate)
    roles = dict.fromkeys(
        role for slot in gate.slots for role in slot.any_of if any(role in p.roles for p in people)
    )
    missing = standing.missing
    titles = tuple(names.get(role, role) for role in roles) or _all_titles(missing)
    return Wait(count=_count(missing), slots=missing, people=people, titles=titles)


def _count(slots: Iterable[Slot]) -> int:
    return sum(slot.count for slot in slots)


def _all_titles(slots: Iterable[Slot]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(title for slot in slots for title in slot.titles or slot.any_of))


def wanted(wait: Wait) -> str:
    """Write who is waited for: `*Engineering Lead* (Jennifer Liu or Alex Thompson)`.

    More than one: `2 approvals, one as *DBA* and one as *SRE On-Call* (…)`.
    """
    people = [inline(person.name, NAME_LIMIT) for person in wait.people]
    if wait.count == 1:
        roles = bold(" or ".join(wait.titles), 2 * TITLE_LIMIT)
        return f"{roles} ({either(people)})" if people else f"{roles} (nobody listed is free to)"
    names = both(people) or "nobody listed is free to"
    return f"{wait.count} approvals, {places(wait.slots)} ({names})"


def places(slots: Iterable[Slot]) -> str:
    """Write what several approvals are given as: `one as *DBA* and one as *SRE On-Call*`."""
    return both([f"{_number(slot)} as {_titles(slot)}" for slot in slots], shown=8)


def _number(slot: Slot) -> str:
    return "one" if slot.count == 1 else str(slot.count)


def _titles(slot: Slot) -> str:
    return bold(" or ".join(slot.titles or slot.any_of), 2 * TITLE_LIMIT)


def slot_titles(slot: Slot) -> str:
    """Write what a slot asks for: `*SRE On-Call or Engineering Lead*`, `2 × *DBA*`."""
    return _titles(slot) if slot.count == 1 else f"{slot.count} × {_titles(slot)}"


def needed(slots: Iterable[Slot]) -> str:
    """Write a whole requirement with its reasons, for people who ask what a plan needs."""
    return both([f"{slot_titles(slot)} ({inline(slot.why, 120)})" for slot in slots], shown=8)


def title_in(gate: Gate, person: Person) -> str:
    """Return the title under which a person fills a place of a gate, or nothing."""
    names = titles_of(gate)
    return next((names[role] for role in person.roles if role in names), "")
