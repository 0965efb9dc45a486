"""A plain use of an action that speaks to Kubernetes: what is there before, and its inputs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from flows.actions import Holds
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster

Json = Any
NEW = "what every secret is to be"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """`before` makes what the action needs; `captures` are those of earlier steps.

    `seldom` are rules that the action needs, but not when all goes well.
    """

    uses: str
    inputs: Mapping[str, Json]
    before: Callable[[Cluster, Path], Awaitable[None]]
    captures: Mapping[str, Json] = field(default_factory=dict)
    seldom: tuple[str, ...] = ()

    def use(self, make: Callable[..., Use]) -> Use:
        """Return the use in a context."""
        made = make(self.uses, **self.inputs)
        made.context.captures = dict(self.captures)
        made.context.surroundings = replace(made.context.surroundings, secret=lambda _: NEW)
        return made

    async def tell(self, use: Use) -> None:
        """Go through every verb; a change must take effect, and be undone where it can be."""
        await use.preview()
        if use.action.effect != "reads":
            await use.apply()
        verdict = await use.outcome()
        assert isinstance(verdict, Holds), verdict
        if use.action.undoable:
            await use.undo()


async def shop(cluster: Cluster, _: Path) -> None:
    """Run one Deployment behind one Service."""
    cluster.apply(cluster.deployment(), cluster.service())
    await cluster.settled("checkout")
