"""The ReplicaSet controller: as many pods as its spec says, its status, and who goes first."""

from __future__ import annotations

from random import Random

from sandbox.estate.pods import Kubelet, is_ready
from sandbox.estate.resources import PODS, REPLICASETS
from sandbox.estate.store import Store
from sandbox.estate.templates import new_pod
from sandbox.estate.values import Object, clone


def pods_of(store: Store, replicaset: Object) -> list[Object]:
    """Return the pods of a ReplicaSet that aren't on their way out."""
    children = store.children(PODS, replicaset)
    return [pod for pod in children if "deletionTimestamp" not in pod["metadata"]]


def available_pods(store: Store, replicaset: Object) -> int:
    """Count the pods of a ReplicaSet that take traffic."""
    return sum(is_ready(pod) for pod in pods_of(store, replicaset))


class ReplicaSetController:
    """Creates and removes pods."""

    def __init__(self, store: Store, kubelet: Kubelet, random: Random) -> None:
        self._store = store
        self._kubelet = kubelet
        self._random = random

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one ReplicaSet to its number of pods and write its status."""
        replicaset = self._store.get(REPLICASETS, namespace, name)
        if replicaset is None:
            return
        pods = pods_of(self._store, replicaset)
        missing = int(replicaset["spec"]["replicas"]) - len(pods)
        for _ in range(missing):
            self._store.put(PODS, new_pod(replicaset, self._random))
        for pod in _leaving_order(pods)[: max(0, -missing)]:
            self._kubelet.terminate(namespace, pod["metadata"]["name"])
        self._write_status(namespace, name)

    def forget(self, replicaset: Object) -> None:
        """Remove the pods of a deleted ReplicaSet."""
        for pod in pods_of(self._store, replicaset):
            self._kubelet.terminate(pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _write_status(self, namespace: str, name: str) -> None:
        replicaset = self._store.get(REPLICASETS, namespace, name)
        if replicaset is None:
            return
        count = len(pods_of(self._store, replicaset))
        ready = available_pods(self._store, replicaset)
        status: Object = {
            "replicas": count,
            "observedGeneration": replicaset["metadata"].get("generation", 1),
        }
        numbers = {
            "fullyLabeledReplicas": count,
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        status |= {key: value for key, value in numbers.items() if value}
        if status != replicaset.get("status"):
            changed = clone(replicaset)
            changed["status"] = status
            self._store.put(REPLICASETS, changed)


def _leaving_order(pods: list[Object]) -> list[Object]:
    """Order pods as the real controller picks victims: unready ones, then the youngest."""
    newest_first = sorted(
        pods, key=lambda pod: int(pod["metadata"]["resourceVersion"]), reverse=True
    )
    return sorted(newest_first, key=is_ready)
