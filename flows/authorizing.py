"""What the authorization matrix asks of a plan: slots, and the people who could fill them.

Called by `flows.planning`.  What is asked is then evaluated by `flows.gates`, which knows no
configuration.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from config import expressions
from config.demands import union
from config.models import people, policies
from config.models.bundles import Bundle
from flows.gates import Person, Slot

SlackOf = Callable[[people.Person], str | None]
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
