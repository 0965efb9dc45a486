"""The authorization matrices of the five systems, as data beside this module.

A file has the system's roles, classes and conditions as its configuration would write them, and
`rows`: what the system's documents ask for, written down a second time and by role, so that the
two can be compared.  People are stand-ins, named by their role and a number.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from config import loader
from config.models import people, policies
from config.models.base import parse_duration
from config.models.bundles import Bundle
from config.settings import PACKAGED
from flows.authorizing import authorization_class, class_slots, plan_slots
from flows.gates import PLAN_SCOPE, Gate, Person
from flows.plans import gate_of, seal
from tests.bot import story

FOLDER = Path(__file__).parent
STEP = "step"
VALID_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a matrix: `enough` are the smallest sets of people, by role."""

    matrix: "Matrix"
    name: str
    class_id: str
    where: Mapping[str, Any]
    is_step: bool
    limit: timedelta
    enough: tuple[tuple[str, ...], ...]

    @property
    def facts(self) -> dict[str, Any]:
        """Return the facts in which the row applies."""
        return {**self.matrix.calm, **self.where}

    @property
    def seats(self) -> int:
        """Return how many people it takes."""
        return len(self.enough[0])

    def is_enough(self, roles: Sequence[str]) -> bool:
        """Say whether distinct people with one role each are enough."""
        there = Counter(roles)
        return any(Counter(needed) <= there for needed in self.enough)

    def gate(self, declarer: str = "nobody") -> Gate:
        """Return the gate that a plan, or a step, of this row gets."""
        bundle = self.matrix.bundle
        kind = authorization_class(bundle, self.class_id)
        scope = STEP if self.is_step else PLAN_SCOPE
        values = {"facts": self.facts}
        of_step = class_slots(bundle, self.class_id)
        needs = of_step if self.is_step else plan_slots(bundle, self.class_id, values)
        plan = story.plan()
        plan = replace(
            plan,
            expires_at=plan.prepared_at + VALID_FOR,
            needs=needs,
            self_approval=kind.self_approval,
            distinct_teams=kind.distinct_teams,
            decision_limit=kind.limit,
        )
        return gate_of(seal(plan), scope, needs, declarer=declarer, candidates=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """One system: its configuration with stand-ins, and the facts when all is calm."""

    bundle: Bundle
    calm: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]

    @property
    def name(self) -> str:
        """Return the system's name."""
        return self.bundle.system.system

    @property
    def covers(self) -> frozenset[str]:
        """Return the requirements that classes and conditions name."""
        authorization = self.bundle.policy.authorization
        traced = (*authorization.classes, *authorization.conditions)
        return frozenset(name for each in traced for name in each.covers)

    def row(self, given: Mapping[str, Any]) -> Row:
        """Read a row."""
        return Row(
            matrix=self,
            name=given["row"],
            class_id=given["class"],
            where=given.get("where", {}),
            is_step=given.get("gate", False),
            limit=parse_duration(given["limit"]),
            enough=tuple(tuple(needed) for needed in given["enough"]),
        )


def stand_in(role: str, number: int = 1, *others: str) -> Person:
    """Return somebody who has a role, and others where they are given."""
    return Person(id=f"{role}-{number}", name=f"{role} {number}", roles=(role, *others))


def stand_ins(roles: Sequence[str]) -> tuple[Person, ...]:
    """Return distinct people, one a role; a role that is named twice gives two people."""
    seen: Counter[str] = Counter()
    found = []
    for role in roles:
        seen[role] += 1
        found.append(stand_in(role, seen[role]))
    return tuple(found)


def matrix_of(path: Path, each: int = 2) -> Matrix:
    """Read a matrix, with so many stand-ins a role."""
    given = YAML(typ="safe").load(path)
    listed = [
        people.Person(id=f"{role}-{number}", name=f"{role} {number}", roles=(role,))
        for role in given["roles"]
        for number in range(1, each + 1)
    ]
    roles = {role: people.Role(title=title) for role, title in given["roles"].items()}
    authorization = policies.Authorization(
        classes=given["classes"], conditions=given.get("conditions", ()), control=tuple(roles)
    )
    any_system = _any_system()
    bundle = replace(
        any_system,
        system=any_system.system.model_copy(update={"system": given["system"]}),
        people=people.People(roles=roles, people=tuple(listed)),
        policy=any_system.policy.model_copy(update={"authorization": authorization}),
        sources={},
    )
    return Matrix(bundle=bundle, calm=given.get("calm", {}), rows=given["rows"])


def matrices() -> tuple[Matrix, ...]:
    """Return all matrices."""
    return tuple(matrix_of(path) for path in sorted(FOLDER.glob("*.yaml")))


@cache
def _any_system() -> Bundle:
    """Return a system, for everything that a matrix does not say."""
    return loader.load_systems(PACKAGED)[0]
