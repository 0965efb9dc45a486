"""Real `kubectl` and real Helm work against the estate, where the machine has them."""

from __future__ import annotations

import json
import shutil

import pytest

from sandbox.estate import Estate
from sandbox.estate.resources import REPLICASETS
from tests.sandbox.estate.conftest import Helm, Outcome, Until, run

pytestmark = pytest.mark.real
KUBECTL = shutil.which("kubectl")
HELM = shutil.which("helm")


async def _kubectl(estate: Estate, *arguments: str) -> Outcome:
    assert KUBECTL is not None
    home = str(estate.kubeconfig.parent)
    return await run(KUBECTL, *arguments, KUBECONFIG=str(estate.kubeconfig), HOME=home)


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
async def test_kubectl_reads(estate: Estate) -> None:
    """`kubectl get` finds kinds by discovery and prints its usual table."""
    found = await _kubectl(estate, "get", "deploy", "checkout")
    assert found.out.splitlines()[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert found.out.splitlines()[1].split()[:4] == ["checkout", "3/3", "3", "3"]
    missing = await _kubectl(estate, "get", "deploy", "nope")
    assert missing.code == 1
    assert 'deployments.apps "nope" not found' in missing.err


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
async def test_kubectl_changes_and_waits(estate: Estate) -> None:
    """Scale, restart, patch and `rollout status` behave as on a cluster."""
    scaled = await _kubectl(estate, "scale", "deploy/checkout", "--replicas=1")
    assert scaled.out == "deployment.apps/checkout scaled\n"
    restarted = await _kubectl(estate, "rollout", "restart", "deploy/checkout")
    assert restarted.code == 0
    waited = await _kubectl(estate, "rollout", "status", "deploy/checkout", "--timeout=30s")
    assert 'deployment "checkout" successfully rolled out' in waited.out


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
async def test_kubectl_undoes_to_the_old_replica_set(estate: Estate, until: Until) -> None:
    """`rollout undo` finds the earlier ReplicaSet again: the same template has the same hash."""
    names = {item["metadata"]["name"] for item in estate.cluster.store.list(REPLICASETS)}
    image = "checkout=registry.aivo.edu/aivo/checkout:2.14.1"
    assert (await _kubectl(estate, "set", "image", "deploy/checkout", image)).code == 0
    await until(lambda: len(estate.cluster.store.list(REPLICASETS)) == len(names) + 1)
    assert (await _kubectl(estate, "rollout", "undo", "deploy/checkout")).code == 0
    waited = await _kubectl(estate, "rollout", "status", "deploy/checkout", "--timeout=30s")
    assert waited.code == 0
    running = [item for item in estate.cluster.store.list(REPLICASETS) if item["spec"]["replicas"]]
    assert {item["metadata"]["name"] for item in running} == names


@pytest.mark.skipif(HELM is None, reason="helm is not installed")
async def test_helm_agrees_with_the_simulated_one(estate: Estate, helm: Helm) -> None:
    """The real Helm reads the stored releases and prints the same as the simulated one."""
    assert HELM is not None
    for arguments in (
        ("history", "aivo-platform", "-o", "json"),
        ("history", "aivo-platform"),
        ("status", "aivo-platform", "-o", "json"),
        ("get", "manifest", "aivo-platform", "--revision", "39"),
        ("history", "nope"),
    ):
        real = await run(HELM, *arguments, KUBECONFIG=str(estate.kubeconfig))
        assert await helm(*arguments) == real


@pytest.mark.skipif(HELM is None, reason="helm is not installed")
async def test_helm_rolls_the_estate_back(estate: Estate, helm: Helm) -> None:
    """The real Helm's rollback, with waiting, succeeds against the simulated cluster."""
    assert HELM is not None
    estate.break_release()
    done = await run(
        HELM, "rollback", "aivo-platform", "41", "--wait", KUBECONFIG=str(estate.kubeconfig)
    )
    assert done.out == "Rollback was a success! Happy Helming!\n"
    history = json.loads((await helm("history", "aivo-platform", "-o", "json")).out)
    assert history[-1]["description"] == "Rollback to 41"
