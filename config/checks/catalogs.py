"""What the checks need to know of actions.  `adapters.registry` has it, `bot` passes it in."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol, runtime_checkable


class ActionCatalog(Protocol):
    """The actions that are there, and what they think of inputs."""

    def names(self) -> Collection[str]:
        """Return the name of every action."""
        ...

    def problems(
        self, uses: str, with_: Mapping[str, Any], unknown: frozenset[str]
    ) -> list[tuple[tuple[str, ...], str]]:
        """Return (path inside the inputs, message) for each thing wrong with an action's inputs.

        Inputs named in `unknown` hold templates whose values are only known later.
        """
        ...


@runtime_checkable
class KnowsOutputs(Protocol):
    """A catalog that can also say what an action gives; then `steps.x.y` is checked to the end."""

    def outputs(self, uses: str) -> Collection[str]:
        """Return the names of an action's output fields."""
        ...
