"""`kubernetes.rollout_undo` on the real API server, with its real controllers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.actions import (
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Refuted,
    Verdict,
)
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults, stuck

Uses = Callable[..., Use]
UNDO = "kubernetes.rollout_undo"
GOOD, BAD = "shop/checkout:1.0.0", "shop/checkout:2.0.0"


def hash_of(cluster: Cluster, image: str, name: str = "checkout") -> str:
    """Return the hash of a Deployment's template with this image."""
    (found,) = [
        each["metadata"]["labels"]["pod-template-hash"]
        for each in cluster.all("replicaset", labels=f"app={name}")
        if image_of(each) == image
    ]
    return str(found)


def image_of(workload: JsonObject) -> str:
    """Return the image of the first container."""
    return str(workload["spec"]["template"]["spec"]["containers"][0]["image"])


def now(cluster: Cluster, name: str = "checkout", kind: str = "deployment") -> str:
    """Return the image that a workload has now."""
    return image_of(cluster.get(kind, name))


async def released(cluster: Cluster, *names: str, **spec: Any) -> None:
    """Make Deployments that ran the good release and run the bad one."""
    for image in (GOOD, BAD):
        for name in names or ("checkout",):
            cluster.apply(cluster.deployment(name, image, **spec))
        await cluster.settled(*(names or ("checkout",)))


async def until(use: Use, kind: type[Verdict]) -> Verdict:
    """Look until the verdict is of a kind."""
    while not isinstance(verdict := await use.verify(), kind):
        await asyncio.sleep(0.05)
    return verdict


async def test_deployment_returns_to_a_named_template_and_back(cluster: Cluster, use: Uses) -> None:
    """Preview shows both releases, apply changes the template alone, undo brings the bad one."""
    await released(cluster)
    cluster.patch("deployment", "checkout", {"spec": {"replicas": 3}})
    await cluster.settled("checkout")
    good, bad = hash_of(cluster, GOOD), hash_of(cluster, BAD)
    undo = use(UNDO, targets={"checkout": good})
    seen = await undo.preview()
    assert (seen.in_place, seen.touches) == (False, 1)
    assert [(c.subject, c.before, c.after) for c in seen.changes] == [
        ("checkout", f"template {bad} ({BAD})", f"template {good} ({GOOD})"),
        ("checkout: container checkout image", BAD, GOOD),
    ]
    await undo.apply()
    done = await undo.outcome()
    assert isinstance(done, Holds)
    (workload,) = done.output["workloads"]
    assert (workload["template"], workload["images"]) == (good, {"checkout": GOOD})
    assert (workload["ready"], workload["desired"]) == (3, 3)
    assert len(workload["digests"]["checkout"]) == 1
    assert workload["digests"]["checkout"][0].startswith("sha256:")
    assert cluster.get("deployment", "checkout")["spec"]["replicas"] == 3
    assert (await undo.preview()).in_place
    said = await undo.undo()
    assert said.startswith(f"checkout has template {bad} ({BAD}) again")
    assert await undo.undo()
    assert now(cluster) == BAD


async def test_two_times_is_not_back_again(cluster: Cluster, use: Uses) -> None:
    """What kubectl's bare undo gets wrong: a repeat, by whatever name, leaves the good one."""
    cluster.apply(cluster.deployment(image=GOOD))
    await cluster.settled("checkout")
    before_bad = datetime.now(UTC)
    await asyncio.sleep(1.1)  # the server keeps times to the second
    await released(cluster)
    ways: list[JsonObject] = [{"images": GOOD}, {"revision": 1}, {"ran_at": before_bad.isoformat()}]
    for number, way in enumerate(ways):
        undo = use(UNDO, f"step-{number}", targets=[{"name": "checkout", "to": way}])
        for _ in range(2):
            await undo.apply()
            assert isinstance(await undo.outcome(), Holds)
            assert now(cluster) == GOOD, way
        cluster.apply(cluster.deployment(image=BAD))
        await cluster.settled("checkout")


async def test_what_ran_is_not_guessed(cluster: Cluster, use: Uses) -> None:
    """Where a template came back at an unknown time, the cluster can't tell what ran: refused."""
    await released(cluster)
    cluster.apply(cluster.deployment(image=GOOD))
    await cluster.settled("checkout")
    at = datetime.now(UTC).isoformat()
    undo = use(UNDO, targets=[{"name": "checkout", "to": {"ran_at": at}}])
    with pytest.raises(PermanentError, match="the cluster does not keep when: name the template"):
        await undo.preview()
    long_ago = [{"name": "checkout", "to": {"ran_at": "2020-01-01T00:00:00Z"}}]
    with pytest.raises(PermanentError, match="is no longer kept"):
        await use(UNDO, targets=long_ago).preview()


async def test_stuck_rollout_is_returned_though_its_deadline_passed(
    cluster: Cluster, use: Uses
) -> None:
    """The controller's verdict on the bad template is not taken for one on the good one."""
    strategy = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    cluster.apply(cluster.deployment(image=GOOD, strategy=strategy))
    await cluster.settled("checkout")
    cluster.apply(cluster.deployment(image="shop/checkout:bad", strategy=strategy))
    await stuck.given_up(cluster, "checkout", because="ImagePullBackOff")
    wait = use("kubernetes.rollout_wait", names=["checkout"])
    refuted = await until(wait, Refuted)
    assert isinstance(refuted, Refuted)
    assert "progress deadline" in refuted.why
    assert "image can't be pulled" in refuted.why
    undo = use(UNDO, targets={"checkout": hash_of(cluster, GOOD)})
    await undo.apply()
    verdicts = [await undo.verify()]
    while isinstance(verdicts[-1], NotYet):
        verdicts.append(await undo.verify())
    assert isinstance(verdicts[-1], Holds), verdicts


async def test_target_that_does_not_come_up_is_refuted(cluster: Cluster, use: Uses) -> None:
    """A kept template whose image is gone exceeds its own deadline, and the pods say why."""
    for image in ("shop/checkout:bad", GOOD):
        cluster.apply(cluster.deployment(image=image, progressDeadlineSeconds=1))
        await stuck.observed(cluster, "checkout")
    await cluster.settled("checkout")
    undo = use(UNDO, targets={"checkout": hash_of(cluster, "shop/checkout:bad")})
    await undo.apply()
    refuted = await until(undo, Refuted)
    assert isinstance(refuted, Refuted)
    assert "exceeded its progress deadline" in refuted.why


async def test_several_have_one_result_and_a_retry_goes_on(
    cluster: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """Where the second fails the first stays returned, and the next attempt does the rest."""
    names = ("frontend", "backend", "websocket")
    await released(cluster, *names, replicas=1)
    targets = {name: hash_of(cluster, GOOD, name) for name in names}
    undo = use_through(UNDO, targets=targets)
    gateway.answer(422, method="PATCH", path=r"/deployments/backend\?fieldManager")
    with pytest.raises(PermanentError, match="Before it, frontend was changed"):
        await faults.attempt(undo)
    refuted = await undo.verify()
    assert isinstance(refuted, Refuted)
    assert "backend has template" in refuted.why
    assert "frontend" not in refuted.why
    gateway.requests.clear()
    await undo.action.apply(undo.inputs, undo.captured, undo.context)
    assert len(gateway.writes()) == 2
    done = await undo.outcome()
    assert isinstance(done, Holds)
    assert (done.output["ready"], done.output["desired"]) == (3, 3)
    assert await undo.undo()
    assert [now(cluster, name) for name in names] == [BAD] * 3


async def test_somebody_elses_change_is_neither_overwritten_nor_undone(
    cluster: Cluster, gateway: Gateway, use_through: Uses
) -> None:
    """A change since the look is drift, one during the request is refused, one after it stays."""
    await released(cluster)
    undo = use_through(UNDO, targets={"checkout": hash_of(cluster, GOOD)})
    planned = (await undo.preview()).fingerprint
    cluster.patch("deployment", "checkout", {"spec": {"replicas": 1}})
    await cluster.settled("checkout")
    assert (await undo.preview()).fingerprint == planned

    def deploy(image: str) -> None:
        body = {
            "spec": {"template": {"spec": {"containers": [{"name": "checkout", "image": image}]}}}
        }
        cluster.patch("deployment", "checkout", body)

    deploy("shop/checkout:3.0.0")
    await cluster.settled("checkout")
    assert (await undo.preview()).fingerprint != planned
    gateway.before(
        lambda: deploy("shop/checkout:4.0.0"), method="PATCH", path=r"/checkout\?fieldManager"
    )
    with pytest.raises(PermanentError, match="is no longer what it was"):
        await faults.attempt(undo)
    assert now(cluster) == "shop/checkout:4.0.0"
    with pytest.raises(PermanentError, match="somebody changed it"):
        await undo.action.apply(undo.inputs, undo.captured, undo.context)
    await undo.apply()
    deploy("shop/checkout:5.0.0")
    await cluster.settled("checkout")
    with pytest.raises(PermanentError, match="which is neither"):
        await undo.undo()
    assert now(cluster) == "shop/checkout:5.0.0"


async def test_restart_in_between_is_no_change_of_what_runs(cluster: Cluster, use: Uses) -> None:
    """A restart after the return leaves it in place, verifiable and undoable."""
    await released(cluster)
    undo = use(UNDO, targets={"checkout": hash_of(cluster, GOOD)})
    await undo.apply()
    await undo.outcome()
    cluster.kubectl("rollout", "restart", "deployment/checkout")
    await cluster.settled("checkout")
    assert isinstance(await undo.outcome(), Holds)
    assert (await undo.preview()).in_place
    await undo.undo()
    assert now(cluster) == BAD


@pytest.mark.parametrize("kind", ["statefulset", "daemonset"])
async def test_other_kinds_return_through_their_revisions(
    cluster: Cluster, use: Uses, kind: str
) -> None:
    """StatefulSets and DaemonSets go back and forth, under numbers that change hands."""
    make = {"statefulset": cluster.stateful_set, "daemonset": cluster.daemon_set}[kind]
    for image in ("shop/agent:1.0.0", "shop/agent:2.0.0"):
        cluster.apply(make("agent", image))
        await cluster.settled(f"{kind}/agent")
    undo = use(UNDO, targets=[{"name": f"{kind}/agent", "to": {"revision": 1}}])
    assert (await undo.preview()).changes[1].after == "shop/agent:1.0.0"
    await undo.apply()
    done = await undo.outcome()
    assert isinstance(done, Holds)
    assert now(cluster, "agent", kind) == "shop/agent:1.0.0"
    assert (await undo.preview()).in_place, "the number is another template's by now"
    assert await undo.undo()
    assert await undo.undo()
    await cluster.settled(f"{kind}/agent")
    assert now(cluster, "agent", kind) == "shop/agent:2.0.0"
    at = datetime.now(UTC).isoformat()
    with pytest.raises(PermanentError, match="does not keep when its templates were used"):
        await use(UNDO, "x", targets=[{"name": f"{kind}/agent", "to": {"ran_at": at}}]).preview()


async def test_ordered_stateful_set_waits_for_a_pod_by_hand(cluster: Cluster, use: Uses) -> None:
    """Its controller never replaces a pod that is not ready: people are told which to delete."""
    given = cluster.stateful_set("db", "shop/db:1", replicas=2)
    given["spec"]["podManagementPolicy"] = "OrderedReady"
    cluster.apply(given)
    await cluster.settled("statefulset/db")
    given["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/db:bad"
    cluster.apply(given)
    await stuck.broken(cluster, "db", because="ImagePullBackOff")
    undo = use(UNDO, targets=[{"name": "statefulset/db", "to": {"images": "shop/db:1"}}])
    assert any("delete db-1 by hand" in each for each in (await undo.preview()).warnings)
    await undo.apply()
    pending = await undo.verify()
    assert isinstance(pending, NotYet)
    assert "delete db-1 by hand" in pending.progress
    cluster.delete("pod", "db-1")
    assert isinstance(await undo.outcome(), Holds)


async def test_everything_that_would_interfere_is_told(cluster: Cluster, use: Uses) -> None:
    """Autoscalers, Helm, Argo CD, Recreate and a history of none are warned of."""
    await released(cluster, strategy={"type": "Recreate"}, revisionHistoryLimit=1)
    cluster.apply(cluster.autoscaler())
    notes = {"argocd.argoproj.io/tracking-id": "shop:x", "meta.helm.sh/release-name": "shop"}
    spec = {"revisionHistoryLimit": 1}
    cluster.patch("deployment", "checkout", {"metadata": {"annotations": notes}, "spec": spec})
    warnings = " ".join(
        (await use(UNDO, targets={"checkout": hash_of(cluster, GOOD)}).preview()).warnings
    )
    for word in ("Argo CD manages checkout", "Helm release shop", "(Recreate)", "autoscaler"):
        assert word in warnings


@pytest.mark.parametrize(
    ("spec", "to", "said"),
    [
        ({"paused": True}, None, "is paused"),
        ({}, {"template": "nosuchhash"}, "keeps no template with the hash nosuchhash. Kept: "),
        ({}, {"revision": 7}, "keeps no template with the revision 7"),
        ({}, {"images": "shop/checkout:9"}, "keeps no template with the images shop/checkout:9"),
    ],
)
async def test_refusals(
    cluster: Cluster, use: Uses, spec: JsonObject, to: JsonObject | None, said: str
) -> None:
    """What can't be done is refused in the preview, with what is kept instead."""
    await released(cluster)
    if spec:
        cluster.patch("deployment", "checkout", {"spec": spec})
    target = to or {"template": hash_of(cluster, GOOD)}
    with pytest.raises(PermanentError, match=said):
        await use(UNDO, targets=[{"name": "checkout", "to": target}]).preview()
    with pytest.raises(PermanentError, match="There is no workload gone"):
        await use(UNDO, targets=[{"name": "gone", "to": target}]).preview()


async def test_failing_server(cluster: Cluster, gateway: Gateway, use_through: Uses) -> None:
    """Every refusal, lost and missing answer is told apart, and nothing is sent twice."""
    await released(cluster)
    targets = {"checkout": hash_of(cluster, GOOD)}
    await faults.check(use_through(UNDO, targets=targets), gateway)
