"""The rights of procedures: from what is configured, with anything for what is not known yet."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from adapters.registry import ActionRegistry
from config.models.bundles import Bundle
from config.models.systems import System
from flows.actions import ANY, Permission
from flows.rights import RightsError, needed
from tests.flows.estate import Set, SetInputs, bundle, step

Json = Any


class Guarded(Set):
    """Needs a right on what it sets."""

    uses = "fake.set"
    example: ClassVar[Mapping[str, Json]] = {"name": "release", "to": "good"}

    def __init__(self) -> None:
        """Need no estate: nothing is asked of it."""

    def permissions(self, inputs: SetInputs, system: System) -> tuple[Permission, ...]:
        """Need to patch the one thing, or any."""
        name = "" if inputs.name == ANY else inputs.name
        return (Permission(kind="kubernetes", verb="patch", resource="things", name=name),)


REGISTRY = ActionRegistry({"fake.set": Guarded()})


def system_with(*inputs: Mapping[str, Json]) -> Bundle:
    """Return a system whose procedure does nothing but set these."""
    steps = tuple(step(f"set-{n}", "fake.set", **{"with": each}) for n, each in enumerate(inputs))
    made = bundle(restore=steps, validate=())
    procedure = made.procedures["back"].model_copy(update={"assess": ()})
    policy = made.policy.model_copy(update={"facts": ()})
    return replace(made, procedures={"back": procedure}, policy=policy)


def patch(name: str) -> Permission:
    """Return the right to patch a thing."""
    return Permission(kind="kubernetes", verb="patch", resource="things", name=name)


def test_names_in_the_configuration_are_the_names_of_the_rights() -> None:
    """Each object that is named, once, with the steps that need it."""
    found = needed(
        system_with(
            {"name": "release", "to": "good"},
            {"name": "status", "to": "on"},
            {"name": "release", "to": "best"},
        ),
        REGISTRY,
    )
    assert found == {
        patch("release"): ("back/set-0", "back/set-2"),
        patch("status"): ("back/set-1",),
    }


@pytest.mark.parametrize(
    "late", ["{{ steps.find.name }}", "{{ facts.culprit }}", "{{ inputs.nobody_gave_it }}"]
)
def test_what_is_not_known_yet_can_be_any(late: str) -> None:
    """A name that comes during the incident is no name in the right."""
    assert list(needed(system_with({"name": late, "to": "good"}), REGISTRY)) == [patch("")]


def test_inputs_that_do_not_fit_are_named_with_their_step() -> None:
    """The sentence says which step, and what is missing."""
    with pytest.raises(RightsError, match=r"back/set-0 \(fake.set\): to: Field required"):
        needed(system_with({"name": "release"}), REGISTRY)
