"""ConfigMaps and Secrets that a workload reads."""

from __future__ import annotations

from pathlib import Path

from tests.real.bench.clusters import Cluster
from tests.real.kubernetes.stories.story import Story

FROM_SETTINGS = {"name": "settings", "key": "MODE"}


async def _configured(cluster: Cluster, _: Path) -> None:
    reads = {"env": [{"name": "MODE", "valueFrom": {"configMapKeyRef": FROM_SETTINGS}}]}
    holds = {"envFrom": [{"secretRef": {"name": "keys"}}]}
    container = {"name": "checkout", "image": "shop/checkout:1.0.0", **reads, **holds}
    made = cluster.deployment()
    made["spec"]["template"]["spec"]["containers"] = [container]
    cluster.apply(
        cluster.config_map("settings", MODE="open"),
        cluster.config_map("settings-before", MODE="shut"),
        cluster.secret("keys", KEY="leaked"),
        made,
    )
    await cluster.settled("checkout")


STORIES = (
    Story(
        uses="kubernetes.patch_configmap",
        inputs={"name": "settings", "key": "MODE", "value": "shut", "restart": ["checkout"]},
        before=_configured,
    ),
    Story(
        uses="kubernetes.replace_configmap",
        inputs={"name": "settings", "from_configmap": "settings-before", "restart": ["checkout"]},
        before=_configured,
    ),
    Story(
        uses="kubernetes.sync_secret",
        inputs={"name": "keys", "data": {"KEY": "env:KEY"}, "restart": ["checkout"]},
        before=_configured,
    ),
    Story(
        uses="kubernetes.revoke_secrets",
        inputs={
            "secrets": [{"name": "keys", "generate": ["KEY"]}],
            "restart": ["checkout"],
            "if_clean": True,
        },
        before=_configured,
    ),
)
