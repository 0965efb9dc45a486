"""Stopping, scaling and putting back on a real control plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.kubernetes.errors import ChangedError, ConflictError
from flows.actions import ActionError, Holds, NotYet, PermanentError, Refuted
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults

Json = Any
Make = Callable[..., Use]
PAUSED = "autoscaling.keda.sh/paused-replicas"


def counts(cluster: Cluster) -> dict[str, int]:
    """Return what each workload is set to."""
    return {
        each["metadata"]["name"]: each["spec"]["replicas"]
        for kind in ("deployment", "statefulset")
        for each in cluster.all(kind)
    }


def pause_of(cluster: Cluster, name: str) -> str | None:
    """Return at what number KEDA is paused, or None."""
    annotations = cluster.get("ScaledObject", name)["metadata"].get("annotations") or {}
    found: str | None = annotations.get(PAUSED)
    return found


async def everything(cluster: Cluster) -> None:
    """Fill a namespace with each kind that a stop is about, or leaves running."""
    cluster.apply(
        cluster.deployment("web", replicas=3),
        cluster.deployment("worker", replicas=1),
        cluster.stateful_set("postgres", replicas=2),
        cluster.daemon_set("agent"),
        cluster.cron_job("reports"),
        cluster.cron_job("idle", suspend=True),
        cluster.job("import", seconds=60),
        cluster.autoscaler("web", least=2, most=6),
        cluster.scaled_object("worker"),
    )
    await cluster.settled("web", "worker", "statefulset/postgres", "daemonset/agent")


async def test_named_workloads_are_stopped_and_put_back(use: Make, cluster: Cluster) -> None:
    """0 until the last pod is gone; the record brings each its own count back, ready."""
    cluster.apply(cluster.deployment("web", replicas=3), cluster.stateful_set(replicas=2))
    await cluster.settled("web", "statefulset/postgres")
    stop = use("kubernetes.scale", "stop", names=["web", "statefulset/postgres"], replicas=0)
    preview = await stop.preview()
    assert [(c.subject, c.before, c.after) for c in preview.changes] == [
        ("web", "3 pods", "0 pods"),
        ("statefulset/postgres", "2 pods", "0 pods"),
    ]
    assert preview.losses.startswith("what 5 pods hold in memory")
    await stop.apply()
    assert isinstance(await stop.verify(), NotYet | Holds)
    done = await stop.outcome()
    assert isinstance(done, Holds)
    assert done.output["replicas"] == {"web": 0, "statefulset/postgres": 0}
    assert cluster.all("pod") == []
    put_back = use("kubernetes.restore_scale", "start", from_step="stop")
    await put_back.preview()
    await put_back.apply()
    back = await put_back.outcome()
    assert isinstance(back, Holds)
    assert back.output["replicas"] == {"web": 3, "statefulset/postgres": 2}
    assert counts(cluster) == {"web": 3, "postgres": 2}


async def test_everything_is_stopped_and_everything_comes_back(use: Make, cluster: Cluster) -> None:
    """Counts, CronJobs and KEDA are set and put back; what goes on running is told."""
    await everything(cluster)
    stop = use("kubernetes.scale", "stop", every=True, replicas=0)
    preview = await stop.preview()
    warned = " ".join(preview.warnings)
    assert "DaemonSets keep running: agent" in warned
    assert "Jobs keep running: import" in warned
    assert ("cronjob/reports", "on schedule", "suspended") in [
        (c.subject, c.before, c.after) for c in preview.changes
    ]
    await stop.apply()
    done = await stop.outcome()
    assert isinstance(done, Holds), done
    assert set(counts(cluster).values()) == {0}
    assert done.output["suspended"] == ["idle", "reports"]
    assert pause_of(cluster, "worker") == "0"
    assert cluster.get("cronjob", "reports")["spec"]["suspend"] is True
    await stop.undo()
    assert counts(cluster) == {"web": 3, "worker": 1, "postgres": 2}
    assert pause_of(cluster, "worker") is None
    assert cluster.get("cronjob", "reports")["spec"]["suspend"] is False
    assert cluster.get("cronjob", "idle")["spec"]["suspend"] is True
    assert "ready" in await stop.undo()


async def test_record_restores_what_every_one_was(use: Make, cluster: Cluster) -> None:
    """restore_scale puts back all of it, or the named part; its own undo stops that again."""
    await everything(cluster)
    stop = use("kubernetes.scale", "stop", every=True, replicas=0)
    await stop.apply()
    await stop.outcome()
    part = use("kubernetes.restore_scale", "part", from_step="stop", names=["worker"])
    await part.preview()
    await part.apply()
    assert isinstance(await part.outcome(), Holds)
    assert counts(cluster) == {"web": 0, "worker": 1, "postgres": 0}
    assert pause_of(cluster, "worker") is None
    whole = use("kubernetes.restore_scale", "whole", from_step="stop")
    assert [(c.subject, c.after) for c in (await whole.preview()).changes] == [
        ("web", "3 pods"),
        ("statefulset/postgres", "2 pods"),
        ("cronjob/reports", "on schedule"),
    ]
    await whole.apply()
    done = await whole.outcome()
    assert isinstance(done, Holds)
    assert done.output["resumed"] == ["cronjob/idle", "cronjob/reports", "scaledobject/worker"]
    assert cluster.get("cronjob", "reports")["spec"]["suspend"] is False
    await whole.undo()
    assert counts(cluster) == {"web": 0, "worker": 1, "postgres": 0}
    assert cluster.get("cronjob", "reports")["spec"]["suspend"] is True


async def test_left_out_and_selected(use: Make, cluster: Cluster) -> None:
    """`excluding` and `selector` decide what is stopped; a name that is not there is refused."""
    await everything(cluster)
    inputs = {"every": True, "replicas": 0}
    chosen = use("kubernetes.scale", **inputs, excluding=["statefulset/postgres", "cronjob/idle"])
    assert [c.subject for c in (await chosen.preview()).changes] == [
        "web",
        "worker",
        "cronjob/reports",
        "scaledobject/worker",
    ]
    only = use("kubernetes.scale", **inputs, selector="app in (web, nothing)")
    assert [c.subject for c in (await only.preview()).changes] == ["web"]
    with pytest.raises(PermanentError, match="There is no redis that could be left out"):
        await use("kubernetes.scale", **inputs, excluding="redis").preview()
    with pytest.raises(PermanentError, match="has no workloads with app=nothing"):
        await use("kubernetes.scale", **inputs, selector="app=nothing").preview()


async def test_readiness_counts_when_pods_are_added(use: Make, cluster: Cluster) -> None:
    """Scaled up is done when the pods are ready; what keeps them from it is told."""
    cluster.apply(cluster.deployment("web", "shop/web:bad", replicas=0))
    await cluster.settled("web")
    more = use("kubernetes.scale", names="web", replicas=2)
    await more.apply()
    said = ""
    while "image can't be pulled" not in said:
        verdict = await more.verify()
        assert isinstance(verdict, NotYet)
        said = verdict.progress
    assert said.startswith("web: 0 of 2 pods ready")
    cluster.apply(cluster.deployment("web", replicas=2))
    assert isinstance(await more.outcome(), Holds)


async def test_count_that_an_autoscaler_moves_is_no_drift(use: Make, cluster: Cluster) -> None:
    """A watched count changes no fingerprint, another one does; so does a new workload."""
    cluster.apply(cluster.deployment("web"), cluster.deployment("api"), cluster.autoscaler("web"))
    stop = use("kubernetes.scale", every=True, replicas=0)
    before = (await stop.preview()).fingerprint
    cluster.patch("deployment", "web", {"spec": {"replicas": 5}})
    assert (await stop.preview()).fingerprint == before
    cluster.patch("deployment", "api", {"spec": {"replicas": 4}})
    assert (changed := (await stop.preview()).fingerprint) != before
    cluster.apply(cluster.deployment("new"))
    assert (await stop.preview()).fingerprint != changed


async def test_somebody_elses_count_is_not_overwritten(use: Make, cluster: Cluster) -> None:
    """What changed since the capture is told, not set; undo puts back the rest and tells it."""
    cluster.apply(cluster.deployment("web"), cluster.deployment("api"))
    stop = use("kubernetes.scale", "stop", names=["web", "api"], replicas=0)
    stop.captured = await stop.action.capture(stop.inputs, stop.context)
    cluster.patch("deployment", "api", {"spec": {"replicas": 7}})
    with pytest.raises(PermanentError, match="api is at 7 pods, neither 2 pods as recorded nor 0"):
        await stop.action.apply(stop.inputs, stop.captured, stop.context)
    assert counts(cluster) == {"web": 2, "api": 7}
    cluster.patch("deployment", "api", {"spec": {"replicas": 2}})
    await stop.apply()
    await stop.outcome()
    cluster.patch("deployment", "api", {"spec": {"replicas": 1}})
    put_back = use("kubernetes.restore_scale", "start", from_step="stop")
    with pytest.raises(PermanentError, match="api is at 1 pod, neither"):
        await put_back.preview()
    with pytest.raises(PermanentError, match="The rest is put back"):
        await stop.undo()
    assert counts(cluster) == {"web": 2, "api": 1}


LATE = (
    ("deployment", "web", {"spec": {"replicas": 4}}, ChangedError),
    ("cronjob", "reports", {"spec": {"suspend": True}}, ChangedError),
    ("ScaledObject", "worker", {"metadata": {"annotations": {PAUSED: "3"}}}, ConflictError),
)


@pytest.mark.parametrize("late", LATE, ids=lambda late: late[0])
async def test_between_look_and_request_nothing_is_overwritten(
    use_through: Make,
    cluster: Cluster,
    gateway: Gateway,
    late: tuple[str, str, Json, type[ActionError]],
) -> None:
    """A change in the last moment refuses the request: count, suspension and pause alike."""
    kind, name, change, error = late
    cluster.apply(
        cluster.deployment("web"),
        cluster.deployment("worker"),
        cluster.cron_job("reports"),
        cluster.scaled_object("worker"),
    )
    stop = use_through("kubernetes.scale", "stop", every=True, replicas=0)
    stop.captured = await stop.action.capture(stop.inputs, stop.context)
    path = f"/{name}(/scale)?[?]fieldManager"
    somebody = gateway.before(lambda: cluster.patch(kind, name, change), path=path)
    with pytest.raises(error):
        await stop.action.apply(stop.inputs, stop.captured, stop.context)
    assert somebody.hits == 1
    found = cluster.get(kind, name)
    assert found["spec"].get("replicas", 4) == 4
    assert found["metadata"].get("annotations", {}).get(PAUSED, "3") == "3"


async def test_autoscaler_in_the_last_moment_is_no_obstacle(
    use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """A count that an autoscaler moves is set to 0 from wherever it is by then."""
    cluster.apply(cluster.deployment("web"), cluster.autoscaler("web"))
    stop = use_through("kubernetes.scale", "stop", names="web", replicas=0)
    act = lambda: cluster.patch("deployment", "web", {"spec": {"replicas": 5}})  # noqa: E731
    gateway.before(act, path="/web/scale[?]fieldManager")
    await stop.apply()
    assert isinstance(await stop.outcome(), Holds)


async def test_new_workload_is_noticed_by_the_look(use: Make, cluster: Cluster) -> None:
    """What came after the record is not stopped, and the look says so."""
    cluster.apply(cluster.deployment("web"))
    stop = use("kubernetes.scale", every=True, replicas=0)
    await stop.apply()
    cluster.apply(cluster.deployment("late", replicas=1))
    assert await stop.verify() == Refuted(why="late is at 1 pod, not 0 pods")


async def test_volumes_that_would_be_deleted_stop_it(use: Make, cluster: Cluster) -> None:
    """A StatefulSet that deletes volumes with its pods is not scaled down."""
    policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    cluster.apply(
        cluster.stateful_set(replicas=2, persistentVolumeClaimRetentionPolicy=policy),
    )
    with pytest.raises(PermanentError, match="statefulset/postgres would delete the volumes"):
        await use("kubernetes.scale", names="statefulset/postgres", replicas=1).preview()
    await use("kubernetes.scale", names="statefulset/postgres", replicas=3).preview()


async def test_reconcilers_are_named(use: Make, cluster: Cluster) -> None:
    """Argo CD, Flux and an operator would put the count back: the preview says so."""
    managed = cluster.deployment("web")
    managed["metadata"]["labels"]["argocd.argoproj.io/instance"] = "shop"
    cluster.apply(managed)
    preview = await use("kubernetes.scale", names="web", replicas=0).preview()
    assert preview.warnings == (
        "Argo CD manages web and would put it back: switch its automatic sync off first.",
    )


async def test_missing_workload_is_named(use: Make, cluster: Cluster) -> None:
    """Nothing is guessed where a name is wrong."""
    cluster.apply(cluster.deployment("web"))
    with pytest.raises(PermanentError, match="There is no workload wbe, statefulset/db"):
        await use("kubernetes.scale", names=["web", "wbe", "statefulset/db"], replicas=0).preview()


@pytest.mark.parametrize("inputs", [{"names": ["web", "worker"]}, {"every": True}])
async def test_failures_of_a_stop(
    use_through: Make, cluster: Cluster, gateway: Gateway, inputs: Json
) -> None:
    """Refusals, silence and lost answers of the API server, one after the other."""
    cluster.apply(
        cluster.deployment("web"), cluster.deployment("worker"), cluster.scaled_object("worker")
    )
    await cluster.settled("web", "worker")
    await faults.check(use_through("kubernetes.scale", **inputs, replicas=0), gateway)


async def test_failures_of_a_return(
    use: Make, use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """The same list for putting back."""
    cluster.apply(cluster.deployment("web"), cluster.stateful_set())
    await cluster.settled("web", "statefulset/postgres")
    stop = use("kubernetes.scale", "stop", every=True, replicas=0)
    await stop.apply()
    await stop.outcome()
    put_back = use_through("kubernetes.restore_scale", "start", from_step="stop")
    put_back.context.captures = {"stop": stop.captured}
    await faults.check(put_back, gateway)
