"""A pod's status, as a kubelet reports it: its containers' states, and its conditions."""

from __future__ import annotations

import hashlib

from sandbox.estate.clock import stamp
from sandbox.estate.values import Object


def set_scheduled(pod: Object, host: str, address: str) -> None:
    """Note that a pod has its node and its address."""
    status = pod["status"]
    status |= {"hostIP": host, "hostIPs": [{"ip": host}]}
    status |= {"podIP": address, "podIPs": [{"ip": address}], "startTime": stamp()}
    _set_condition(pod, "PodScheduled", "True")


def set_unschedulable(pod: Object) -> Object:
    """Note that no node fits a pod, and return it."""
    reason = {"reason": "Unschedulable", "message": "0 nodes are available for this pod."}
    _set_condition(pod, "PodScheduled", "False", reason)
    return pod


def set_waiting(pod: Object, reason: str, message: str) -> None:
    """Note that a pod's containers don't run yet, and why."""
    waiting = {"reason": reason} | ({"message": message} if message else {})
    pod["status"]["containerStatuses"] = [
        _container(container, {"waiting": waiting}, restarts=0)
        for container in pod["spec"]["containers"]
    ]
    set_ready(pod, ready=False)


def set_running(pod: Object, *, ready: bool) -> None:
    """Note that a pod's containers run."""
    pod["status"]["phase"] = "Running"
    old = {item["name"]: item for item in pod["status"].get("containerStatuses") or []}
    states = []
    for container in pod["spec"]["containers"]:
        before = old.get(container["name"], {})
        since = before.get("state", {}).get("running", {}).get("startedAt") or stamp()
        restarts = before.get("restartCount", 0)
        state = _container(container, {"running": {"startedAt": since}}, restarts=restarts)
        states.append(state | _ran(pod, state) | {"ready": ready, "started": True})
    pod["status"]["containerStatuses"] = states
    set_ready(pod, ready=ready)


def set_crashed(pod: Object) -> None:
    """Note that a pod's containers ended with an error and are started again."""
    states = []
    for state in pod["status"]["containerStatuses"]:
        name = state["name"]
        started = state["state"].get("running", {}).get("startedAt") or stamp()
        message = f"back-off 10s restarting failed container={name} pod={pod['metadata']['name']}"
        waiting = {"reason": "CrashLoopBackOff", "message": message}
        ended = _terminated(state, 1, "", started)
        states.append(
            state
            | {"state": {"waiting": waiting}, "lastState": {"terminated": ended}}
            | {"ready": False, "started": False, "restartCount": state["restartCount"] + 1}
        )
    pod["status"]["containerStatuses"] = states
    set_ready(pod, ready=False)


def set_ended(pod: Object, code: int, message: str) -> None:
    """Note that a pod's containers ended for good."""
    states = []
    for state in pod["status"]["containerStatuses"]:
        started = state["state"].get("running", {}).get("startedAt") or stamp()
        ended = _terminated(state, code, message, started)
        states.append(state | {"state": {"terminated": ended}, "ready": False, "started": False})
    pod["status"]["containerStatuses"] = states
    pod["status"]["phase"] = "Failed" if code else "Succeeded"
    over = {"reason": "PodFailed" if code else "PodCompleted"}
    _set_condition(pod, "Initialized", "True", {} if code else over)
    _set_condition(pod, "ContainersReady", "False", over)
    _set_condition(pod, "Ready", "False", over)


def set_ready(pod: Object, *, ready: bool) -> None:
    """Set the conditions that say whether a pod takes traffic."""
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


def image_id(image: str) -> str:
    """Return `repository@sha256:…` for an image; the same image always has the same."""
    if "@" in image:
        return image
    repository, _, tag = image.rpartition(":")
    if not repository or "/" in tag:
        repository = image
    return f"{repository}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def _container(container: Object, state: Object, *, restarts: int) -> Object:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": False,
        "started": False,
        "restartCount": restarts,
        "state": state,
        "lastState": {},
    }


def _ran(pod: Object, state: Object) -> Object:
    made_of = f"{pod['metadata']['uid']} {state['name']} {state['restartCount']}"
    identity = hashlib.sha256(made_of.encode()).hexdigest()
    return {"imageID": image_id(state["image"]), "containerID": f"containerd://{identity}"}


def _terminated(state: Object, code: int, message: str, started: str) -> Object:
    found = {"exitCode": code, "reason": "Error" if code else "Completed"}
    if message:
        found["message"] = message
    return found | {
        "startedAt": started,
        "finishedAt": stamp(),
        "containerID": state.get("containerID", ""),
    }


def _set_condition(pod: Object, kind: str, status: str, extra: Object | None = None) -> None:
    conditions = pod["status"].setdefault("conditions", [])
    old = next((item for item in conditions if item["type"] == kind), None)
    since = old["lastTransitionTime"] if old and old["status"] == status else stamp()
    new = {"type": kind, "status": status, "lastTransitionTime": since} | (extra or {})
    pod["status"]["conditions"] = [*(item for item in conditions if item["type"] != kind), new]
