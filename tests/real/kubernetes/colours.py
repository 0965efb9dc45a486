"""Deployments of two colours and Services between them, for the tests of traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.real.bench import manifests
from tests.real.bench.clusters import Cluster

Json = Any

KEY = "deployment-color"
REAL_PATCH = r"^(?!.*dryRun)"
"""What paths of requests begin with that change something."""


def coloured(name: str, colour: str, *, image: str = "", replicas: int = 2) -> Json:
    """Return a Deployment of one colour of a service."""
    labels = {"app": name, KEY: colour}
    template = manifests.pod_template(name, image or f"shop/{name}:{colour}")
    template["metadata"]["labels"] = labels
    return manifests.deployment(
        f"{name}-{colour}", replicas=replicas, template=template, selector={"matchLabels": labels}
    )


def pointing(name: str, colour: str, **labels: str) -> Json:
    """Return a Service that selects one colour."""
    made = manifests.service(name, selector={"app": name, KEY: colour})
    made["metadata"]["labels"] = {"part-of": "shop", **labels}
    return made


def pods_ready(cluster: Cluster, app: str, colour: str) -> tuple[int, int]:
    """Return how many pods of a colour there are, and how many are ready."""
    pods = [
        {c["type"]: c["status"] for c in pod["status"].get("conditions") or ()}
        for pod in cluster.all("pod", labels=f"app={app},{KEY}={colour}")
        if "deletionTimestamp" not in pod["metadata"]
    ]
    return len(pods), sum(1 for each in pods if each.get("Ready") == "True")


def serving(cluster: Cluster, service: str) -> int:
    """Return how many ready endpoints a Service's traffic reaches."""
    slices = cluster.all("endpointslice", labels=f"kubernetes.io/service-name={service}")
    endpoints = [endpoint for part in slices for endpoint in part.get("endpoints") or ()]
    return sum(1 for each in endpoints if each["conditions"].get("ready") is not False)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for the cluster."""
    async with asyncio.timeout(90):
        while not holds():
            await asyncio.sleep(0.05)
