"""Who is called: the chain of a system, its rules for calling at once, and names that people type.

Called by `flows.declaring`, `flows.assessing` and by every surface that knows `page`.  What has
been called, and who has answered, is for the core.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config import expressions
from config.models.bundles import Bundle
from config.models.people import EscalationLevel, Vendor
from flows.authorizing import SlackOf, people_of
from flows.events import PageAsked
from flows.gates import Person
from flows.paging import Rung, subject_of

REPEAT = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Callees:
    """Who is meant by a name: people, under a subject and a title of their own."""

    subject: str
    title: str
    people: tuple[Person, ...]


def chain_of(bundle: Bundle, declarer: Person, slack_of: SlackOf) -> tuple[Rung, ...]:
    """Return a system's chain without the declarer, who knows.

    A level on which nobody else is keeps its time: whoever declared is there, and the next level
    is called when that was not enough.
    """
    known = {person.id: person for person in people_of(bundle, slack_of)}
    others = {name: person for name, person in known.items() if name != declarer.id}
    levels = bundle.people.escalation
    rungs: list[Rung] = []
    for level in levels:
        is_last = level is levels[-1]
        rungs += _rungs(level, others, is_last=is_last)
    return tuple(rungs)


def _rungs(level: EscalationLevel, people: Mapping[str, Person], *, is_last: bool) -> list[Rung]:
    whole = level.escalates_after.total_seconds() if level.escalates_after else REPEAT
    if is_last:
        whole = level.repeats_every.total_seconds() if level.repeats_every else REPEAT
    first = _named([level.primary], people)
    rest = _named(level.others, people)
    head_start = level.others_after.total_seconds() if level.others_after else 0.0
    if first and rest and 0 < head_start < whole:
        return [_rung(level, first, head_start), _rung(level, rest, whole - head_start)]
    return [_rung(level, (*first, *rest), whole)]


def _rung(level: EscalationLevel, people: tuple[Person, ...], lasts: float) -> Rung:
    return Rung(level=level.level, title=level.title, people=people, lasts=lasts)


def _named(ids: Iterable[str], people: Mapping[str, Person]) -> tuple[Person, ...]:
    return tuple(people[name] for name in ids if name in people)


def at_once(
    bundle: Bundle, declarer: str, values: Mapping[str, Any], slack_of: SlackOf
) -> Iterator[PageAsked]:
    """Return the calls for the levels whose own condition holds; what is unknown calls nobody."""
    conditions = {each.id: each for each in bundle.policy.authorization.conditions}
    for level in bundle.people.escalation:
        condition = conditions.get(level.at_once or "")
        if condition is None:
            continue
        when = expressions.compile_expression(condition.when)
        if expressions.evaluate_condition(when, values) is True:
            callees = _level(bundle, level, slack_of)
            yield PageAsked(
                subject=callees.subject,
                title=callees.title,
                people=tuple(p for p in callees.people if p.id != declarer),
                why=condition.title,
                once=True,
            )


def find(bundle: Bundle, said: str, slack_of: SlackOf) -> Callees | Vendor | None:
    """Return whom somebody means: `2`, `level 2`, a role, a person or a vendor, by id or name.

    A person may be named by Slack user id.
    """
    wanted = " ".join(said.casefold().split()).removeprefix("@")
    for vendor in bundle.people.vendors:
        if wanted in (vendor.id, vendor.title.casefold()):
            return vendor
    number = wanted.removeprefix("level").strip()
    for level in bundle.people.escalation:
        if number == str(level.level) or wanted == level.title.casefold():
            return _level(bundle, level, slack_of)
    everybody = people_of(bundle, slack_of)
    for name, role in bundle.people.roles.items():
        if wanted in (name, role.title.casefold(), role.slack_group):
            people = tuple(person for person in everybody if name in person.roles)
            return Callees(subject=f"role:{name}", title=role.title, people=people)
    for person in everybody:
        if wanted in (person.id, person.name.casefold(), (person.slack or "").casefold()):
            return Callees(subject=f"person:{person.id}", title="", people=(person,))
    return None


def names(bundle: Bundle) -> tuple[str, ...]:
    """Return what `find` knows, for people who misspelt it."""
    people = bundle.people
    return (
        *(f"level {level.level}" for level in people.escalation),
        *people.roles,
        *(person.id for person in people.people),
        *(vendor.id for vendor in people.vendors),
    )


def _level(bundle: Bundle, level: EscalationLevel, slack_of: SlackOf) -> Callees:
    known = {person.id: person for person in people_of(bundle, slack_of)}
    people = _named([level.primary, *level.others], known)
    return Callees(subject=subject_of(level.level), title=level.title, people=people)
