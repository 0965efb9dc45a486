"""Nodes without machines: a scheduler and two kubelets for the pods of the bench.

Run by `control_plane` as a program of its own:

    python -m tests.real.bench.nodes KUBECONFIG PORT CERTIFICATE KEY AUTHORITY

It registers two nodes and keeps their leases, binds pods, lets them fare as `pods` says, removes
deleted ones, and serves logs and commands as `kubelet` says. It prints `ready` when it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.real.bench import kubelet, pods
from tests.real.bench.certificates import Pair

Json = Any

NAMES = ("bench-1", "bench-2")
RENEW = 10.0  # seconds; the node controller gives a node up after 50
STOP = 0.2  # seconds that a container takes to stop, if its grace allows as much
RETRY = 0.3
STRATEGIC = "application/strategic-merge-patch+json"
LONGEST_LINE = 1 << 23  # bytes of one event of a watch


class Nodes:
    """Two nodes.  `pods` holds what was seen last, by namespace and name."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self.pods: dict[tuple[str, str], Json] = {}
        self._session = session
        self._port = port
        self._lives: dict[str, tuple[tuple[Json, ...], asyncio.Task[None]]] = {}
        self._addresses: Iterator[int] = itertools.count(2)
        self._turn: Iterator[int] = itertools.count()

    async def register(self) -> None:
        """Make the nodes and their leases."""
        for name in NAMES:
            await self._send("POST", "/api/v1/nodes", _node(name))
            await self._send("PATCH", f"/api/v1/nodes/{name}/status", _node_status(self._port))
            await self._send("POST", _leases(), _lease(name))

    async def renew(self) -> None:
        """Keep the nodes alive."""
        while True:
            await asyncio.sleep(RENEW)
            for name in NAMES:
                await self._send("PATCH", f"{_leases()}/{name}", {"spec": _renewal()})

    async def watch(self) -> None:
        """Follow all pods; a watch that ends begins again with what is there."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with self._session.get("/api/v1/pods", params={"watch": "true"}) as answer:
                    async for line in answer.content:
                        self._see(json.loads(line))
            await asyncio.sleep(RETRY)

    def _see(self, event: Json) -> None:
        pod = event["object"]
        if pod.get("kind") != "Pod":
            return
        meta = pod["metadata"]
        _, life = self._lives.get(meta["uid"], ((), None))
        if event["type"] == "DELETED":
            self.pods.pop((meta["namespace"], meta["name"]), None)
            if life:
                life.cancel()
                del self._lives[meta["uid"]]
            return
        self.pods[meta["namespace"], meta["name"]] = pod
        mark = pods.fingerprint(pod)
        if mark == self._lives.get(meta["uid"], (None,))[0]:
            return
        if life:
            life.cancel()
        self._lives[meta["uid"]] = (mark, asyncio.create_task(self._live(pod)))

    async def _live(self, pod: Json) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            await self._end(pod)
        elif not pod["spec"].get("nodeName"):
            await self._bind(pod)
        else:
            await self._run(pod)

    async def _bind(self, pod: Json) -> None:
        while True:
            found = await self._send("GET", "/api/v1/nodes")
            fitting = [each["metadata"]["name"] for each in found["items"] if _fits(pod, each)]
            if fitting:
                break
            await self._report(pod, {"conditions": [_unschedulable(len(found["items"]))]})
            await asyncio.sleep(RETRY)
        target = {"kind": "Node", "name": fitting[next(self._turn) % len(fitting)]}
        meta = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": meta, "target": target}
        await self._send("POST", f"{_path(pod)}/binding", body)

    async def _run(self, pod: Json) -> None:
        loop = asyncio.get_running_loop()
        number = next(self._addresses)
        address = f"10.244.{number // 250 % 250}.{number % 250 + 1}"
        born, zero = dt.datetime.now(dt.UTC), loop.time()
        for age in pods.moments(pod):
            await asyncio.sleep(zero + age - loop.time())
            await self._report(pod, pods.status(pod, born=born, age=age, address=address))

    async def _end(self, pod: Json) -> None:
        meta = pod["metadata"]
        await asyncio.sleep(min(meta.get("deletionGracePeriodSeconds") or 0, STOP))
        if meta.get("finalizers"):  # a job counts only pods that have ended
            over = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
            if not over:
                await self._report(pod, {"phase": "Failed"})
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
        await self._send("DELETE", _path(pod), body)

    async def _report(self, pod: Json, status: Json) -> None:
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        await self._send("PATCH", f"{_path(pod)}/status", body)

    async def _send(self, method: str, path: str, body: Json = None) -> Json:
        """Send a request until the server takes or refuses it; what is gone or there is fine."""
        kind = STRATEGIC if method == "PATCH" else "application/json"
        if method == "PATCH" and path.startswith("/apis/"):
            kind = "application/merge-patch+json"
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with self._session.request(
                    method, path, json=body, headers={"Content-Type": kind}
                ) as answer:
                    said = await answer.json()
                    if answer.status < 500 and answer.status != 429:
                        if answer.status >= 400 and answer.status not in (404, 409):
                            _say(f"{method} {path}: {said.get('message')}")
                        return said
            await asyncio.sleep(RETRY)


def _fits(pod: Json, node: Json) -> bool:
    """Say whether a pod may run on a node: neither cordoned nor excluded by the pod."""
    labels = node["metadata"].get("labels") or {}
    spec = pod["spec"]
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    named = {
        value
        for term in required.get("nodeSelectorTerms") or ()
        for field in term.get("matchFields") or ()  # how a DaemonSet names the node
        for value in field["values"]
    }
    selector = spec.get("nodeSelector") or {}
    if named:
        return node["metadata"]["name"] in named
    return not node["spec"].get("unschedulable") and selector.items() <= labels.items()


def _unschedulable(nodes: int) -> Json:
    said = f"0/{nodes} nodes are available: none is schedulable for this pod."
    return {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": said}


def _path(pod: Json) -> str:
    meta = pod["metadata"]
    return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"


def _leases() -> str:
    return "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def _lease(name: str) -> Json:
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, **_renewal()}
    kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
    return {**kind, "metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": spec}


def _renewal() -> Json:
    return {"renewTime": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}


def _node(name: str) -> Json:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
    meta = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": meta}


def _node_status(port: int) -> Json:
    size = {"cpu": "64", "memory": "256Gi", "pods": "10000", "ephemeral-storage": "1Ti"}
    now = pods.moment(dt.datetime.now(dt.UTC))
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    return {
        "status": {
            "capacity": size,
            "allocatable": size,
            "conditions": [{**ready, "lastHeartbeatTime": now, "lastTransitionTime": now}],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "nodeInfo": _NODE_INFO,
        }
    }


_NODE_INFO = {
    "architecture": "amd64",
    "bootID": "bench",
    "containerRuntimeVersion": "bench://1",
    "kernelVersion": "bench",
    "kubeProxyVersion": "",
    "kubeletVersion": "v1.36.3",
    "machineID": "bench",
    "operatingSystem": "linux",
    "osImage": "bench",
    "systemUUID": "bench",
}


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its output is its log


async def serve(config: Json, port: int, pair: Pair, authority: Path) -> None:
    """Be the nodes of the cluster of a kubeconfig (its content) until the process is ended."""
    user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
    trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
    trust.load_cert_chain(user["client-certificate"], user["client-key"])
    async with aiohttp.ClientSession(
        cluster["server"],
        connector=aiohttp.TCPConnector(ssl=trust, limit=50),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        read_bufsize=LONGEST_LINE,
    ) as session:
        nodes = Nodes(session, port)
        async with kubelet.serving(nodes.pods, port, pair.context(trusts=authority)):
            await nodes.register()
            _say("ready")
            await asyncio.gather(nodes.watch(), nodes.renew())


def main(config: str, port: str, certificate: str, key: str, authority: str) -> None:
    """Read the command line's files and serve."""
    pair = Pair(certificate=Path(certificate), key=Path(key))
    content = json.loads(Path(config).read_text(encoding="utf-8"))
    asyncio.run(serve(content, int(port), pair, Path(authority)))


if __name__ == "__main__":
    main(*sys.argv[1:])
