"""What the authorization matrix asks of a plan: slots, and the people who could fill them.

Called by `flows.planning`.  What is asked is then evaluated by `flows.gates`, which knows no
configuration.
"""

from collections.abc import Callable, Mapping
from typing import Any

from config import expressions
from config.models import people, policies
from config.models.bundles import Bundle
from flows.gates import Person, Slot

SlackOf = Callable[[people.Person], str | None]


def authorization_class(bundle: Bundle, class_id: str) -> policies.AuthorizationClass:
    """Return a class of the matrix; the configuration check has seen that it is there."""
    return next(c for c in bundle.policy.authorization.classes if c.id == class_id)


def class_slots(bundle: Bundle, class_id: str) -> tuple[Slot, ...]:
    """Return what a class asks for."""
    kind = authorization_class(bundle, class_id)
    return tuple(_slot(bundle, needed, kind.title) for needed in kind.needs)


def condition_slots(bundle: Bundle, values: Mapping[str, Any]) -> tuple[Slot, ...]:
    """Return what the conditions ask for that are true, or of which nothing is known."""
    slots: list[Slot] = []
    for condition in bundle.policy.authorization.conditions:
        when = expressions.compile_expression(condition.when)
        holds = expressions.evaluate_condition(when, values)
        if holds is False:
            continue
        why = condition.title if holds else f"{condition.title} (unknown, so it is asked for)"
        slots += [_slot(bundle, needed, why) for needed in condition.needs]
    return tuple(slots)


def people_of(bundle: Bundle, slack_of: SlackOf) -> tuple[Person, ...]:
    """Return a system's people as the core knows them."""
    return tuple(
        Person(
            id=person.id,
            name=person.name,
            slack=person.slack or slack_of(person),
            roles=person.roles,
            team=person.team,
        )
        for person in bundle.people.people
    )


def _slot(bundle: Bundle, needed: policies.Slot, why: str) -> Slot:
    titles = tuple(bundle.people.roles[role].title for role in needed.any_of)
    return Slot(any_of=needed.any_of, titles=titles, count=needed.count, why=why)
