"""The Kubernetes bench: what the other tests of this tier rely on."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from flows.actions import Holds
from tests.adapters.uses import Use
from tests.real.bench import control_plane, manifests
from tests.real.bench.api import RefusedError
from tests.real.bench.clusters import Bench, Cluster, CommandError
from tests.real.bench.gateway import Gateway
from tests.real.bench.helms import Helm
from tests.real.bench.proxies import closed

Json = Any


async def until(look: Callable[[], bool]) -> None:
    """Wait until it is so; the test's time limit is the only one."""
    while not look():
        await asyncio.sleep(0.05)


def containers(cluster: Cluster, app: str) -> list[Json]:
    """Return the container statuses of an app's pods."""
    pods = cluster.all("pod", labels=f"app={app}")
    return [each for pod in pods for each in pod["status"].get("containerStatuses") or ()]


def waiting(cluster: Cluster, app: str) -> set[str]:
    """Return why an app's containers wait."""
    states = [each["state"] for each in containers(cluster, app)]
    return {each["waiting"]["reason"] for each in states if "waiting" in each}


async def run_in_pod(
    server: str, authority: Path, token: str, path: str, *command: str
) -> dict[int, str]:
    """Run a command as the Python client does; return what came on each channel."""
    query = urlencode([("command", each) for each in command] + [("stdout", "1"), ("stderr", "1")])
    trust = ssl.create_default_context(cafile=str(authority))
    said: dict[int, str] = {}
    async with (
        aiohttp.ClientSession(server, headers={"Authorization": f"Bearer {token}"}) as session,
        session.ws_connect(f"{path}?{query}", ssl=trust, protocols=["v4.channel.k8s.io"]) as socket,
    ):
        connection = socket.get_extra_info("socket")
        async for message in socket:
            channel, text = message.data[0], message.data[1:].decode()
            said[channel] = said.get(channel, "") + text
    await closed(connection)
    return {channel: text for channel, text in said.items() if text}


def test_the_control_plane_is_the_pinned_one(bench: Bench) -> None:
    """The API server answers as the Kubernetes that .ci/go pins, with two nodes that are ready."""
    if control_plane.OFFERED in os.environ:
        pytest.skip("the cluster is somebody's own")
    pins = (Path(__file__).parents[2] / ".ci" / "go" / "kubernetes" / "go.mod").read_text("utf-8")
    version = bench.api.call("GET", "/version")["gitVersion"]
    assert f"k8s.io/kubernetes {version}" in pins
    nodes = bench.api.call("GET", "/api/v1/nodes")["items"]
    ready = [c["status"] for n in nodes for c in n["status"]["conditions"] if c["type"] == "Ready"]
    assert ready == ["True", "True"]


async def test_workloads_run_and_jobs_end(cluster: Cluster) -> None:
    """The controllers make pods, the nodes let them run, and a job's pod ends."""
    cluster.apply(
        cluster.deployment(),
        cluster.stateful_set(),
        cluster.daemon_set(),
        cluster.job(),
    )
    await cluster.settled("checkout", "statefulset/postgres", "daemonset/agent", "job/migrate")
    assert cluster.get("job", "migrate")["status"]["succeeded"] == 1
    on = {pod["spec"]["nodeName"] for pod in cluster.all("pod", labels="app=agent")}
    assert len(on) == 2
    images = {each["imageID"] for each in containers(cluster, "checkout")}
    assert len(images) == 1
    assert images.pop().startswith("shop/checkout@sha256:")


async def test_everything_else_is_taken(cluster: Cluster) -> None:
    """Each object that the builders make is one that the API server accepts."""
    given = [
        cluster.service(),
        cluster.config_map(currency="EUR"),
        cluster.secret(password="s3cret"),
        cluster.ingress(),
        cluster.network_policy(),
        cluster.cron_job(),
        cluster.autoscaler(),
        cluster.disruption_budget(),
        cluster.virtual_service(),
        cluster.scaled_object(),
    ]
    cluster.apply(*given)
    for each in given:
        found = cluster.get(each["kind"], each["metadata"]["name"])
        assert found["apiVersion"] == each["apiVersion"]
    assert cluster.kubectl("get", "secret", "checkout", "-o", "jsonpath={.data.password}") == (
        "czNjcmV0"
    )


async def test_a_bad_image_is_never_ready(cluster: Cluster) -> None:
    """Its pods wait for the pull, the old ones stay, and the deadline passes in the end."""
    cluster.apply(cluster.deployment(progressDeadlineSeconds=1))
    await cluster.settled("checkout")
    cluster.apply(cluster.deployment(image="shop/checkout:bad", progressDeadlineSeconds=1))
    await until(lambda: waiting(cluster, "checkout") == {"ImagePullBackOff"})

    def given_up() -> bool:
        conditions = cluster.get("deployment", "checkout")["status"]["conditions"]
        return any(each.get("reason") == "ProgressDeadlineExceeded" for each in conditions)

    await until(given_up)
    assert cluster.get("deployment", "checkout")["status"]["readyReplicas"] == 2


async def test_manners_of_containers(cluster: Cluster) -> None:
    """Images by name: one crashes and is started again, one runs unready, one is ready late."""
    cluster.apply(
        cluster.deployment("cart", "shop/crash-cart:1", replicas=1),
        cluster.deployment("mail", "shop/mail:unready", replicas=1),
        cluster.deployment("search", "shop/slow:1", replicas=1),
        cluster.deployment("quick", replicas=1, annotations={"bench/ready-after": "0.5"}),
    )
    await until(lambda: waiting(cluster, "cart") == {"CrashLoopBackOff"})
    await until(lambda: containers(cluster, "cart")[0]["restartCount"] > 1)
    assert containers(cluster, "cart")[0]["lastState"]["terminated"]["exitCode"] == 1
    await cluster.settled("quick", "search")
    await until(lambda: any("running" in each["state"] for each in containers(cluster, "mail")))
    unready = containers(cluster, "mail")[0]
    assert not unready["ready"]


@pytest.mark.parametrize(("code", "condition"), [(0, "Complete"), (3, "Failed")])
async def test_jobs_end_as_they_are_told(cluster: Cluster, code: int, condition: str) -> None:
    """A job's pod ends with the given exit code and message, and the job follows from it."""
    cluster.apply(cluster.job(exit_code=code, message="12 rows", seconds=0.1))
    await cluster.settled("job/migrate")
    conditions = cluster.get("job", "migrate")["status"]["conditions"]
    assert condition in {each["type"] for each in conditions}
    ended = cluster.all("pod")[0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (code, "12 rows")


async def test_logs_through_the_api_server(cluster: Cluster) -> None:
    """Logs are the pod's, whole or their tail; there is none of a container that never ended."""
    lines = "".join(f"line {number}\n" for number in range(100))
    cluster.apply(cluster.deployment(replicas=1, annotations={"bench/logs": lines}))
    await cluster.settled("checkout")
    assert cluster.kubectl("logs", "deploy/checkout") == lines
    assert cluster.kubectl("logs", "deploy/checkout", "--tail=2") == "line 98\nline 99\n"
    assert cluster.kubectl("logs", "deploy/checkout", "--limit-bytes=4") == "line"
    timed = cluster.kubectl("logs", "deploy/checkout", "--tail=1", "--timestamps").split(" ", 1)
    assert timed[0].startswith("20")
    assert timed[1] == "line 99\n"
    with pytest.raises(CommandError, match="previous terminated container"):
        cluster.kubectl("logs", "deploy/checkout", "--previous")


async def test_commands_in_a_pod(cluster: Cluster, gateway: Gateway) -> None:
    """A command answers what the pod's annotation says, also through the gateway."""
    scripted = json.dumps({"nginx -t": [0, "syntax is ok\n", ""], "false": [1, "", "no\n"]})
    cluster.apply(cluster.deployment(replicas=1, annotations={"bench/exec": scripted}))
    await cluster.settled("checkout")
    pod = cluster.all("pod")[0]["metadata"]["name"]
    path = cluster.api.path(cluster.namespace, "pod", pod, sub="exec")
    bench = cluster.bench
    direct = await run_in_pod(cluster.server, bench.authority, bench.token, path, "nginx", "-t")
    assert direct[1] == "syntax is ok\n"
    assert json.loads(direct[3])["status"] == "Success"
    through = (gateway.server, gateway.authority, bench.token, path)
    failed = await run_in_pod(*through, "false")
    assert failed[2] == "no\n"
    assert json.loads(failed[3])["details"]["causes"][0] == {"reason": "ExitCode", "message": "1"}
    unknown = await run_in_pod(*through, "rm", "-rf")
    assert "rm -rf: not found" in unknown[2]


async def test_a_pod_that_fits_no_node_stays_pending(cluster: Cluster) -> None:
    """A pod that wants another node than the two is not bound, and says why."""
    template = manifests.pod_template("checkout", nodeSelector={"disk": "fast"})
    cluster.apply(cluster.deployment(replicas=1, template=template))

    def conditions() -> list[Json]:
        return [c for pod in cluster.all("pod") for c in pod["status"].get("conditions") or ()]

    await until(lambda: any(each.get("reason") == "Unschedulable" for each in conditions()))
    assert [pod["status"]["phase"] for pod in cluster.all("pod")] == ["Pending"]


def test_a_user_may_do_what_the_rules_say(cluster: Cluster) -> None:
    """Somebody with one rule reads what it names, and is refused the rest."""
    cluster.apply(cluster.config_map(currency="EUR"))
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    user = cluster.as_user(rules)
    assert "EUR" in cluster.kubectl("get", "configmap", "checkout", "-o=yaml", kubeconfig=user)
    with pytest.raises(CommandError, match=r'cannot delete resource "configmaps"'):
        cluster.kubectl("delete", "configmap", "checkout", kubeconfig=user)
    with pytest.raises(CommandError, match=r'cannot list resource "nodes"'):
        cluster.kubectl("get", "nodes", kubeconfig=user)
    nodes = [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]
    assert "bench-1" in cluster.kubectl(
        "get", "nodes", kubeconfig=cluster.as_user(rules, everywhere=nodes)
    )


def test_namespaces_are_apart(bench: Bench, tmp_path: Path) -> None:
    """Two tests' namespaces have other names, and a user of one sees nothing of the other."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for each in folders:
        each.mkdir()
    with bench.cluster(folders[0]) as one, bench.cluster(folders[1]) as two:
        assert one.namespace != two.namespace
        one.apply(one.config_map(currency="EUR"))
        with pytest.raises(RefusedError, match="404"):
            two.get("configmap", "checkout")
        user = one.as_user([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}])
        with pytest.raises(CommandError, match="is forbidden"):
            one.kubectl("get", "pods", "--namespace", two.namespace, kubeconfig=user)
    phases = [bench.api.call("GET", f"/api/v1/namespaces/{each.namespace}") for each in (one, two)]
    assert {each["status"]["phase"] for each in phases} <= {"Terminating"}


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_weights_of_a_virtual_service(cluster: Cluster, version: str) -> None:
    """Weights are whole numbers to 100, somewhere above nothing; what else is in it is kept."""
    good = cluster.virtual_service(version=version, weights={"stable": 100, "canary": 0})
    good["spec"]["http"][0]["fault"] = {"delay": {"fixedDelay": "5s"}}
    cluster.apply(good)
    kept = cluster.get("VirtualService", "checkout")["spec"]["http"][0]
    assert kept["fault"] == {"delay": {"fixedDelay": "5s"}}
    for weights, said in (
        ({"stable": 101, "canary": 0}, "less than or equal to 100"),
        ({"stable": -1, "canary": 100}, "greater than or equal to 0"),
        ({"stable": 0, "canary": 0}, "total destination weight = 0"),
    ):
        with pytest.raises(RefusedError, match=said):
            cluster.apply(cluster.virtual_service(version=version, weights=weights))


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


@pytest.mark.parametrize("version", ["helm", "helm4"])
async def test_both_helms_install_upgrade_and_roll_back(
    cluster: Cluster, chart: Path, version: str, request: pytest.FixtureRequest
) -> None:
    """Helm 3 and Helm 4 install, upgrade and roll back the chart, and wait for its pods."""
    helm: Helm = request.getfixturevalue(version)
    helm.release("shop", chart, "--wait")
    helm.release("shop", chart, "--wait", image="shop/checkout:2.0.0", settings={"currency": "USD"})
    assert cluster.get("configmap", "shop")["data"] == {"currency": "USD"}
    helm("rollback", "shop", "1", "--wait")
    statuses = [each["status"] for each in helm.history("shop")]
    assert statuses == ["superseded", "superseded", "deployed"]
    images = {"shop/checkout:1.0.0"}  # once the pods of before are gone
    await until(lambda: {each["image"] for each in containers(cluster, "shop")} == images)
