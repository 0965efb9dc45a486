"""`kubernetes.rollout_restart` and `rollout_wait` on the real API server and its controllers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from flows.actions import Holds, NotYet, PermanentError, Refuted
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults, stuck

Uses = Callable[..., Use]
RESTART, WAIT = "kubernetes.rollout_restart", "kubernetes.rollout_wait"
MARK = "backout.dev/restarted-by"


def pods(cluster: Cluster, name: str) -> set[str]:
    """Return the UIDs of an app's pods that do not leave."""
    every = cluster.all("pod", labels=f"app={name}")
    return {
        each["metadata"]["uid"] for each in every if "deletionTimestamp" not in each["metadata"]
    }


def mark_of(cluster: Cluster, name: str, kind: str = "deployment") -> str:
    """Return the mark on a pod template; empty without one."""
    template = cluster.get(kind, name)["spec"]["template"]
    return str((template["metadata"].get("annotations") or {}).get(MARK, ""))


async def test_restart_replaces_every_pod_once(cluster: Cluster, use: Uses) -> None:
    """All pods of before are gone and as many new ones ready; a repeat replaces none of them."""
    cluster.apply(cluster.deployment(replicas=3))
    await cluster.settled("checkout")
    before = pods(cluster, "checkout")
    restart = use(RESTART, names=["checkout"])
    seen = await restart.preview()
    assert [(c.subject, c.before, c.after) for c in seen.changes] == [
        ("checkout", "3 pods", "3 pods, all new")
    ]
    assert (seen.in_place, seen.touches) == (False, 1)
    assert mark_of(cluster, "checkout") == ""
    await restart.apply()
    done = await restart.outcome()
    assert isinstance(done, Holds)
    assert done.output == {"restarted": ["checkout"], "ready": 3, "desired": 3}
    after = pods(cluster, "checkout")
    assert len(after) == 3
    assert not after & before
    await restart.apply()
    assert (await restart.preview()).in_place
    assert await restart.undo()
    assert pods(cluster, "checkout") == after


async def test_another_step_restarts_again(cluster: Cluster, use: Uses) -> None:
    """The mark of an earlier step is no reason to leave the pods."""
    cluster.apply(cluster.deployment())
    await cluster.settled("checkout")
    for step in ("first", "second"):
        restart = use(RESTART, step, names=["checkout"])
        before = pods(cluster, "checkout")
        await restart.apply()
        assert isinstance(await restart.outcome(), Holds)
        assert not pods(cluster, "checkout") & before


async def test_in_order_waits_for_each(
    cluster: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """The second is marked only when the first runs its new pods, ready, and nothing else."""
    cluster.apply(cluster.deployment("auth"), cluster.stateful_set("store", "shop/store:1"))
    await cluster.settled("auth", "statefulset/store")
    before, seen = pods(cluster, "auth"), []
    gateway.before(
        lambda: seen.append(pods(cluster, "auth")), method="PATCH", path=r"/store\?fieldManager"
    )
    restart = use_through(RESTART, names=["auth", "statefulset/store"], in_order=True)
    assert "one after the other" in (await restart.preview()).summary
    await restart.apply()
    assert len(seen) == 1
    assert len(seen[0]) == 2
    assert not seen[0] & before
    assert isinstance(await restart.outcome(), Holds)


async def test_in_order_ends_at_the_first_that_does_not_come_up(
    cluster: Cluster, use: Uses
) -> None:
    """A restart that breaks one workload is not done to the next."""
    strategy = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    cluster.apply(cluster.deployment("auth", strategy=strategy), cluster.deployment("web"))
    await cluster.settled("auth", "web")
    cluster.apply(cluster.deployment("auth", replicas=0))
    await cluster.settled("auth")
    cluster.apply(cluster.deployment("auth", "shop/auth:bad", replicas=0))
    await cluster.settled("auth")
    cluster.patch("deployment", "auth", {"spec": {"replicas": 1}})
    restart = use(RESTART, names=["auth", "web"], in_order=True)
    restarting = asyncio.create_task(faults.attempt(restart))
    while not mark_of(cluster, "auth"):
        await asyncio.sleep(0.05)
    await stuck.given_up(cluster, "auth", because="ImagePullBackOff")
    with pytest.raises(PermanentError, match="auth did not come up again") as caught:
        await restarting
    assert "image can't be pulled" in str(caught.value)
    assert "web were not restarted" in str(caught.value)
    assert mark_of(cluster, "web") == ""


async def test_another_strategy_is_drift_and_a_release_is_none(cluster: Cluster, use: Uses) -> None:
    """People approved that pods are replaced a few at a time; an earlier step may deploy."""
    cluster.apply(cluster.deployment())
    await cluster.settled("checkout")
    restart = use(RESTART, names=["checkout"])
    planned = (await restart.preview()).fingerprint
    cluster.apply(cluster.deployment(image="shop/checkout:1.1.0", replicas=3))
    await cluster.settled("checkout")
    assert (await restart.preview()).fingerprint == planned
    recreate = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
    cluster.patch("deployment", "checkout", recreate)
    seen = await restart.preview()
    assert seen.fingerprint != planned
    assert any("(Recreate)" in each for each in seen.warnings)


async def test_release_at_the_same_moment_is_not_overwritten(
    cluster: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """The patch writes its own annotation and nothing else of the template."""
    cluster.apply(cluster.deployment())
    await cluster.settled("checkout")
    gateway.before(
        lambda: cluster.kubectl("set", "image", "deployment/checkout", "checkout=shop/checkout:2"),
        method="PATCH",
        path=r"/checkout\?fieldManager",
    )
    restart = use_through(RESTART, names=["checkout"])
    await restart.apply()
    assert isinstance(await restart.outcome(), Holds)
    (container,) = cluster.get("deployment", "checkout")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "shop/checkout:2"


async def test_tight_budget_is_told(cluster: Cluster, use: Uses) -> None:
    """A restart does not ask a disruption budget, so people have to know of it."""
    cluster.apply(cluster.deployment(), cluster.disruption_budget(least=2))
    await cluster.settled("checkout")
    while not (cluster.get("poddisruptionbudget", "checkout").get("status") or {}).get(
        "currentHealthy"
    ):
        await asyncio.sleep(0.05)
    warnings = (await use(RESTART, names=["checkout"]).preview()).warnings
    assert any("budget checkout allows no pod to be missing" in each for each in warnings)


async def test_partition_keeps_pods_back(cluster: Cluster, use: Uses) -> None:
    """What a partition leaves as it is, is told and not waited for."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    cluster.apply(cluster.stateful_set("store", "shop/store:1", replicas=3))
    await cluster.settled("statefulset/store")
    cluster.patch("statefulset", "store", {"spec": {"updateStrategy": strategy}})
    before = pods(cluster, "store")
    restart = use(RESTART, names=["store"], kind="StatefulSet")
    assert any("from number 2 on" in each for each in (await restart.preview()).warnings)
    await restart.apply()
    done = await restart.outcome()
    assert isinstance(done, Holds)
    assert "a partition keeps 2 pods as before" in done.summary
    assert len(pods(cluster, "store") & before) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"names": ["gone", "checkout"]}, "There is no workload gone in namespace"),
        ({"names": []}, "No workload is named"),
        ({"names": ["paused"]}, "paused is paused"),
        ({"names": ["daemonset/agent"]}, "only when they are deleted"),
    ],
)
async def test_restarts_that_are_refused(
    cluster: Cluster, use: Uses, given: dict[str, Any], said: str
) -> None:
    """What would do nothing, or something else than was meant, is refused in the preview."""
    cluster.apply(
        cluster.deployment(),
        cluster.deployment("paused", paused=True),
        cluster.daemon_set(updateStrategy={"type": "OnDelete"}),
    )
    restart = use(RESTART, **given)
    with pytest.raises(PermanentError, match=said):
        await restart.preview()
    assert mark_of(cluster, "checkout") == ""


@pytest.mark.parametrize("in_order", [False, True])
async def test_failing_server_at_a_restart(
    cluster: Cluster, gateway: Gateway, use_through: Uses, in_order: bool
) -> None:
    """Every refusal, lost and missing answer is told apart, and no pod is replaced twice."""
    cluster.apply(cluster.deployment())
    await cluster.settled("checkout")
    await faults.check(use_through(RESTART, names=["checkout"], in_order=in_order), gateway)


def everything(cluster: Cluster, *, tag: str = "1") -> None:
    """Run one workload of each kind, and one that is stopped."""
    cluster.apply(
        cluster.deployment("web", f"shop/web:{tag}"),
        cluster.deployment("stopped", replicas=0),
        cluster.stateful_set("store", f"shop/store:{tag}"),
        cluster.daemon_set("agent", f"shop/agent:{tag}"),
    )


async def test_wait_takes_every_kind_together(cluster: Cluster, use: Uses) -> None:
    """Without names everything in the namespace is waited for, and each is told."""
    everything(cluster)
    await cluster.settled("web", "stopped", "statefulset/store", "daemonset/agent")
    everything(cluster, tag="slow-2")
    wait = use(WAIT)
    pending = await wait.verify()
    assert isinstance(pending, NotYet)
    assert pending.output["desired"] == 2 + 0 + 1 + len(
        cluster.api.call("GET", "/api/v1/nodes")["items"]
    )
    done = await wait.outcome()
    assert isinstance(done, Holds)
    states = {each["name"]: each for each in done.output["workloads"]}
    assert set(states) == {"web", "stopped", "statefulset/store", "daemonset/agent"}
    assert all(each["ready"] == each["desired"] for each in states.values())
    images = {
        each["spec"]["containers"][0]["image"].rpartition(":")[2]
        for each in cluster.all("pod")
        if "deletionTimestamp" not in each["metadata"]
    }
    assert images == {"slow-2"}, "it was sure while old pods ran"


async def test_wait_by_names_and_by_labels(cluster: Cluster, use: Uses) -> None:
    """Only what is named, or has the labels, is waited for."""
    everything(cluster)
    await cluster.settled("web", "stopped", "statefulset/store", "daemonset/agent")
    cluster.apply(cluster.deployment("web", "shop/web:bad"))
    for given in ({"names": ["statefulset/store", "daemonset/agent"]}, {"selector": "app=store"}):
        done = await use(WAIT, **given).verify()
        assert isinstance(done, Holds), given
    for given in ({"names": ["web"]}, {"selector": "app in (web, store)"}):
        pending = await use(WAIT, **given).verify()
        assert isinstance(pending, NotYet), given
    with pytest.raises(PermanentError, match="has no workloads with app=none"):
        await use(WAIT, selector="app=none").verify()
    with pytest.raises(PermanentError, match="There is no workload gone"):
        await use(WAIT, names=["web", "gone"]).verify()


def test_wait_takes_names_or_labels(use: Uses) -> None:
    """A selector beside names would be ignored, so both together are refused."""
    with pytest.raises(ValueError, match="give either names or a selector"):
        use(WAIT, names=["web"], selector="app=web")
    with pytest.raises(ValueError, match="names no workload"):
        use(WAIT, names=["job/web"])


async def test_wait_ends_at_the_workloads_own_deadline(cluster: Cluster, use: Uses) -> None:
    """A rollout that its controller gave up refutes at once, with what is wrong with the pods."""
    cluster.apply(cluster.deployment(), cluster.deployment("web"))
    await cluster.settled("checkout", "web")
    cluster.apply(cluster.deployment(image="shop/checkout:crash"))
    await stuck.given_up(cluster, "checkout", because="CrashLoopBackOff")
    refuted = await use(WAIT).outcome()
    assert isinstance(refuted, Refuted)
    assert "checkout: its rollout exceeded its progress deadline" in refuted.why
    assert "CrashLoopBackOff" in refuted.why


async def test_paused_rollout_refutes_only_while_it_is_under_way(
    cluster: Cluster, use: Uses
) -> None:
    """A pause that holds nothing back is no failure."""
    cluster.apply(cluster.deployment())
    await cluster.settled("checkout")
    cluster.patch("deployment", "checkout", {"spec": {"paused": True}})
    await stuck.observed(cluster, "checkout")
    assert isinstance(await use(WAIT).outcome(), Holds)
    cluster.kubectl("set", "image", "deployment/checkout", "checkout=shop/checkout:2")
    refuted = await use(WAIT).outcome()
    assert isinstance(refuted, Refuted)
    assert "its rollout is paused" in refuted.why


async def test_failing_server_at_a_wait(
    cluster: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """A look that fails for the moment is one to be repeated."""
    everything(cluster, tag="unready")
    await faults.check(use_through(WAIT), gateway)
    await faults.check(use_through(WAIT, names=["web"]), gateway)
