"""The simulated cluster: its store, and the controllers that keep it moving.

`api` writes into the store on behalf of clients; what follows from a write happens here.
"""

from __future__ import annotations

from random import Random

from sandbox.estate.clock import Clock, Timers
from sandbox.estate.deployments import DeploymentController
from sandbox.estate.images import Images
from sandbox.estate.pods import Kubelet
from sandbox.estate.replicasets import ReplicaSetController
from sandbox.estate.resources import DEPLOYMENTS, PODS, REPLICASETS, Resource
from sandbox.estate.store import Change, Store
from sandbox.estate.values import Object

_SETTLE = 0.05  # simulated seconds between a change and the controllers' reaction


class Cluster:
    """Objects, images and controllers."""

    def __init__(self, clock: Clock, timers: Timers, random: Random) -> None:
        self.store = Store(random)
        self.images = Images()
        self.random = random
        self._timers = timers
        self.kubelet = Kubelet(self.store, timers, self.images, random)
        self._replicasets = ReplicaSetController(self.store, self.kubelet, random)
        self._deployments = DeploymentController(self.store, clock, timers)
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
        meta = change.object["metadata"]
        if change.resource == PODS:
            if change.type == "ADDED" and change.object["status"].get("phase") == "Pending":
                self.kubelet.pod_added(change.object)
            self._queue_owners(REPLICASETS, change.object)
        elif change.resource == REPLICASETS:
            if change.type == "DELETED":
                self._replicasets.forget(change.object)
            self._queue(REPLICASETS, meta["namespace"], meta["name"])
            self._queue_owners(DEPLOYMENTS, change.object)
        elif change.resource == DEPLOYMENTS:
            if change.type == "DELETED":
                self._deployments.forget(change.object)
            self._queue(DEPLOYMENTS, meta["namespace"], meta["name"])

    def _queue_owners(self, resource: Resource, item: Object) -> None:
        for reference in item["metadata"].get("ownerReferences") or []:
            if reference["kind"] == resource.kind:
                self._queue(resource, item["metadata"]["namespace"], reference["name"])

    def _queue(self, resource: Resource, namespace: str, name: str) -> None:
        key = (resource, namespace, name)
        if key not in self._pending:
            self._pending.add(key)
            self._timers.after(_SETTLE, lambda: self._reconcile(key))

    def _reconcile(self, key: tuple[Resource, str, str]) -> None:
        self._pending.discard(key)
        resource, namespace, name = key
        if resource == DEPLOYMENTS:
            self._deployments.reconcile(namespace, name)
        else:
            self._replicasets.reconcile(namespace, name)
