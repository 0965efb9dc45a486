"""The autoscaler, in a cluster without a metrics server: it keeps sizes within their limits."""

from __future__ import annotations

from sandbox.estate.clock import stamp
from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.conditions import condition
from sandbox.estate.resources import AUTOSCALERS, DEPLOYMENTS, STATEFULSETS, Resource
from sandbox.estate.values import Object, clone

_TARGETS = {item.kind: item for item in (DEPLOYMENTS, STATEFULSETS)}
_NO_METRICS = (
    "the HPA was unable to compute the replica count: failed to get {name} utilization: unable to "
    "get metrics for resource {name}: unable to fetch metrics from resource metrics API: the "
    "server could not find the requested resource (get pods.metrics.k8s.io)"
)


class AutoscalerController:
    """Looks at the workload of each HorizontalPodAutoscaler."""

    def __init__(self, author: Author) -> None:
        self._author = author
        self._store = author.store

    def reconcile(self, namespace: str, name: str) -> None:
        """Keep one workload within its limits and say why no more is done."""
        item = self._store.get(AUTOSCALERS, namespace, name)
        if item is None:
            return
        reference = item["spec"]["scaleTargetRef"]
        kind = _TARGETS.get(reference["kind"])
        target = self._store.get(kind, namespace, reference["name"]) if kind else None
        old = item.get("status") or {}
        if kind is None or target is None:
            self._report(item, _missing(old, kind, reference), {"desiredReplicas": 0})
            return
        size = int(target["spec"]["replicas"])
        if size == 0:
            conditions = [
                _able(old),
                condition(
                    old.get("conditions") or [],
                    "ScalingActive",
                    "False",
                    "ScalingDisabled",
                    "scaling is disabled since the replica count of the target is zero",
                ),
            ]
            self._report(item, conditions, {"desiredReplicas": 0})
            return
        low, high = int(item["spec"]["minReplicas"]), int(item["spec"]["maxReplicas"])
        wanted = min(max(size, low), high)
        if wanted != size:
            changed = clone(target)
            changed["spec"]["replicas"] = wanted
            self._author.update(kind, target, changed)
            self._report(item, [_rescaled(old)], _sizes(size, wanted) | {"lastScaleTime": stamp()})
            return
        last = {"lastScaleTime": old["lastScaleTime"]} if "lastScaleTime" in old else {}
        self._report(item, [_able(old), _inactive(item, old)], _sizes(size, 0) | last)

    def watching(self, resource: Resource, target: Object) -> list[str]:
        """Return the names of the autoscalers of a workload."""
        meta = target["metadata"]
        return [
            item["metadata"]["name"]
            for item in self._store.list(AUTOSCALERS, meta["namespace"])
            if item["spec"]["scaleTargetRef"]["kind"] == resource.kind
            and item["spec"]["scaleTargetRef"]["name"] == meta["name"]
        ]

    def _report(self, item: Object, conditions: list[Object], counts: Object) -> None:
        status = counts | {"currentMetrics": None, "conditions": conditions}
        self._author.set_status(AUTOSCALERS, item, status)


def _sizes(current: int, wanted: int) -> Object:
    return {"currentReplicas": current, "desiredReplicas": wanted}


def _able(old: Object) -> Object:
    text = "the HPA controller was able to get the target's current scale"
    known = old.get("conditions") or []
    return condition(known, "AbleToScale", "True", "SucceededGetScale", text)


def _rescaled(old: Object) -> Object:
    text = "the HPA controller was able to update the target scale"
    return condition(old.get("conditions") or [], "AbleToScale", "True", "SucceededRescale", text)


def _missing(old: Object, kind: Resource | None, reference: Object) -> list[Object]:
    what = kind.qualified if kind else reference["kind"]
    text = (
        "the HPA controller was unable to get the target's current scale: "
        f'{what} "{reference["name"]}" not found'
    )
    known = old.get("conditions") or []
    return [condition(known, "AbleToScale", "False", "FailedGetScale", text)]


def _inactive(item: Object, old: Object) -> Object:
    names = [
        metric["resource"]["name"] for metric in item["spec"]["metrics"] if "resource" in metric
    ]
    text = _NO_METRICS.format(name=names[0] if names else "cpu")
    return condition(
        old.get("conditions") or [], "ScalingActive", "False", "FailedGetResourceMetric", text
    )
