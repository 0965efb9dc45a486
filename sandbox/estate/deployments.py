"""The Deployment controller: ReplicaSets per template, rolling updates, status, conditions.

`cluster` calls `reconcile` after every change that may matter; it reads the store, makes one
step, and is called again by the changes that the step caused.
"""

from __future__ import annotations

from sandbox.estate.clock import Clock, Timers, stamp
from sandbox.estate.replicasets import available_pods, pods_of
from sandbox.estate.resources import DEPLOYMENTS, REPLICASETS
from sandbox.estate.rollouts import Group, limits, next_sizes
from sandbox.estate.store import Store
from sandbox.estate.templates import REVISION, new_replicaset, template_hash
from sandbox.estate.values import Object, clone

_HISTORY = 10


class DeploymentController:
    """Brings each Deployment nearer to its spec, one step a call."""

    def __init__(self, store: Store, clock: Clock, timers: Timers) -> None:
        self._store = store
        self._clock = clock
        self._timers = timers
        self._progress: dict[str, tuple[object, float]] = {}  # uid -> what was seen, when

    def reconcile(self, namespace: str, name: str) -> None:
        """Make the next step of one Deployment and write its status."""
        deployment = self._store.get(DEPLOYMENTS, namespace, name)
        if deployment is None:
            return
        sets = self._sets(deployment)
        if not deployment["spec"].get("paused"):
            new = self._current_set(deployment, sets)
            sets = self._sets(deployment)
            self._scale(deployment, new["metadata"]["name"], sets)
            self._prune(sets, new["metadata"]["name"])
        self._write_status(namespace, name)

    def forget(self, deployment: Object) -> None:
        """Remove what a deleted Deployment owned."""
        for item in self._sets(deployment):
            self._store.delete(REPLICASETS, item["metadata"]["namespace"], item["metadata"]["name"])

    def _sets(self, deployment: Object) -> list[Object]:
        return self._store.children(REPLICASETS, deployment)

    def _current_set(self, deployment: Object, sets: list[Object]) -> Object:
        meta = deployment["metadata"]
        hashed = template_hash(deployment["spec"]["template"])
        name = f"{meta['name']}-{hashed}"
        newest = max((revision(item) for item in sets), default=0)
        found = next((item for item in sets if item["metadata"]["name"] == name), None)
        current = clone(found) if found else new_replicaset(deployment, hashed)
        if found is None or revision(found) < newest:
            current["metadata"].setdefault("annotations", {})[REVISION] = str(newest + 1)
            current = self._store.put(REPLICASETS, current)
        self._annotate(deployment, str(revision(current)))
        return current

    def _annotate(self, deployment: Object, number: str) -> None:
        annotations = deployment["metadata"].get("annotations") or {}
        if annotations.get(REVISION) == number:
            return
        changed = clone(deployment)
        changed["metadata"]["annotations"] = annotations | {REVISION: number}
        self._store.put(DEPLOYMENTS, changed)

    def _scale(self, deployment: Object, new_name: str, sets: list[Object]) -> None:
        groups = {item["metadata"]["name"]: self._group(item) for item in sets}
        new = groups.pop(new_name)
        recreate = (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"
        sizes = next_sizes(
            int(deployment["spec"].get("replicas", 1)),
            new,
            list(groups.values()),
            limits(deployment),
            recreate=recreate,
        )
        for item in sets:
            size = sizes.get(item["metadata"]["name"])
            if size is not None:
                changed = clone(item)
                changed["spec"]["replicas"] = size
                changed["metadata"]["generation"] = int(item["metadata"].get("generation", 1)) + 1
                self._store.put(REPLICASETS, changed)

    def _group(self, replicaset: Object) -> Group:
        replicas = int(replicaset["spec"]["replicas"])
        # Pods that a smaller size has already doomed no longer count.
        available = min(replicas, available_pods(self._store, replicaset))
        name = replicaset["metadata"]["name"]
        return Group(name=name, replicas=replicas, available=available)

    def _prune(self, sets: list[Object], current: str) -> None:
        idle = sorted((item for item in sets if not item["spec"]["replicas"]), key=revision)
        for item in idle[: max(0, len(idle) - _HISTORY)]:
            if item["metadata"]["name"] != current and not pods_of(self._store, item):
                self._store.delete(
                    REPLICASETS, item["metadata"]["namespace"], item["metadata"]["name"]
                )

    def _write_status(self, namespace: str, name: str) -> None:
        deployment = self._store.get(DEPLOYMENTS, namespace, name)
        if deployment is None:
            return
        status = self._status(deployment)
        if status != deployment.get("status"):
            changed = clone(deployment)
            changed["status"] = status
            self._store.put(DEPLOYMENTS, changed)

    def _status(self, deployment: Object) -> Object:
        wanted = int(deployment["spec"].get("replicas", 1))
        sets = self._sets(deployment)
        hashed = template_hash(deployment["spec"]["template"])
        current = f"{deployment['metadata']['name']}-{hashed}"
        counts = {item["metadata"]["name"]: len(pods_of(self._store, item)) for item in sets}
        available = sum(available_pods(self._store, item) for item in sets)
        numbers = {
            "replicas": sum(counts.values()),
            "updatedReplicas": counts.get(current, 0),
            "readyReplicas": available,
            "availableReplicas": available,
            "unavailableReplicas": max(0, sum(counts.values()) - available, wanted - available),
        }
        # The real server leaves zeros out, and clients stumble over that: so does this one.
        status: Object = {"observedGeneration": deployment["metadata"].get("generation", 1)}
        status |= {key: value for key, value in numbers.items() if value}
        status["conditions"] = self._conditions(deployment, current, numbers, wanted)
        return status

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
            _condition(old, "Available", *available),
            _condition(old, "Progressing", *progressing),
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


def revision(replicaset: Object) -> int:
    """Return a ReplicaSet's revision number, 0 if it has none yet."""
    return int((replicaset["metadata"].get("annotations") or {}).get(REVISION, 0))


def _condition(old: list[Object], kind: str, status: str, reason: str, message: str) -> Object:
    before = next((item for item in old if item["type"] == kind), None)
    now = stamp()
    kept = before and before["status"] == status
    same = before and kept and before["reason"] == reason
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": before["lastUpdateTime"] if before and same else now,
        "lastTransitionTime": before["lastTransitionTime"] if before and kept else now,
    }
