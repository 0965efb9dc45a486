"""The Kubernetes bench: what the other tests of this tier rely on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flows.actions import Holds
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.helms import Helm


async def test_workloads_run_and_jobs_end(cluster: Cluster) -> None:
    """The controllers make pods, the nodes let them run, and a job's pod ends."""
    cluster.apply(cluster.deployment(), cluster.stateful_set(), cluster.daemon_set(), cluster.job())
    await cluster.settled("checkout", "statefulset/postgres", "daemonset/agent", "job/migrate")
    assert cluster.get("job", "migrate")["status"]["succeeded"] == 1
    assert len(cluster.all("pod")) == 6


async def test_an_action_is_used_as_on_the_simulated_estate(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """One action goes through preview, apply, verify and undo against the real API server."""
    cluster.apply(cluster.deployment())
    await cluster.settled("checkout")
    scale = use("kubernetes.scale", names=["checkout"], replicas=0)
    assert (await scale.preview()).changes[0].after == "0 pods"
    await scale.apply()
    assert isinstance(await scale.outcome(), Holds)
    assert cluster.get("deployment", "checkout")["spec"]["replicas"] == 0
    await scale.undo()
    await cluster.settled("checkout")
    assert cluster.get("deployment", "checkout")["spec"]["replicas"] == 2


async def test_both_helms_install_and_upgrade(
    cluster: Cluster, helm: Helm, helm4: Helm, chart: Path
) -> None:
    """Helm 3 and Helm 4 install, upgrade and roll back the chart and wait for its pods."""
    for each in (helm, helm4):
        name = each.path.name
        each.release(name, chart, "--wait")
        each.release(name, chart, "--wait", image="shop/checkout:2.0.0")
        each("rollback", name, "1", "--wait")
        assert [r["status"] for r in each.history(name)][-1] == "deployed"
        assert len(each.history(name)) == 3
        template = cluster.get("deployment", name)["spec"]["template"]
        assert template["spec"]["containers"][0]["image"] == "shop/checkout:1.0.0"
