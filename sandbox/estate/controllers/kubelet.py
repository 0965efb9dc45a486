"""The kubelet's and scheduler's part: pods start, become ready, end or fail, and go away.

Driven by the store's changes (`cluster` wires it): each new pod gets the steps of its life as
timers; each deletion a moment of grace.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sandbox.estate.clock import Timers, stamp
from sandbox.estate.controllers import containers
from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.containers import set_ready, set_running, set_waiting
from sandbox.estate.controllers.nodes import fits
from sandbox.estate.images import Behaviour, Images
from sandbox.estate.resources import NODES, PODS
from sandbox.estate.values import Object, clone

# Simulated seconds; short, so that a demo at x1 takes a minute and not ten.
SCHEDULED = 0.3
STARTED = 0.9
READY = 1.6
GRACE = 0.7
CRASHED = 1.2
PULL_FAILED = 0.8
ENDED = 1.5

SECONDS = "sandbox/seconds"  # on a pod: how long it runs before it ends, in simulated seconds
EXIT_CODE = "sandbox/exit-code"  # and with which code
MESSAGE = "sandbox/message"  # and its termination message


class Kubelet:
    """Moves every pod along its life."""

    def __init__(self, author: Author, timers: Timers, images: Images, random: Random) -> None:
        self._author = author
        self._store = author.store
        self._timers = timers
        self._images = images
        self._random = random

    def pod_added(self, pod: Object) -> None:
        """Schedule and start a new pod."""
        self._step(pod, SCHEDULED * self._jitter(), self._schedule)

    def born_ready(self, pod: Object) -> None:
        """Let a pod look as it does once it has long been running; for the estate's first ones."""
        ready = clone(pod)
        node = self._node(ready)
        if node is None:
            return
        ready["spec"]["nodeName"] = node["metadata"]["name"]
        stored = self._store.put(PODS, ready)
        ready = clone(stored)
        self._place(ready, node)
        ready["status"]["startTime"] = pod["metadata"].get("creationTimestamp", stamp())
        set_running(ready, ready=True)
        self._author.update_status(PODS, stored, ready)

    def terminate(self, namespace: str, name: str, *, grace: int | None = None) -> Object | None:
        """Mark a pod as leaving, remove it after its grace, and return it as it leaves."""
        pod = self._store.get(PODS, namespace, name)
        if pod is None or is_leaving(pod):
            return pod
        seconds = pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
        leaving = clone(pod)
        leaving["metadata"]["deletionTimestamp"] = stamp()
        leaving["metadata"]["deletionGracePeriodSeconds"] = seconds
        leaving["metadata"]["generation"] = int(pod["metadata"].get("generation", 1)) + 1
        if not pod["spec"].get("nodeName") or seconds == 0:
            self._store.delete(PODS, namespace, name)
            return pod if seconds else leaving
        left = self._store.put(PODS, leaving)
        uid = pod["metadata"]["uid"]
        self._timers.after(GRACE * self._jitter(), lambda: self._remove(namespace, name, uid))
        return left

    def retry_failing(self) -> None:
        """Start pods again that wait in back-off, since the images may be good now."""
        for pod in self._store.list(PODS):
            states = pod["status"].get("containerStatuses") or []
            if not is_over(pod) and any(not status["ready"] for status in states):
                self._step(pod, SCHEDULED, self._start)

    def _remove(self, namespace: str, name: str, uid: str) -> None:
        pod = self._store.get(PODS, namespace, name)
        if pod is not None and pod["metadata"]["uid"] == uid:
            self._store.delete(PODS, namespace, name)

    def _step(self, pod: Object, delay: float, step: Callable[[Object], None]) -> None:
        meta = pod["metadata"]
        uid, namespace, name = meta["uid"], meta["namespace"], meta["name"]

        def run() -> None:
            current = self._store.get(PODS, namespace, name)
            if current is None or current["metadata"]["uid"] != uid:
                return
            if not is_leaving(current):
                step(clone(current))

        self._timers.after(delay, run)

    def _schedule(self, pod: Object) -> None:
        if pod["spec"].get("nodeName"):
            return  # it was born ready
        node = self._node(pod)
        if node is None:
            self._report(containers.set_unschedulable(pod))
            return
        pod["spec"]["nodeName"] = node["metadata"]["name"]
        bound = clone(self._store.put(PODS, pod))
        self._place(bound, node)
        set_waiting(bound, "ContainerCreating", "")
        self._report(bound)
        self._step(bound, STARTED * self._jitter(), self._start)

    def _start(self, pod: Object) -> None:
        image = pod["spec"]["containers"][0]["image"]
        rule = self._images.behaviour(image)
        if rule.behaviour is Behaviour.PULL:
            set_waiting(pod, "ImagePullBackOff", f'Back-off pulling image "{image}"')
            self._report(pod)
            return
        set_running(pod, ready=False)
        self._report(pod)
        if rule.behaviour is Behaviour.CRASH and pod["spec"]["restartPolicy"] != "Never":
            self._step(pod, CRASHED * self._jitter(), self._crash)
        elif pod["spec"]["restartPolicy"] != "Always":
            seconds = (pod["metadata"].get("annotations") or {}).get(SECONDS, ENDED)
            set_running(pod, ready=True)
            self._report(pod)
            self._step(pod, float(seconds), self._end)
        elif rule.behaviour is not Behaviour.NEVER_READY:
            self._step(pod, READY * self._jitter(), self._ready)

    def _ready(self, pod: Object) -> None:
        set_running(pod, ready=True)
        self._report(pod)

    def _crash(self, pod: Object) -> None:
        containers.set_crashed(pod)
        self._report(pod)

    def _end(self, pod: Object) -> None:
        annotations = pod["metadata"].get("annotations") or {}
        rule = self._images.behaviour(pod["spec"]["containers"][0]["image"])
        default = "1" if rule.behaviour is Behaviour.CRASH else "0"
        code = int(annotations.get(EXIT_CODE, default))
        if code and pod["spec"]["restartPolicy"] == "OnFailure":
            self._crash(pod)
            return
        containers.set_ended(pod, code, annotations.get(MESSAGE, ""))
        self._report(pod)

    def _report(self, pod: Object) -> None:
        meta = pod["metadata"]
        old = self._store.get(PODS, meta["namespace"], meta["name"])
        if old is not None:
            self._author.set_status(PODS, old, pod["status"])

    def _node(self, pod: Object) -> Object | None:
        """Choose one of the nodes that the pod may run on."""
        fitting = [node for node in self._store.list(NODES) if fits(pod["spec"], node)]
        return self._random.choice(fitting) if fitting else None

    def _place(self, pod: Object, node: Object) -> None:
        addresses = (node.get("status") or {}).get("addresses") or [{"address": "127.0.0.1"}]
        set_ready(pod, ready=False)
        containers.set_scheduled(pod, addresses[0]["address"], self._pod_ip())

    def _pod_ip(self) -> str:
        return f"10.1.{self._random.randint(0, 9)}.{self._random.randint(2, 250)}"

    def _jitter(self) -> float:
        return self._random.uniform(0.8, 1.3)


def is_leaving(item: Object) -> bool:
    """Tell whether an object is on its way out."""
    return "deletionTimestamp" in item["metadata"]


def is_over(pod: Object) -> bool:
    """Tell whether a pod's containers have ended for good."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_ready(pod: Object) -> bool:
    """Tell whether a pod takes traffic."""
    if is_leaving(pod):
        return False
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in (pod.get("status") or {}).get("conditions") or []
    )
