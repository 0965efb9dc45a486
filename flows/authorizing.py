"""What the authorization matrix asks of a plan: slots, and the people who could fill them.

Called by `flows.planning`.  What is asked is then evaluated by `flows.gates`, which knows no
configuration.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from config import expressions
from config.demands import union
from config.models import people, policies
from config.models.bundles import Bundle
from flows.gates import Person, Slot
from flows.plans import Emergency
from flows.runs import Run

SlackOf = Callable[[people.Person], str | None]
RolesOf = Callable[[people.Person], Mapping[str, str]]
"""Which roles somebody has besides the listed ones, each with where it comes from."""
RolesNow = Callable[[Bundle], Awaitable[RolesOf]]
"""Looks up who has which roles now, for the people of one system."""
LISTED = "people.yaml"
NONE_FURTHER: Mapping[str, str] = MappingProxyType({})
Rule = tuple[str, tuple[policies.Slot, ...]]


def authorization_class(bundle: Bundle, class_id: str) -> policies.AuthorizationClass:
    """Return a class of the matrix; the configuration check has seen that it is there."""
    return next(c for c in bundle.policy.authorization.classes if c.id == class_id)


def class_slots(bundle: Bundle, class_id: str) -> tuple[Slot, ...]:
    """Return what a class asks for."""
    kind = authorization_class(bundle, class_id)
    return _slots(bundle, [(kind.title, kind.needs)])


def plan_slots(bundle: Bundle, class_id: str, values: Mapping[str, Any]) -> tuple[Slot, ...]:
    """Return what a plan of a class asks for where the facts are these.

    The union of what the class asks for, and the conditions that are true, or of which nothing
    is known.
    """
    kind = authorization_class(bundle, class_id)
    rules = [(kind.title, kind.needs)]
    for condition in bundle.policy.authorization.conditions:
        when = expressions.compile_expression(condition.when)
        holds = expressions.evaluate_condition(when, values)
        if holds is False:
            continue
        why = condition.title if holds else f"{condition.title} (unknown, so it is asked for)"
        rules.append((why, condition.needs))
    return _slots(bundle, rules)


def only_listed(_: people.Person) -> Mapping[str, str]:
    """Return no roles but the listed ones."""
    return {}


def people_of(
    bundle: Bundle, slack_of: SlackOf, roles_of: RolesOf = only_listed
) -> tuple[Person, ...]:
    """Return a system's people as the core knows them."""
    return tuple(
        person_of(person, person.slack or slack_of(person), roles_of(person))
        for person in bundle.people.people
    )


def person_of(
    listed: people.Person, slack: str | None, further: Mapping[str, str] = NONE_FURTHER
) -> Person:
    """Return an entry of people.yaml as the core knows people.

    `further` are roles that it does not list, each with where it comes from.
    """
    resolved = {**further, **dict.fromkeys(listed.roles, LISTED)}
    added = tuple(role for role in further if role not in listed.roles)
    return Person(
        id=listed.id,
        name=listed.name,
        slack=slack,
        roles=(*listed.roles, *added),
        team=listed.team,
        resolved=resolved,
    )


def emergency(
    bundle: Bundle, everybody: Iterable[Person], owing: Iterable[Run], now: datetime
) -> Emergency | None:
    """Return how a plan may begin before it is approved, where the policy allows that.

    `everybody` are the system's people, `owing` its runs that owe a review: one that is late bars
    the next emergency.
    """
    rules = bundle.policy.emergency
    if rules is None:
        return None
    roles = bundle.people.roles
    late = [run.id for run in owing if run.debt and now >= run.debt.gate.decide_by]
    return Emergency(
        roles=rules.roles,
        titles=tuple(roles[role].title for role in rules.roles),
        notified=tuple(p for p in everybody if not set(rules.notify).isdisjoint(p.roles)),
        notified_titles=tuple(roles[role].title for role in rules.notify),
        late_limit=rules.late_within.total_seconds(),
        review=_slots(bundle, [("review of the emergency", rules.review.needs)]),
        review_limit=rules.review.within.total_seconds(),
        barred=", ".join(late),
    )


def _slots(bundle: Bundle, rules: Sequence[Rule]) -> tuple[Slot, ...]:
    """Return the union of what rules ask for."""
    return tuple(
        Slot(
            any_of=demand.any_of,
            titles=tuple(bundle.people.roles[role].title for role in demand.any_of),
            count=demand.count,
            why="; ".join(rules[number][0] for number in demand.asked_by),
        )
        for demand in union([needs for _, needs in rules])
    )
