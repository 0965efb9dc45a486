"""The bench's gateway: it changes nothing unless it is told to, and keeps what clients ask."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adapters.uses import Use
from tests.real.bench.clusters import Cluster, CommandError
from tests.real.bench.gateway import Gateway
from tests.real.bench.helms import Helm

Uses = Callable[..., Use]
Kubectl = Callable[..., str]


FIVE = ("patch", "deployment", "checkout", "--type=merge", "-p", '{"spec": {"replicas": 5}}')


@pytest.fixture
async def checkout(cluster: Cluster) -> None:
    """A Deployment of two pods."""
    cluster.apply(cluster.deployment())
    await cluster.settled("checkout")


@pytest.fixture
def kubectl(gateway: Gateway, cluster: Cluster) -> Kubectl:
    """Run kubectl through the gateway."""
    return functools.partial(cluster.kubectl, kubeconfig=gateway.kubeconfig)


@pytest.mark.usefixtures("checkout")
async def test_everything_is_kept_with_its_answer(
    gateway: Gateway, cluster: Cluster, kubectl: Kubectl
) -> None:
    """What a client asks is kept: method, path with query, type, body, status and answer."""
    kubectl(*FIVE)
    written = gateway.writes()
    assert [each.method for each in written] == ["PATCH"]
    where = f"/apis/apps/v1/namespaces/{cluster.namespace}/deployments/checkout"
    assert written[0].path == f"{where}?fieldManager=kubectl-patch"
    assert written[0].content_type == "application/merge-patch+json"
    assert written[0].body == {"spec": {"replicas": 5}}
    assert written[0].status == 200
    assert written[0].answer["spec"]["replicas"] == 5


@pytest.mark.usefixtures("checkout")
async def test_an_action_goes_through(gateway: Gateway, use_through: Uses) -> None:
    """An action's preview writes nothing, and its apply something."""
    scale = use_through("kubernetes.scale", names=["checkout"], replicas=1)
    await scale.preview()
    assert gateway.asked("GET", "/deployments")
    assert gateway.writes() == []
    await scale.apply()
    assert gateway.writes()


async def test_kubectl_and_helm_go_through(
    gateway: Gateway, cluster: Cluster, kubectl: Kubectl, helm: Helm, chart: Path
) -> None:
    """Both install, wait (with a watch) and read through it, and their requests are kept."""
    through = Helm(helm.path, cluster, kubeconfig=gateway.kubeconfig)
    through.release("checkout", chart, "--wait")
    assert gateway.asked("POST", r"/namespaces/[^/]+/secrets")
    kubectl("rollout", "status", "deployment/checkout")
    assert gateway.asked("GET", "watch=true")
    assert kubectl("logs", "deployment/checkout").startswith("checkout started")


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("status", [403, 404, 409, 500, 503])
async def test_an_answer_in_the_servers_place(
    gateway: Gateway, cluster: Cluster, kubectl: Kubectl, status: int
) -> None:
    """The client gets the refusal, once; the cluster never sees the request."""
    fault = gateway.answer(status, method="PATCH", path="/deployments/checkout", message="no luck")
    with pytest.raises(CommandError, match=r"no luck|Internal ?Error"):
        kubectl(*FIVE)
    assert fault.hits == 1
    refused = gateway.asked("PATCH")[-1]
    assert (refused.status, refused.answer["message"]) == (status, "no luck")
    assert cluster.get("deployment", "checkout")["spec"]["replicas"] == 2


@pytest.mark.usefixtures("checkout")
async def test_an_answer_with_headers(gateway: Gateway, kubectl: Kubectl) -> None:
    """Too many requests with a Retry-After: kubectl waits and asks again, and then it works."""
    fault = gateway.answer(429, path="/deployments", times=2, headers={"Retry-After": "1"})
    assert "checkout" in kubectl("get", "deployments")
    assert fault.hits == 2
    assert [each.status for each in gateway.asked("GET", "/deployments")] == [429, 429, 200]


@pytest.mark.usefixtures("checkout")
async def test_a_lost_answer_is_a_change_that_happened(
    gateway: Gateway, cluster: Cluster, kubectl: Kubectl
) -> None:
    """The server acts and the client does not hear of it."""
    fault = gateway.lose_answer(method="PATCH")
    with pytest.raises(CommandError, match="EOF"):
        kubectl(*FIVE)
    assert fault.hits == 1
    assert [each.status for each in gateway.asked("PATCH")] == [None]
    assert cluster.get("deployment", "checkout")["spec"]["replicas"] == 5


@pytest.mark.usefixtures("checkout")
async def test_a_hanging_request_is_given_up_by_the_client(
    gateway: Gateway, cluster: Cluster, kubectl: Kubectl
) -> None:
    """No answer comes until the client stops waiting; nothing reaches the server."""
    fault = gateway.hang(method="PATCH")
    with pytest.raises(CommandError, match=r"deadline exceeded|Timeout"):
        kubectl(*FIVE, "--request-timeout=5s")
    assert fault.hits == 1
    assert cluster.get("deployment", "checkout")["spec"]["replicas"] == 2


@pytest.mark.usefixtures("checkout")
async def test_somebody_else_is_faster(
    gateway: Gateway, cluster: Cluster, kubectl: Kubectl
) -> None:
    """A change just before the request is forwarded makes the server itself answer a conflict."""
    seen = cluster.get("deployment", "checkout")
    where = []

    def change() -> None:
        where.append(threading.current_thread().name)
        cluster.patch("deployment", "checkout", {"spec": {"replicas": 3}})

    gateway.before(change, method="PUT")
    seen["spec"]["replicas"] = 7
    with pytest.raises(CommandError, match="the object has been modified"):
        kubectl("replace", "-f", "-", stdin=json.dumps(seen))
    assert gateway.asked("PUT")[-1].status == 409
    assert cluster.get("deployment", "checkout")["spec"]["replicas"] == 3
    assert where != ["gateway"]


def test_mended_faults_are_over(gateway: Gateway, kubectl: Kubectl) -> None:
    """After `mend` everything goes through again."""
    gateway.answer(500, times=1000)
    with pytest.raises(CommandError):
        kubectl("get", "pods")
    gateway.mend()
    kubectl("get", "pods")


def test_a_restricted_user_stays_restricted(gateway: Gateway, cluster: Cluster) -> None:
    """A kubeconfig of somebody with few rights has them through the gateway, too."""
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    config = gateway.kubeconfig_for(cluster.as_user([pods]))
    cluster.kubectl("get", "pods", kubeconfig=config)
    with pytest.raises(CommandError, match='cannot list resource "secrets"'):
        cluster.kubectl("get", "secrets", kubeconfig=config)
