"""From a system's people to the chain of an incident, and from names that people type to people."""

from dataclasses import replace
from pathlib import Path

import pytest

from config.loader import load_system
from config.models.bundles import Bundle
from config.models.people import Vendor
from flows.escalating import Callees, at_once, chain_of, find, names
from flows.gates import Person

AIVO = Path(__file__).parents[2] / "config" / "systems" / "aivo"
NOBODY = Person(id="slack:U1", name="Somebody")


@pytest.fixture(scope="module")
def aivo() -> Bundle:
    """Return AIVO as it is configured."""
    return load_system(AIVO)


def nowhere(_: object) -> None:
    """Know nobody in Slack."""


def chained(bundle: Bundle, declarer: str) -> list[tuple[int, tuple[str, ...], float]]:
    """Return a chain in short."""
    person = replace(NOBODY, id=declarer)
    chain = chain_of(bundle, person, nowhere)
    return [(rung.level, tuple(p.id for p in rung.people), rung.lasts) for rung in chain]


@pytest.mark.covers("AIVO-E1", "AIVO-E2", "AIVO-E3", "AIVO-Q5")
def test_aivo_calls_its_levels_at_0_5_and_15_minutes(aivo: Bundle) -> None:
    """The primary on-call first, the secondary two minutes later, then leads, then executives."""
    assert chained(aivo, "slack:U1") == [
        (1, ("marcus-rodriguez",), 120.0),
        (1, ("emily-watson",), 180.0),
        (2, ("jennifer-liu", "alex-thompson"), 600.0),
        (3, ("david-park", "sarah-kim", "michael-chen"), 300.0),
    ]


def test_who_declared_is_not_called(aivo: Bundle) -> None:
    """The secondary is called at once where the primary declared, and has the whole time."""
    assert chained(aivo, "marcus-rodriguez")[0] == (1, ("emily-watson",), 300.0)
    assert chained(aivo, "emily-watson")[0] == (1, ("marcus-rodriguez",), 300.0)
    assert chained(aivo, "jennifer-liu")[2] == (2, ("alex-thompson",), 600.0)


@pytest.mark.parametrize(
    ("facts", "levels"),
    [
        ({"affected_users": 1001}, ["level:3"]),
        ({"affected_users": 1000}, []),
        ({}, []),
    ],
)
def test_executives_are_called_at_once_above_a_thousand_users(
    aivo: Bundle, facts: dict[str, int], levels: list[str]
) -> None:
    """What is unknown wakes no executive; the chain reaches them anyway."""
    asked = list(at_once(aivo, "david-park", {"facts": facts}, nowhere))
    assert [each.subject for each in asked] == levels
    for each in asked:
        assert each.once
        assert each.why == "More than 1,000 users are affected"
        assert [person.id for person in each.people] == ["sarah-kim", "michael-chen"]


@pytest.mark.parametrize(
    ("said", "subject", "people"),
    [
        ("2", "level:2", ["jennifer-liu", "alex-thompson"]),
        ("Level 2", "level:2", ["jennifer-liu", "alex-thompson"]),
        ("executives", "level:3", ["david-park", "sarah-kim", "michael-chen"]),
        ("eng_lead", "role:eng_lead", ["jennifer-liu", "alex-thompson"]),
        ("@sre-oncall", "role:oncall", ["marcus-rodriguez", "emily-watson"]),
        ("@Jennifer  Liu", "person:jennifer-liu", ["jennifer-liu"]),
        ("alex-thompson", "person:alex-thompson", ["alex-thompson"]),
        ("release_manager", "role:release_manager", []),
    ],
)
def test_names_that_people_type(aivo: Bundle, said: str, subject: str, people: list[str]) -> None:
    """Levels, roles, user groups and people are found by what they are called."""
    found = find(aivo, said, nowhere)
    assert isinstance(found, Callees)
    assert found.subject == subject
    assert [person.id for person in found.people] == people


def test_vendors_are_found_and_a_misspelt_name_is_not(aivo: Bundle) -> None:
    """A vendor is told apart from people; nobody is called for a name that nobody has."""
    assert isinstance(find(aivo, "AWS Enterprise Support", nowhere), Vendor)
    assert isinstance(find(aivo, "cloudflare", nowhere), Vendor)
    assert find(aivo, "jenifer", nowhere) is None
    assert {"level 1", "oncall", "marcus-rodriguez", "aws"} <= set(names(aivo))
