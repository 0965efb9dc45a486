"""Workloads that are stopped and started again."""

from __future__ import annotations

from pathlib import Path

from tests.real.bench.clusters import Cluster
from tests.real.kubernetes.stories.story import Story, shop


async def _stopped(cluster: Cluster, _: Path) -> None:
    cluster.apply(cluster.deployment(replicas=0))
    await cluster.settled("checkout")


RECORDED = {
    "workloads": [{"kind": "Deployment", "name": "checkout", "replicas": 2}],
    "autoscalers": [],
}
STORIES = (
    Story(uses="kubernetes.scale", inputs={"names": ["checkout"], "replicas": 0}, before=shop),
    Story(
        uses="kubernetes.restore_scale",
        inputs={"from_step": "stop"},
        captures={"stop": RECORDED},
        before=_stopped,
    ),
)
