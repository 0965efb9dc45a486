"""The simulated cluster: its store, and the controllers that keep it moving.

`kubernetes` writes into it on behalf of clients; what follows from a write happens here.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sandbox.estate.clock import Clock, Timers
from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.autoscalers import AutoscalerController
from sandbox.estate.controllers.budgets import BudgetController
from sandbox.estate.controllers.daemonsets import DaemonSetController
from sandbox.estate.controllers.deployments import DeploymentController
from sandbox.estate.controllers.endpoints import EndpointsController
from sandbox.estate.controllers.jobs import JobController
from sandbox.estate.controllers.kubelet import Kubelet
from sandbox.estate.controllers.namespaces import NamespaceController
from sandbox.estate.controllers.replicasets import ReplicaSetController
from sandbox.estate.controllers.statefulsets import StatefulSetController
from sandbox.estate.deletions import Collector, Deletions
from sandbox.estate.images import Images
from sandbox.estate.registry import Registry
from sandbox.estate.resources import (
    AUTOSCALERS,
    BUDGETS,
    DAEMONSETS,
    DEPLOYMENTS,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SERVICES,
    STATEFULSETS,
    Resource,
)
from sandbox.estate.store import Change, Store
from sandbox.estate.values import Object

_SETTLE = 0.05  # simulated seconds between a change and the controllers' reaction
_OWNERS = (REPLICASETS, STATEFULSETS, DAEMONSETS, JOBS, DEPLOYMENTS)

Reconcile = Callable[[str, str], None]


class Cluster:
    """Objects, images and controllers."""

    def __init__(self, clock: Clock, timers: Timers, random: Random) -> None:
        self.store = Store(random)
        self.images = Images()
        self.registry = Registry(self.store, random)
        self._timers = timers
        author = Author(self.store, self.registry)
        nodes = Author(self.store, self.registry, "kubelet")
        self.kubelet = Kubelet(nodes, timers, self.images, random)
        self.deletions = Deletions(self.store, self.kubelet)
        self._collector = Collector(self.store, self.kubelet)
        self._namespaces = NamespaceController(author)
        self._replicasets = ReplicaSetController(author, self.kubelet)
        self._deployments = DeploymentController(author, clock, timers)
        self._endpoints = EndpointsController(author)
        self._budgets = BudgetController(author)
        self._autoscalers = AutoscalerController(author)
        self._reconcilers: dict[Resource, Reconcile] = {
            DEPLOYMENTS: self._deployments.reconcile,
            REPLICASETS: self._replicasets.reconcile,
            STATEFULSETS: StatefulSetController(author, self.kubelet).reconcile,
            DAEMONSETS: DaemonSetController(author, self.kubelet).reconcile,
            JOBS: JobController(author, self.kubelet, timers).reconcile,
            SERVICES: self._endpoints.reconcile,
            BUDGETS: self._budgets.reconcile,
            AUTOSCALERS: self._autoscalers.reconcile,
        }
        self._pending: set[tuple[Resource, str, str]] = set()
        self.store.listen(self._changed)

    def reset(self) -> None:
        """Remove everything."""
        self._pending.clear()
        self.images.reset()
        self.store.clear()
        self._timers.clear()
        self._pending.clear()

    def settle(self, deployment: Object) -> None:
        """Write the status of a Deployment and its ReplicaSets now, without waiting."""
        meta = deployment["metadata"]
        for item in self.store.children(REPLICASETS, deployment):
            self._replicasets.reconcile(meta["namespace"], item["metadata"]["name"])
        self._deployments.reconcile(meta["namespace"], meta["name"])

    def _changed(self, change: Change) -> None:
        resource, item = change.resource, change.object
        meta = item["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        if change.type == "DELETED":
            self._deleted(resource, item)
        if resource == PODS:
            self._pod_changed(change)
        if resource == NAMESPACES and change.type == "ADDED":
            self._timers.after(_SETTLE, lambda: self._namespaces.furnish(name))
        if resource == NODES:
            self._queue_all(DAEMONSETS)
        if resource in (DEPLOYMENTS, STATEFULSETS):
            for watching in self._autoscalers.watching(resource, item):
                self._queue(AUTOSCALERS, namespace, watching)
        if resource in self._reconcilers or "deletionTimestamp" in meta:
            self._queue(resource, namespace, name)
        self._queue_owners(item)

    def _deleted(self, resource: Resource, item: Object) -> None:
        if resource == NAMESPACES:
            self._namespaces.empty(item["metadata"]["name"])
        else:
            self._collector.orphaned(item)

    def _pod_changed(self, change: Change) -> None:
        pod = change.object
        namespace = pod["metadata"]["namespace"]
        if change.type == "ADDED" and not pod["spec"].get("nodeName"):
            self.kubelet.pod_added(pod)
        for name in self._endpoints.selecting(pod):
            self._queue(SERVICES, namespace, name)
        for name in self._budgets.covering(pod):
            self._queue(BUDGETS, namespace, name)

    def _queue_owners(self, item: Object) -> None:
        for reference in item["metadata"].get("ownerReferences") or []:
            for resource in _OWNERS:
                if reference["kind"] == resource.kind:
                    self._queue(resource, item["metadata"]["namespace"], reference["name"])

    def _queue_all(self, resource: Resource) -> None:
        for item in self.store.list(resource):
            self._queue(resource, item["metadata"]["namespace"], item["metadata"]["name"])

    def _queue(self, resource: Resource, namespace: str, name: str) -> None:
        key = (resource, namespace, name)
        if key not in self._pending:
            self._pending.add(key)
            self._timers.after(_SETTLE, lambda: self._reconcile(key))

    def _reconcile(self, key: tuple[Resource, str, str]) -> None:
        self._pending.discard(key)
        resource, namespace, name = key
        if resource in self._reconcilers:
            self._reconcilers[resource](namespace, name)
        self._collector.proceed(resource, namespace, name)
