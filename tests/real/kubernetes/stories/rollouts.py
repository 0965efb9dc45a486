"""Rollouts that are awaited, begun again and taken back, and images that are set."""

from __future__ import annotations

from pathlib import Path

from tests.real.bench.clusters import Cluster
from tests.real.kubernetes.stories.story import Story, shop


async def _two_templates(cluster: Cluster, _: Path) -> None:
    for tag in ("1.0.0", "1.1.0"):
        cluster.apply(cluster.deployment(image=f"shop/checkout:{tag}"))
        await cluster.settled("checkout")


STORIES = (
    Story(
        uses="kubernetes.rollout_wait",
        inputs={"names": ["checkout"]},
        before=shop,
        seldom=('{apiGroups: [""], resources: ["pods"], verbs: ["list"]}',),  # who is late, and why
    ),
    Story(uses="kubernetes.rollout_restart", inputs={"names": ["checkout"]}, before=shop),
    Story(
        uses="kubernetes.rollout_undo",
        inputs={"targets": [{"name": "checkout", "to": {"images": "shop/checkout:1.0.0"}}]},
        before=_two_templates,
    ),
    Story(
        uses="kubernetes.set_image",
        inputs={"name": "checkout", "container": "checkout", "image": "shop/checkout:0.9.0"},
        before=shop,
    ),
)
