"""A plain use of each action that speaks to Kubernetes: what is there before, and its inputs.

Told in tests that hold for every action: the least rights suffice, and the simulated cluster
answers as the real one does. A contract below sees to it that no action is left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.actions import Holds
from tests.adapters.uses import Use
from tests.real.bench import assets
from tests.real.bench.clusters import Cluster
from tests.real.bench.helms import Helm, write_chart

Json = Any


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


async def _shop(cluster: Cluster, _: Path) -> None:
    cluster.apply(cluster.deployment(), cluster.service())
    await cluster.settled("checkout")


async def _stopped(cluster: Cluster, _: Path) -> None:
    cluster.apply(cluster.deployment(replicas=0))
    await cluster.settled("checkout")


async def _released_twice(cluster: Cluster, folder: Path) -> None:
    helm, chart = Helm(assets.program("helm"), cluster), write_chart(folder / "shop")
    helm.release("checkout", chart, "--wait")
    helm.release("checkout", chart, "--wait", image="shop/checkout:1.1.0")


RECORDED = {
    "workloads": [{"kind": "Deployment", "name": "checkout", "replicas": 2}],
    "autoscalers": [],
}
STORIES: tuple[Story, ...] = (
    Story(uses="kubernetes.list_unready", inputs={}, before=_shop),
    Story(uses="kubernetes.rollout_wait", inputs={"names": ["checkout"]}, before=_shop),
    Story(uses="kubernetes.rollout_restart", inputs={"names": ["checkout"]}, before=_shop),
    Story(uses="kubernetes.scale", inputs={"names": ["checkout"], "replicas": 0}, before=_shop),
    Story(
        uses="kubernetes.restore_scale",
        inputs={"from_step": "stop"},
        captures={"stop": RECORDED},
        before=_stopped,
    ),
    Story(uses="helm.history", inputs={"release": "checkout"}, before=_released_twice),
    Story(
        uses="helm.rollback",
        inputs={"release": "checkout", "revision": 1, "timeout": "30s"},
        before=_released_twice,
    ),
)
