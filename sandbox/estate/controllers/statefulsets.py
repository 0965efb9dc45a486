"""The StatefulSet controller: numbered pods, one after the other."""

from __future__ import annotations

from typing import Any

from sandbox.estate.controllers import revisions
from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.conditions import without_zeros
from sandbox.estate.controllers.kubelet import Kubelet, is_leaving, is_ready
from sandbox.estate.controllers.templates import new_pod
from sandbox.estate.resources import PODS, STATEFULSETS
from sandbox.estate.values import Object

_POD_NAME = "statefulset.kubernetes.io/pod-name"
_POD_INDEX = "apps.kubernetes.io/pod-index"


class StatefulSetController:
    """Brings each StatefulSet nearer to its spec, one pod a call."""

    def __init__(self, author: Author, kubelet: Kubelet) -> None:
        self._author = author
        self._store = author.store
        self._kubelet = kubelet

    def reconcile(self, namespace: str, name: str) -> None:
        """Make the next step of one StatefulSet and write its status."""
        item = self._store.get(STATEFULSETS, namespace, name)
        if item is None:
            return
        past = revisions.record(self._author, item)
        newest = past[-1]["metadata"]["name"]
        current = (item.get("status") or {}).get("currentRevision") or newest
        if not is_leaving(item):
            self._step(item, newest)
        self._write_status(item, current, newest)

    def _pods(self, item: Object) -> list[Object]:
        return sorted(self._store.children(PODS, item), key=_ordinal)

    def _step(self, item: Object, newest: str) -> None:
        wanted = int(item["spec"]["replicas"])
        pods = {_ordinal(pod): pod for pod in self._pods(item)}
        parallel = item["spec"]["podManagementPolicy"] == "Parallel"
        for number in range(wanted):
            if number not in pods:
                self._author.create(PODS, _new_pod(item, number, newest))
            if not parallel and not (number in pods and is_ready(pods[number])):
                return
        surplus = [pod for number, pod in pods.items() if number >= wanted]
        for pod in reversed(surplus):
            self._kubelet.terminate(pod["metadata"]["namespace"], pod["metadata"]["name"])
            if not parallel:
                return
        if surplus or item["spec"]["updateStrategy"]["type"] == "OnDelete":
            return
        self._replace_old(item, pods, newest)

    def _replace_old(self, item: Object, pods: dict[int, Object], newest: str) -> None:
        """Replace the last pod of an older template, once all after it are ready."""
        rolling = item["spec"]["updateStrategy"].get("rollingUpdate") or {}
        for number in sorted(pods, reverse=True):
            pod = pods[number]
            if number < rolling.get("partition", 0):
                return
            if _hash(pod) != newest:
                self._kubelet.terminate(pod["metadata"]["namespace"], pod["metadata"]["name"])
                return
            if not is_ready(pod):
                return

    def _write_status(self, item: Object, current: str, newest: str) -> None:
        meta = item["metadata"]
        pods = [pod for pod in self._pods(item) if not is_leaving(pod)]
        ready = sum(is_ready(pod) for pod in pods)
        updated = sum(_hash(pod) == newest for pod in pods)
        done = updated == len(pods) == ready == int(item["spec"]["replicas"])
        if done:
            current = newest
        numbers = {
            "observedGeneration": int(meta.get("generation", 1)),
            "replicas": len(pods),
            "readyReplicas": ready,
            "currentReplicas": sum(_hash(pod) == current for pod in pods),
            "updatedReplicas": updated,
            "availableReplicas": ready,
            "collisionCount": 0,
        }
        always = ("replicas", "availableReplicas", "collisionCount")
        status = without_zeros(numbers, always)
        status |= {"currentRevision": current, "updateRevision": newest}
        found = self._store.get(STATEFULSETS, meta["namespace"], meta["name"])
        if found is not None:
            self._author.set_status(STATEFULSETS, found, status)


def _new_pod(item: Object, number: int, newest: str) -> Object:
    name = f"{item['metadata']['name']}-{number}"
    pod = new_pod(item, item["spec"]["template"], name=name)
    pod["metadata"]["generateName"] = f"{item['metadata']['name']}-"
    pod["metadata"].setdefault("labels", {}).update(
        {_POD_INDEX: str(number), revisions.HASH: newest, _POD_NAME: name}
    )
    pod["spec"] |= {"hostname": name}
    if item["spec"].get("serviceName"):
        pod["spec"]["subdomain"] = item["spec"]["serviceName"]
    return pod


def _ordinal(pod: Object) -> int:
    return int(str(pod["metadata"]["name"]).rpartition("-")[2])


def _hash(pod: Object) -> Any:
    return (pod["metadata"].get("labels") or {}).get(revisions.HASH)
