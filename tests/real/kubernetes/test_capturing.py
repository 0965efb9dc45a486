"""`kubernetes.capture_state` on a real control plane."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.vault import KeyVault
from flows.actions import Holds, PermanentError
from tests.adapters.fakes import Forgetful
from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults

Json = Any
Make = Callable[..., Use]
CAPTURE = "kubernetes.capture_state"
NAME = "INC-7/state/state.json.sealed"


async def shop(cluster: Cluster) -> None:
    """Fill a namespace with each kind that is kept."""
    cluster.apply(
        cluster.deployment(replicas=3),
        cluster.stateful_set(),
        cluster.daemon_set(),
        cluster.cron_job("reports"),
        cluster.autoscaler("checkout", least=2, most=6),
        cluster.scaled_object("worker"),
        cluster.service(selector={"app": "checkout", "deployment-color": "blue"}),
        cluster.ingress(backend="checkout"),
        cluster.virtual_service(),
        cluster.config_map("settings", PASSWORD="hunter2"),
    )
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(cluster.secret("keys", KEY="hunter2")))
    await cluster.settled("checkout", "statefulset/postgres", "daemonset/agent")


async def opened(use: Use) -> Json:
    """Return what was kept, opened with the key."""
    around = use.context.surroundings
    return around.vault.unseal((await around.evidence.read(NAME)).decode())


async def test_everything_is_kept_once(use: Make, cluster: Cluster) -> None:
    """Objects as they should be, sealed; a repeat after a change finds the first ones."""
    await shop(cluster)
    step = use(CAPTURE, "state")
    assert "sealed evidence" in (await step.preview()).summary
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert (done.output["absent"], done.output["evidence"]) == ([], NAME)
    assert all(done.output["counts"].values()), done.output["counts"]
    assert done.output["selectors"]["checkout"]["deployment-color"] == "blue"
    checkout = next(w for w in done.output["workloads"] if w["workload"] == "checkout")
    assert (checkout["ready"], checkout["desired"]) == (3, 3)
    assert checkout["digests"][0].startswith("shop/checkout@sha256:")
    pods = cluster.all("pod", labels="app=checkout")
    assert checkout["templates"] == [pods[0]["metadata"]["labels"]["pod-template-hash"]]
    kept = await opened(step)
    assert kept["objects"]["Deployment"][0]["spec"]["replicas"] == 3
    assert "status" not in kept["objects"]["Deployment"][0]
    assert "managedFields" not in json.dumps(kept)
    (settings,) = (o for o in kept["objects"]["ConfigMap"] if o["metadata"]["name"] == "settings")
    assert settings["data"] == {"PASSWORD": "hunter2"}
    sealed = await step.context.surroundings.evidence.read(NAME)
    assert b"hunter2" not in sealed
    assert "hunter2" not in repr(done)
    cluster.apply(cluster.deployment(replicas=0))
    step.context.plan, step.context.key = "another", "INC-7/state/2"
    again = await step.action.verify(step.inputs, {}, step.context)
    assert isinstance(again, Holds)
    assert again.output == done.output
    assert "kept before" in again.summary


async def test_what_is_kept_can_be_applied_again(use: Make, cluster: Cluster) -> None:
    """An object that was deleted comes back from what was kept, as it was."""
    await shop(cluster)
    step = use(CAPTURE, "state", kinds=["Service", "Ingress", "ConfigMap"])
    await step.outcome()
    before = cluster.get("service", "checkout")["spec"]
    cluster.delete("service", "checkout")
    (kept,) = (o for o in (await opened(step))["objects"]["Service"])
    own = ("uid", "resourceVersion", "creationTimestamp")
    metadata = {key: value for key, value in kept["metadata"].items() if key not in own}
    cluster.apply({"apiVersion": "v1", "kind": "Service", **kept, "metadata": metadata})
    assert cluster.get("service", "checkout")["spec"] == before


async def test_secrets_are_kept_by_marks_alone(use: Make, cluster: Cluster) -> None:
    """Names, types and keyed marks: also what kubectl noted of the values is left out."""
    await shop(cluster)
    step = use(CAPTURE, "state", kinds=["Secret"])
    await step.outcome()
    kept = await opened(step)
    text = json.dumps(kept)
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text
    (keys,) = (o for o in kept["objects"]["Secret"] if o["metadata"]["name"] == "keys")
    assert keys["type"] == "Opaque"
    assert list(keys["marks"]) == ["KEY"]


async def test_only_some_are_kept_and_all_that_are_named(use: Make, cluster: Cluster) -> None:
    """By name and selector; a name that is not there, other inputs and an empty look are errors."""
    await shop(cluster)
    step = use(CAPTURE, "state", kinds=["ConfigMap"], names="settings")
    done = await step.outcome()
    assert isinstance(done, Holds)
    assert done.output["counts"] == {"ConfigMap": 1}
    with pytest.raises(PermanentError, match="was kept for other inputs"):
        await use(CAPTURE, "state", kinds=["ConfigMap"]).verify()
    with pytest.raises(PermanentError, match="has no ConfigMap named setings"):
        await use(CAPTURE, "b", kinds=["ConfigMap"], names=["settings", "setings"]).verify()
    with pytest.raises(PermanentError, match="there is nothing to keep"):
        await use(CAPTURE, "c", selector="app=nothing").verify()


async def test_without_a_key_nothing_is_kept(use: Make, cluster: Cluster) -> None:
    """The vault's own sentence, in the preview and in the look."""
    step = use(CAPTURE, "state", kinds=["Service"])
    step.context.surroundings = replace(step.context.surroundings, vault=KeyVault([]))
    for ask in (step.preview, step.verify):
        with pytest.raises(PermanentError, match="BACKOUT_CAPTURE_KEY is not set"):
            await ask()
    assert await step.context.surroundings.evidence.find(NAME) is None


async def test_failing_api_server(use_through: Make, cluster: Cluster, gateway: Gateway) -> None:
    """What can't be listed for the moment ends the look for the moment; nothing is left half."""
    await shop(cluster)
    step = use_through(CAPTURE, "state")
    step.context.surroundings = replace(step.context.surroundings, evidence=Forgetful())
    await faults.check(step, gateway)
