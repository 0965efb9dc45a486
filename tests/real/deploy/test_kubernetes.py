"""The manifests on a real API server: admitted, rolled out, kept through a drain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.real.bench import manifests
from tests.real.bench.api import RefusedError
from tests.real.bench.clusters import LOOK, PATIENCE, Cluster
from tests.real.deploy.manifests import applied, only, rendered

Json = Any
BOT = "app.kubernetes.io/name=backout,app.kubernetes.io/component=bot"


async def waited(what: str, found: Callable[[], bool]) -> None:
    """Wait until something of the cluster is so."""
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(LOOK)


@pytest.mark.parametrize(
    ("overlay", "components", "replicas"),
    [("single", (), 1), ("replicas", ("http",), 2)],
)
async def test_every_overlay_runs_where_only_restricted_pods_may(
    cluster: Cluster, overlay: str, components: tuple[str, ...], replicas: int
) -> None:
    """Server-side checks find nothing, and pods start under the strictest Pod Security."""
    objects = rendered(cluster, f"overlays/{overlay}", *components)
    applied(cluster, [only(objects, "Namespace")])
    assert "Warning" not in applied(cluster, objects, "--dry-run=server")
    applied(cluster, objects)
    await cluster.settled("backout")
    assert cluster.get("deployment", "backout")["status"]["readyReplicas"] == replicas
    assert len(cluster.all("pod", labels=BOT)) == replicas
    with pytest.raises(RefusedError, match="violates PodSecurity"):
        cluster.apply(privileged())


async def test_the_migration_runs_there_too_and_is_no_bot(cluster: Cluster) -> None:
    """The Job ends, and neither the Service nor the budget takes its pod for a bot."""
    objects = rendered(cluster, "overlays/replicas")
    applied(cluster, [only(objects, "Namespace"), only(objects, "Service")])
    applied(cluster, rendered(cluster, "migrate"))
    await cluster.settled("job/backout-migrate")
    assert cluster.get("job", "backout-migrate")["status"]["succeeded"] == 1
    assert cluster.all("pod", labels=BOT) == []
    assert len(cluster.all("pod", labels="app.kubernetes.io/name=backout")) == 1


async def test_a_drain_leaves_one_of_two_replicas(cluster: Cluster) -> None:
    """An eviction is let through while two bots are ready, and refused for the last one."""
    applied(cluster, rendered(cluster, "overlays/replicas"))
    await cluster.settled("backout")
    await waited("one may go", lambda: allowed(cluster) == 1)
    evict(cluster, str(cluster.all("pod", labels=BOT)[0]["metadata"]["name"]))
    cluster.patch("deployment", "backout", {"spec": {"replicas": 1}})
    await cluster.settled("backout")
    await waited("no more may go", lambda: allowed(cluster) == 0)
    await waited("one is left", lambda: len(cluster.all("pod", labels=BOT)) == 1)
    [last] = cluster.all("pod", labels=BOT)
    with pytest.raises(RefusedError, match="disruption budget") as refused:
        evict(cluster, last["metadata"]["name"])
    assert refused.value.status == 429


async def test_an_update_that_never_gets_ready_takes_no_bot_away(cluster: Cluster) -> None:
    """With a release that does not become ready, both bots of before go on."""
    applied(cluster, rendered(cluster, "overlays/replicas"))
    await cluster.settled("backout")
    cluster.kubectl("set", "image", "deployment/backout", "backout=unready:2")
    await waited(
        "the new pod",
        lambda: cluster.get("deployment", "backout")["status"].get("updatedReplicas") == 1,
    )
    await waited("it runs", lambda: images(cluster)["unready:2"] == ["Running"])
    assert cluster.get("deployment", "backout")["status"]["availableReplicas"] == 2
    assert len(images(cluster)["backout:0.1.0"]) == 2


async def test_one_bot_ends_before_the_next_one_starts(cluster: Cluster) -> None:
    """With one journal on a volume there are never two pods, not even while updating."""
    applied(cluster, rendered(cluster, "overlays/single"))
    await cluster.settled("backout")
    cluster.kubectl("set", "image", "deployment/backout", "backout=unready:2")
    await waited("the new pod", lambda: "unready:2" in images(cluster))
    assert list(images(cluster)) == ["unready:2"]


def test_a_setting_that_is_changed_makes_new_pods(cluster: Cluster) -> None:
    """ConfigMaps carry a digest of their content, so that a change of it is a rollout."""
    before, after = (
        only(rendered(cluster, "overlays/single", *components), "Deployment")
        for components in ((), ("http",))
    )
    names = [
        each["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
        for each in (before, after)
    ]
    assert names[0] != names[1]


def allowed(cluster: Cluster) -> int:
    """Return how many bots may be taken away."""
    status = cluster.get("poddisruptionbudget", "backout").get("status") or {}
    return int(status.get("disruptionsAllowed", 0))


def evict(cluster: Cluster, pod: str) -> None:
    """Ask for a pod to be taken away, as a drain does."""
    path = cluster.api.path(cluster.namespace, "v1/Pod", pod, sub="eviction")
    cluster.api.call("POST", path, manifests.made("policy/v1", "Eviction", pod))


def images(cluster: Cluster) -> dict[str, list[str]]:
    """Return the phases of the bots, by image."""
    found: dict[str, list[str]] = {}
    for pod in cluster.all("pod", labels=BOT):
        if "deletionTimestamp" not in pod["metadata"]:
            image = pod["spec"]["containers"][0]["image"]
            found.setdefault(image, []).append(pod["status"].get("phase", ""))
    return found


def privileged() -> Json:
    """Return a pod that the restricted standard refuses."""
    container = {"name": "shell", "image": "shell:1", "securityContext": {"privileged": True}}
    return manifests.made("v1", "Pod", "shell", spec={"containers": [container]})
