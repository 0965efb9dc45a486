"""The kubelet's and scheduler's part: pods start, become ready or fail, and go away.

Driven by the store's changes (`cluster` wires it): each new pod gets the steps of its life as
timers; each deletion a moment of grace.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sandbox.estate.clock import Timers, stamp
from sandbox.estate.images import Behaviour, Images
from sandbox.estate.resources import PODS
from sandbox.estate.store import Store
from sandbox.estate.values import Object, clone

NODES = ("ip-10-0-1-17", "ip-10-0-2-31", "ip-10-0-3-44")

# Simulated seconds; short, so that a demo at x1 takes a minute and not ten.
SCHEDULED = 0.3
STARTED = 0.9
READY = 1.6
GRACE = 0.7
CRASHED = 1.2
PULL_FAILED = 0.8


class Kubelet:
    """Moves every pod along its life."""

    def __init__(self, store: Store, timers: Timers, images: Images, random: Random) -> None:
        self._store = store
        self._timers = timers
        self._images = images
        self._random = random

    def pod_added(self, pod: Object) -> None:
        """Schedule and start a new pod."""
        self._step(pod, SCHEDULED * self._jitter(), self._schedule)

    def born_ready(self, pod: Object) -> Object:
        """Return a pod as it looks once it has long been running; for the estate's first ones."""
        pod = clone(pod)
        pod["spec"]["nodeName"] = self._random.choice(NODES)
        pod["status"]["podIP"] = self._pod_ip()
        pod["status"]["startTime"] = pod["metadata"].get("creationTimestamp", stamp())
        _set_condition(pod, "PodScheduled", "True")
        _set_running(pod, ready=True)
        return pod

    def terminate(self, namespace: str, name: str) -> None:
        """Mark a pod as leaving and remove it after its grace."""
        pod = self._store.get(PODS, namespace, name)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return
        leaving = clone(pod)
        leaving["metadata"]["deletionTimestamp"] = stamp()
        leaving["metadata"]["deletionGracePeriodSeconds"] = 30
        _set_ready(leaving, ready=False)
        self._store.put(PODS, leaving)
        self._timers.after(
            GRACE * self._jitter(), lambda: void(self._store.delete(PODS, namespace, name))
        )

    def retry_failing(self) -> None:
        """Start pods again that wait in back-off, since the images may be good now."""
        for pod in self._store.list(PODS):
            states = pod["status"].get("containerStatuses") or []
            if any(not status["ready"] for status in states):
                self._step(pod, SCHEDULED, self._start)

    def _step(self, pod: Object, delay: float, step: Callable[[Object], None]) -> None:
        meta = pod["metadata"]
        uid, namespace, name = meta["uid"], meta["namespace"], meta["name"]

        def run() -> None:
            current = self._store.get(PODS, namespace, name)
            if current is None or current["metadata"]["uid"] != uid:
                return
            if "deletionTimestamp" not in current["metadata"]:
                step(clone(current))

        self._timers.after(delay, run)

    def _schedule(self, pod: Object) -> None:
        pod["spec"]["nodeName"] = self._random.choice(NODES)
        pod["status"]["hostIP"] = pod["spec"]["nodeName"][3:].replace("-", ".")
        _set_condition(pod, "PodScheduled", "True")
        _set_waiting(pod, "ContainerCreating", "")
        pod["status"]["startTime"] = stamp()
        self._store.put(PODS, pod)
        self._step(pod, STARTED * self._jitter(), self._start)

    def _start(self, pod: Object) -> None:
        rule = self._images.behaviour(pod["spec"]["containers"][0]["image"])
        if rule.behaviour is Behaviour.PULL:
            self._store.put(PODS, _failed_pull(pod))
            return
        pod["status"]["podIP"] = self._pod_ip()
        _set_running(pod, ready=False)
        self._store.put(PODS, pod)
        if rule.behaviour is Behaviour.CRASH:
            self._step(pod, CRASHED * self._jitter(), self._crash)
        elif rule.behaviour is not Behaviour.NEVER_READY:
            self._step(pod, READY * self._jitter(), self._ready)

    def _ready(self, pod: Object) -> None:
        _set_running(pod, ready=True)
        self._store.put(PODS, pod)

    def _crash(self, pod: Object) -> None:
        name = pod["spec"]["containers"][0]["name"]
        message = f"back-off 10s restarting failed container={name} pod={pod['metadata']['name']}"
        restarts = pod["status"]["containerStatuses"][0]["restartCount"] + 1
        _set_waiting(pod, "CrashLoopBackOff", message, restarts=restarts)
        pod["status"]["containerStatuses"][0]["lastState"] = {
            "terminated": {"exitCode": 1, "reason": "Error", "finishedAt": stamp()}
        }
        self._store.put(PODS, pod)

    def _pod_ip(self) -> str:
        return f"10.1.{self._random.randint(0, 9)}.{self._random.randint(2, 250)}"

    def _jitter(self) -> float:
        return self._random.uniform(0.8, 1.3)


def void(_: object) -> None:
    """Drop a result, for callbacks that return nothing."""


def is_ready(pod: Object) -> bool:
    """Tell whether a pod takes traffic."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod["status"].get("conditions") or []
    )


def _failed_pull(pod: Object) -> Object:
    image = pod["spec"]["containers"][0]["image"]
    _set_waiting(pod, "ImagePullBackOff", f'Back-off pulling image "{image}"')
    return pod


def _set_waiting(pod: Object, reason: str, message: str, *, restarts: int = 0) -> None:
    waiting = {"reason": reason} | ({"message": message} if message else {})
    pod["status"]["containerStatuses"] = [
        _container_status(container, {"waiting": waiting}, ready=False, restarts=restarts)
        for container in pod["spec"]["containers"]
    ]
    _set_ready(pod, ready=False)


def _set_running(pod: Object, *, ready: bool) -> None:
    pod["status"]["phase"] = "Running"
    old = {item["name"]: item for item in pod["status"].get("containerStatuses") or []}
    pod["status"]["containerStatuses"] = [
        _container_status(
            container,
            {"running": {"startedAt": stamp()}},
            ready=ready,
            restarts=old.get(container["name"], {}).get("restartCount", 0),
        )
        for container in pod["spec"]["containers"]
    ]
    _set_ready(pod, ready=ready)


def _container_status(container: Object, state: Object, *, ready: bool, restarts: int) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": ready,
        "started": "running" in state,
        "restartCount": restarts,
        "state": state,
        "lastState": {},
    }


def _set_ready(pod: Object, *, ready: bool) -> None:
    names = [container["name"] for container in pod["spec"]["containers"]]
    problem = (
        {}
        if ready
        else {
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{' '.join(names)}]",
        }
    )
    status = "True" if ready else "False"
    _set_condition(pod, "Initialized", "True")
    _set_condition(pod, "ContainersReady", status, problem)
    _set_condition(pod, "Ready", status, problem)


def _set_condition(pod: Object, kind: str, status: str, extra: Object | None = None) -> None:
    conditions = pod["status"].setdefault("conditions", [])
    old = next((item for item in conditions if item["type"] == kind), None)
    since = old["lastTransitionTime"] if old and old["status"] == status else stamp()
    new = {
        "type": kind,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": since,
    } | (extra or {})
    pod["status"]["conditions"] = [
        *(item for item in conditions if item["type"] != kind),
        new,
    ]
