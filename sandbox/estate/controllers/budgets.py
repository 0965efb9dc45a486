"""The disruption controller: how many pods may be evicted now."""

from __future__ import annotations

import math

from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.conditions import condition
from sandbox.estate.controllers.kubelet import is_over, is_ready
from sandbox.estate.resources import BUDGETS, DEPLOYMENTS, PODS, REPLICASETS, STATEFULSETS
from sandbox.estate.selectors import matches
from sandbox.estate.values import Object


class BudgetController:
    """Writes the status of each PodDisruptionBudget."""

    def __init__(self, author: Author) -> None:
        self._author = author
        self._store = author.store

    def reconcile(self, namespace: str, name: str) -> None:
        """Write the status of one budget."""
        item = self._store.get(BUDGETS, namespace, name)
        if item is None:
            return
        pods = [pod for pod in self._store.list(PODS, namespace) if _covers(item, pod)]
        expected = self._expected(pods)
        healthy, wanted = sum(is_ready(pod) for pod in pods), _wanted(item, expected)
        if item["spec"].get("minAvailable") is not None:
            expected = expected if _is_share(item) else len(pods)
        allowed = max(0, healthy - wanted) if expected else 0
        enough = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
        old = (item.get("status") or {}).get("conditions") or []
        made = condition(old, "DisruptionAllowed", *enough, "")
        generation = item["metadata"].get("generation", 1)
        status = {
            "observedGeneration": generation,
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": wanted,
            "expectedPods": expected,
            "conditions": [made | {"observedGeneration": generation}],
        }
        self._author.set_status(BUDGETS, item, status)

    def covering(self, pod: Object) -> list[str]:
        """Return the names of the budgets that cover a pod."""
        return [
            item["metadata"]["name"]
            for item in self._store.list(BUDGETS, pod["metadata"]["namespace"])
            if _covers(item, pod)
        ]

    def _expected(self, pods: list[Object]) -> int:
        """Count the pods that the owners of these want."""
        sizes: dict[str, int] = {}
        for pod in pods:
            for reference in pod["metadata"].get("ownerReferences") or []:
                owner = self._owner(pod["metadata"]["namespace"], reference)
                if owner:
                    sizes[owner["metadata"]["uid"]] = int(owner["spec"].get("replicas", 1))
        return sum(sizes.values())

    def _owner(self, namespace: str, reference: Object) -> Object | None:
        kinds = {"ReplicaSet": REPLICASETS, "StatefulSet": STATEFULSETS, "Deployment": DEPLOYMENTS}
        kind = kinds.get(reference["kind"])
        found = self._store.get(kind, namespace, reference["name"]) if kind else None
        if found and kind == REPLICASETS:
            for parent in found["metadata"].get("ownerReferences") or []:
                return self._owner(namespace, parent) or found
        return found


def _covers(item: Object, pod: Object) -> bool:
    selector = item["spec"].get("selector")
    if selector is None or is_over(pod):
        return False
    return matches(pod["metadata"].get("labels") or {}, selector)


def _is_share(item: Object) -> bool:
    return str(item["spec"].get("minAvailable", "")).endswith("%")


def _wanted(item: Object, expected: int) -> int:
    spec = item["spec"]
    if spec.get("maxUnavailable") is not None:
        return max(0, expected - _resolved(spec["maxUnavailable"], expected))
    least = spec.get("minAvailable", 1)
    return _resolved(least, expected) if _is_share(item) else int(least)


def _resolved(value: object, total: int) -> int:
    text = str(value)
    return math.ceil(total * int(text[:-1]) / 100) if text.endswith("%") else int(text)
