"""Rollouts that get nowhere, brought about without a race against the stand-in's kubelets."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.real.bench.clusters import Cluster

Json = Any
REVISION = "deployment.kubernetes.io/revision"
LOOK = 0.05


async def given_up(cluster: Cluster, name: str, *, because: str) -> None:
    """Let the controller give a Deployment up, once a new pod of it waits for this reason.

    A short deadline from the start could pass before the kubelet has said what is wrong.
    """
    await observed(cluster, name)
    while not any(because in waiting(each) for each in newest(cluster, name)):
        await asyncio.sleep(LOOK)
    cluster.patch("deployment", name, {"spec": {"progressDeadlineSeconds": 1}})


async def observed(cluster: Cluster, name: str) -> None:
    """Wait until the controller has seen a Deployment as it is."""
    while True:
        found = cluster.get("deployment", name)
        if found["status"].get("observedGeneration") == found["metadata"]["generation"]:
            return
        await asyncio.sleep(LOOK)


async def broken(cluster: Cluster, app: str, *, because: str) -> None:
    """Wait until a pod of an app waits for this reason."""
    while not any(because in waiting(each) for each in cluster.all("pod", labels=f"app={app}")):
        await asyncio.sleep(LOOK)


def newest(cluster: Cluster, name: str) -> list[Json]:
    """Return the pods of a Deployment's newest template."""
    revision = cluster.get("deployment", name)["metadata"]["annotations"][REVISION]
    owners = {
        each["metadata"]["uid"]
        for each in cluster.all("replicaset", labels=f"app={name}")
        if each["metadata"]["annotations"][REVISION] == revision
    }
    return [
        each
        for each in cluster.all("pod", labels=f"app={name}")
        if owners & {owner["uid"] for owner in each["metadata"].get("ownerReferences") or ()}
    ]


def waiting(pod: Json) -> set[str]:
    """Return why a pod's containers wait."""
    states = [each["state"] for each in pod["status"].get("containerStatuses") or ()]
    return {each["waiting"]["reason"] for each in states if "waiting" in each}
