"""Workloads that read ConfigMaps and Secrets, for the tests of changes of these."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.kubernetes.templates import RESTARTED_BY
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster

Json = Any
Make = Callable[..., Use]
PATCH, REPLACE = "kubernetes.patch_configmap", "kubernetes.replace_configmap"
SYNC, REVOKE = "kubernetes.sync_secret", "kubernetes.revoke_secrets"
URL = "postgres://shop:old-password@db-1:5432/shop?sslmode=require"
KEPT = {
    "NEW_PASSWORD": "new-password",
    "NEW_URL": "postgres://shop:new-password@db-2:5432/shop",
    "ALL": json.dumps({"PASSWORD": "new-password", "USER": "shop-2"}),
}
WORDS = ("old-password", "new-password", "shop-2", base64.b64encode(b"old-password").decode())
REAL_WRITE = r"(?!.*dryRun=)"
"""What the paths of requests that change something end with."""


def keep_values(*contexts: FakeContext) -> None:
    """Keep values outside of the cluster."""
    for context in contexts:
        context.surroundings = replace(context.surroundings, secret=_resolve)


def _resolve(reference: str) -> str:
    return KEPT[reference.removeprefix("env:")]


def reader(cluster: Cluster, name: str, *, replicas: int = 1, **container: Json) -> Json:
    """Return a Deployment whose container reads something."""
    found = cluster.deployment(name, replicas=replicas)
    found["spec"]["template"]["spec"]["containers"][0] |= container
    return found


def variable(source: str, name: str, key: str, *, optional: bool = False) -> Json:
    """Return one variable of a container from an entry: of `configMap` or `secret`."""
    reference = {"name": name, "key": key, "optional": optional}
    return [{"name": key, "valueFrom": {f"{source}KeyRef": reference}}]


def everything_from(source: str, name: str) -> Json:
    """Return all variables of a container from one object."""
    return [{f"{source}Ref": {"name": name}}]


def restarted_by(cluster: Cluster, name: str) -> str:
    """Return the mark of the last restart."""
    template = cluster.get("deployment", name)["spec"]["template"]
    found: str = (template["metadata"].get("annotations") or {}).get(RESTARTED_BY, "")
    return found


def values(cluster: Cluster, name: str) -> dict[str, str]:
    """Return what a Secret holds."""
    data = cluster.get("secret", name).get("data") or {}
    return {key: base64.b64decode(text).decode() for key, text in data.items()}


def tells_nothing(*told: object) -> None:
    """Fail where anything that people or the journal see holds a secret."""
    text = " ".join(map(repr, told))
    assert [word for word in WORDS if word in text] == []


async def shop(cluster: Cluster) -> None:
    """Two readers of a ConfigMap by environment, and one that reads nothing."""
    cluster.apply(
        cluster.config_map("app-config", READ_ONLY_MODE="false", DATABASE_URL=URL),
        reader(cluster, "users", envFrom=everything_from("configMap", "app-config")),
        reader(cluster, "orders", env=variable("configMap", "app-config", "READ_ONLY_MODE")),
        cluster.deployment("idle", replicas=1),
    )
    await cluster.settled("users", "orders", "idle")


async def budget_is_seen(cluster: Cluster) -> None:
    """Wait until the controller has counted the pods of the budget."""
    for _ in range(200):
        if "disruptionsAllowed" in (
            cluster.get("poddisruptionbudget", "users").get("status") or {}
        ):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the budget was not seen")
