"""Pods that are cut off."""

from __future__ import annotations

import json
from pathlib import Path

from adapters.kubernetes import policies
from tests.real.bench.clusters import Cluster
from tests.real.kubernetes.stories.story import Story

COMMAND = ["nc", "-zw2", "orders", "80"]


async def _enforced(cluster: Cluster, _: Path) -> None:
    refused = json.dumps({" ".join(COMMAND): [1, "", "nc: timed out"]})
    cluster.apply(cluster.deployment(annotations={"bench/exec": refused}))
    await cluster.settled("checkout")


async def _cut_off(cluster: Cluster, _: Path) -> None:
    cluster.apply(cluster.deployment(), MADE)
    await cluster.settled("checkout")


MADE = policies.manifest(
    {"podSelector": {"matchLabels": {"app": "checkout"}}, "policyTypes": ["Ingress", "Egress"]},
    incident="INC-7",
    step="isolate",
)
"""What `kubernetes.isolate_network` makes of a step."""

STORIES = (
    Story(
        uses="kubernetes.isolate_network",
        inputs={
            "pods": "app=checkout",
            "allow_from": [{"namespaces": ["forensics"]}],
            "probes": [{"pods": "app=checkout", "command": COMMAND}],
        },
        before=_enforced,
        # Servers since 1.35 ask for it beside `get`, for one and the same request.
        seldom=('{apiGroups: [""], resources: ["pods/exec"], verbs: ["create"]}',),
    ),
    Story(
        uses="kubernetes.lift_isolation",
        inputs={"from_step": "isolate"},
        captures={"isolate": {"policy": MADE["metadata"]["name"], "uid": None, "probes": []}},
        before=_cut_off,
    ),
)
