"""Workloads that are stopped and started again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adapters.kubernetes.scaling import PAUSED
from tests.real.bench.clusters import Cluster
from tests.real.kubernetes.stories.story import Story

Json = Any


def _recorded(kind: str, name: str, of: str, before: Json, sets: Json) -> Json:
    about = {"kind": of, "name": name}
    return {"kind": kind, "name": name, "of": about, "before": before, "set": sets}


STOPPED = {
    "settings": [
        _recorded("Deployment", "checkout", "Deployment", 2, 0),
        _recorded("StatefulSet", "postgres", "StatefulSet", 1, 0),
        _recorded("CronJob", "reports", "CronJob", False, True),
        _recorded("ScaledObject", "checkout", "Deployment", None, "0"),
    ],
    "autoscalers": [],
}
"""What a stop of everything records, as `kubernetes.scale` captures it."""


async def _watched(cluster: Cluster, _: Path) -> None:
    cluster.apply(cluster.deployment(), cluster.scaled_object())
    await cluster.settled("checkout")


async def _stopped(cluster: Cluster, _: Path) -> None:
    paused = cluster.scaled_object()
    paused["metadata"]["annotations"] = {PAUSED: "0"}
    cluster.apply(
        cluster.deployment(replicas=0),
        cluster.stateful_set(replicas=0),
        cluster.cron_job("reports", suspend=True),
        paused,
    )
    await cluster.settled("checkout", "statefulset/postgres")


STORIES = (
    Story(uses="kubernetes.scale", inputs={"names": ["checkout"], "replicas": 0}, before=_watched),
    Story(
        uses="kubernetes.restore_scale",
        inputs={"from_step": "stop"},
        captures={"stop": STOPPED},
        before=_stopped,
    ),
)
