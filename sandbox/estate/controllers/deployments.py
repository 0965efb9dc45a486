"""The Deployment controller: ReplicaSets per template, rolling updates, status, conditions.

`cluster` calls `reconcile` after every change that may matter; it reads the store, makes one
step, and is called again by the changes that the step caused.
"""

from __future__ import annotations

from sandbox.estate.clock import Clock, Timers
from sandbox.estate.controllers import revisions
from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.conditions import condition, without_zeros
from sandbox.estate.controllers.kubelet import is_leaving
from sandbox.estate.controllers.replicasets import available_pods, pods_of
from sandbox.estate.controllers.revisions import revision
from sandbox.estate.controllers.rollouts import Group, limits, next_sizes
from sandbox.estate.controllers.templates import REVISION, new_replicaset, template_hash
from sandbox.estate.resources import DEPLOYMENTS, PODS, REPLICASETS
from sandbox.estate.values import Object, clone

_NUMBERS = (
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
)


class DeploymentController:
    """Brings each Deployment nearer to its spec, one step a call."""

    def __init__(self, author: Author, clock: Clock, timers: Timers) -> None:
        self._author = author
        self._store = author.store
        self._clock = clock
        self._timers = timers
        self._progress: dict[str, tuple[object, float]] = {}  # uid -> what was seen, when

    def reconcile(self, namespace: str, name: str) -> None:
        """Make the next step of one Deployment and write its status."""
        deployment = self._store.get(DEPLOYMENTS, namespace, name)
        if deployment is None:
            return
        if not deployment["spec"].get("paused") and not is_leaving(deployment):
            new = self._current_set(deployment)
            deployment = self._annotate(deployment, str(revision(new)))
            sets = self._sets(deployment)
            self._scale(deployment, new["metadata"]["name"], sets)
            self._prune(deployment, sets, new["metadata"]["name"])
        self._write_status(namespace, name)

    def _sets(self, deployment: Object) -> list[Object]:
        return self._store.children(REPLICASETS, deployment)

    def _current_set(self, deployment: Object) -> Object:
        """Return the ReplicaSet of the present template, with the highest revision."""
        sets = self._sets(deployment)
        name = _current_name(deployment)
        others = [item for item in sets if item["metadata"]["name"] != name]
        newest = max((revision(item) for item in others), default=0) + 1
        found = next((item for item in sets if item["metadata"]["name"] == name), None)
        if found is None:
            made = new_replicaset(deployment, template_hash(deployment["spec"]["template"]))
            made["metadata"]["annotations"] = revisions.noted(deployment, None, newest)
            return self._author.create(REPLICASETS, made)
        number = max(newest, revision(found))
        changed = clone(found)
        changed["metadata"]["annotations"] = revisions.noted(deployment, found, number)
        return self._author.update(REPLICASETS, found, changed)

    def _annotate(self, deployment: Object, number: str) -> Object:
        changed = clone(deployment)
        changed["metadata"].setdefault("annotations", {})[REVISION] = number
        return self._author.update_status(DEPLOYMENTS, deployment, changed)

    def _scale(self, deployment: Object, new_name: str, sets: list[Object]) -> None:
        groups = {item["metadata"]["name"]: self._group(item) for item in sets}
        new = groups.pop(new_name)
        recreate = deployment["spec"]["strategy"]["type"] == "Recreate"
        sizes = next_sizes(
            int(deployment["spec"]["replicas"]),
            new,
            list(groups.values()),
            limits(deployment),
            recreate=recreate,
        )
        for item in sets:
            size = sizes.get(item["metadata"]["name"], item["spec"]["replicas"])
            changed = clone(item)
            changed["spec"]["replicas"] = size
            current = item["metadata"]["name"] == new_name
            if current or size != item["spec"]["replicas"]:
                changed["metadata"]["annotations"] |= revisions.sizes(deployment)
            self._author.update(REPLICASETS, item, changed)

    def _group(self, replicaset: Object) -> Group:
        replicas = int(replicaset["spec"]["replicas"])
        # Pods that a smaller size has already doomed no longer count.
        available = min(replicas, available_pods(self._store, replicaset))
        name = replicaset["metadata"]["name"]
        return Group(name=name, replicas=replicas, available=available)

    def _prune(self, deployment: Object, sets: list[Object], current: str) -> None:
        kept = int(deployment["spec"]["revisionHistoryLimit"])
        idle = [
            item
            for item in sorted(sets, key=revision)
            if not item["spec"]["replicas"] and item["metadata"]["name"] != current
        ]
        for item in idle[: max(0, len(idle) - kept)]:
            if not pods_of(self._store, item):
                meta = item["metadata"]
                self._store.delete(REPLICASETS, meta["namespace"], meta["name"])

    def _write_status(self, namespace: str, name: str) -> None:
        deployment = self._store.get(DEPLOYMENTS, namespace, name)
        if deployment is not None:
            self._author.set_status(DEPLOYMENTS, deployment, self._status(deployment))

    def _status(self, deployment: Object) -> Object:
        wanted = int(deployment["spec"]["replicas"])
        sets = self._sets(deployment)
        current = _current_name(deployment)
        counts = {item["metadata"]["name"]: len(pods_of(self._store, item)) for item in sets}
        available = sum(available_pods(self._store, item) for item in sets)
        total = sum(counts.values())
        missing = max(0, total - available, wanted - available)
        values = (total, counts.get(current, 0), available, available, missing)
        numbers = dict(zip(_NUMBERS, values, strict=True))
        # The real server leaves zeros out, and clients stumble over that: so does this one.
        status: Object = {"observedGeneration": deployment["metadata"].get("generation", 1)}
        status |= without_zeros(numbers)
        status["terminatingReplicas"] = self._leaving(sets)
        status["conditions"] = self._conditions(deployment, current, numbers, wanted)
        return status

    def _leaving(self, sets: list[Object]) -> int:
        return sum(is_leaving(pod) for item in sets for pod in self._store.children(PODS, item))

    def _conditions(
        self, deployment: Object, current: str, numbers: dict[str, int], wanted: int
    ) -> list[Object]:
        enough = numbers["availableReplicas"] >= wanted - limits(deployment).unavailable
        available = (
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
            if enough
            else (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        )
        progressing = self._progressing(deployment, current, numbers, wanted)
        old = (deployment.get("status") or {}).get("conditions") or []
        return [
            condition(old, "Available", *available, updates=True),
            condition(old, "Progressing", *progressing, updates=True),
        ]

    def _progressing(
        self, deployment: Object, current: str, numbers: dict[str, int], wanted: int
    ) -> tuple[str, str, str]:
        uid = deployment["metadata"]["uid"]
        seen = (current, wanted, tuple(numbers.values()))
        before, since = self._progress.get(uid, (None, 0.0))
        if before != seen:
            since = self._clock.now()
            self._progress[uid] = (seen, since)
        complete = (
            numbers["updatedReplicas"] == numbers["replicas"] == wanted
            and numbers["availableReplicas"] == wanted
        )
        if complete:
            text = f'ReplicaSet "{current}" has successfully progressed.'
            return "True", "NewReplicaSetAvailable", text
        deadline = float(deployment["spec"].get("progressDeadlineSeconds", 600))
        if self._clock.now() - since >= deadline:
            text = f'ReplicaSet "{current}" has timed out progressing.'
            return "False", "ProgressDeadlineExceeded", text
        self._look_again(deployment, since + deadline - self._clock.now())
        return "True", "ReplicaSetUpdated", f'ReplicaSet "{current}" is progressing.'

    def _look_again(self, deployment: Object, delay: float) -> None:
        meta = deployment["metadata"]
        self._timers.after(
            delay + 0.01, lambda: self._write_status(meta["namespace"], meta["name"])
        )


def _current_name(deployment: Object) -> str:
    hashed = template_hash(deployment["spec"]["template"])
    return f"{deployment['metadata']['name']}-{hashed}"
