"""The DaemonSet controller: a pod on every node that fits."""

from __future__ import annotations

from typing import Any

from sandbox.estate.controllers import revisions
from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.conditions import without_zeros
from sandbox.estate.controllers.kubelet import Kubelet, is_leaving, is_ready
from sandbox.estate.controllers.nodes import fits, pinned_to
from sandbox.estate.controllers.templates import new_pod
from sandbox.estate.resources import DAEMONSETS, NODES, PODS
from sandbox.estate.values import Object

_GENERATION = "pod-template-generation"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_TOLERATED = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)


class DaemonSetController:
    """Brings each DaemonSet nearer to its spec."""

    def __init__(self, author: Author, kubelet: Kubelet) -> None:
        self._author = author
        self._store = author.store
        self._kubelet = kubelet

    def reconcile(self, namespace: str, name: str) -> None:
        """Make the next step of one DaemonSet and write its status."""
        item = self._store.get(DAEMONSETS, namespace, name)
        if item is None:
            return
        newest = revisions.record(self._author, item)[-1]["metadata"]["labels"][revisions.HASH]
        nodes = [node for node in self._store.list(NODES) if _fits(item, node)]
        names = [node["metadata"]["name"] for node in nodes]
        if not is_leaving(item):
            self._step(item, names, newest)
        self._write_status(namespace, name, names, newest)

    def _step(self, item: Object, names: list[str], newest: str) -> None:
        pods = {_node(pod): pod for pod in self._store.children(PODS, item)}
        for name in names:
            if name not in pods:
                self._author.create(PODS, _new_pod(item, name, newest))
        for name in pods.keys() - set(names):
            self._terminate(pods[name])
        if item["spec"]["updateStrategy"]["type"] == "OnDelete":
            return
        unready = [pod for pod in pods.values() if not is_ready(pod)]
        old = [pod for pod in pods.values() if _hash(pod) != newest and not is_leaving(pod)]
        most = item["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"]
        room = max(1, int(str(most).rstrip("%")) * (len(names) if "%" in str(most) else 1))
        for pod in old[: max(0, room - len(unready))]:
            self._terminate(pod)

    def _terminate(self, pod: Object) -> None:
        self._kubelet.terminate(pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _write_status(self, namespace: str, name: str, nodes: list[str], newest: str) -> None:
        item = self._store.get(DAEMONSETS, namespace, name)
        if item is None:
            return
        pods = [pod for pod in self._store.children(PODS, item) if not is_leaving(pod)]
        ready = sum(is_ready(pod) for pod in pods)
        numbers = {
            "currentNumberScheduled": sum(_node(pod) in nodes for pod in pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": len(nodes),
            "numberReady": ready,
            "observedGeneration": int(item["metadata"].get("generation", 1)),
            "updatedNumberScheduled": sum(_hash(pod) == newest for pod in pods),
            "numberAvailable": ready,
            "numberUnavailable": len(nodes) - ready,
        }
        always = (
            "currentNumberScheduled",
            "numberMisscheduled",
            "desiredNumberScheduled",
            "numberReady",
        )
        self._author.set_status(DAEMONSETS, item, without_zeros(numbers, always))


def _fits(item: Object, node: Object) -> bool:
    return fits(item["spec"]["template"]["spec"], node)


def _new_pod(item: Object, node: str, newest: str) -> Object:
    pod = new_pod(item, item["spec"]["template"])
    generation = (item["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION, "1")
    pod["metadata"].setdefault("labels", {}).update(
        {revisions.HASH: newest, _GENERATION: generation}
    )
    pod["spec"]["affinity"] = pinned_to(node)
    pod["spec"].setdefault("tolerations", [])
    pod["spec"]["tolerations"] += [
        {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect}
        for name, effect in _TOLERATED
    ]
    return pod


def _node(pod: Object) -> str:
    terms = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    required = terms.get("requiredDuringSchedulingIgnoredDuringExecution", {})
    for term in required.get("nodeSelectorTerms", []):
        for field in term.get("matchFields", []):
            return str(field["values"][0])
    return str(pod["spec"].get("nodeName", ""))


def _hash(pod: Object) -> Any:
    return (pod["metadata"].get("labels") or {}).get(revisions.HASH)
