"""The ReplicaSet controller: as many pods as its spec says, its status, and who goes first."""

from __future__ import annotations

from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.conditions import without_zeros
from sandbox.estate.controllers.kubelet import Kubelet, is_leaving, is_over, is_ready
from sandbox.estate.controllers.templates import new_pod
from sandbox.estate.resources import PODS, REPLICASETS
from sandbox.estate.store import Store
from sandbox.estate.values import Object


def pods_of(store: Store, replicaset: Object) -> list[Object]:
    """Return the pods of a ReplicaSet that aren't on their way out."""
    children = store.children(PODS, replicaset)
    return [pod for pod in children if not is_leaving(pod) and not is_over(pod)]


def available_pods(store: Store, replicaset: Object) -> int:
    """Count the pods of a ReplicaSet that take traffic."""
    return sum(is_ready(pod) for pod in pods_of(store, replicaset))


class ReplicaSetController:
    """Creates and removes pods."""

    def __init__(self, author: Author, kubelet: Kubelet) -> None:
        self._author = author
        self._store = author.store
        self._kubelet = kubelet

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one ReplicaSet to its number of pods and write its status."""
        replicaset = self._store.get(REPLICASETS, namespace, name)
        if replicaset is None:
            return
        if not is_leaving(replicaset):
            pods = pods_of(self._store, replicaset)
            missing = int(replicaset["spec"]["replicas"]) - len(pods)
            for _ in range(missing):
                template = replicaset["spec"]["template"]
                self._author.create(PODS, new_pod(replicaset, template))
            for pod in _leaving_order(pods)[: max(0, -missing)]:
                self._kubelet.terminate(namespace, pod["metadata"]["name"])
        self._write_status(namespace, name)

    def _write_status(self, namespace: str, name: str) -> None:
        replicaset = self._store.get(REPLICASETS, namespace, name)
        if replicaset is None:
            return
        count = len(pods_of(self._store, replicaset))
        ready = available_pods(self._store, replicaset)
        leaving = sum(is_leaving(pod) for pod in self._store.children(PODS, replicaset))
        numbers = {
            "replicas": count,
            "fullyLabeledReplicas": count,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "terminatingReplicas": leaving,
            "observedGeneration": int(replicaset["metadata"].get("generation", 1)),
        }
        status = without_zeros(numbers, always=("replicas", "terminatingReplicas"))
        self._author.set_status(REPLICASETS, replicaset, status)


def _leaving_order(pods: list[Object]) -> list[Object]:
    """Order pods as the real controller picks victims: unready ones, then the youngest."""
    newest_first = sorted(
        pods, key=lambda pod: int(pod["metadata"]["resourceVersion"]), reverse=True
    )
    return sorted(newest_first, key=is_ready)
