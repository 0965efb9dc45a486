"""What the stand-in's containers do: a pod's status as a function of its age.

Called by `nodes` (which writes it) and `kubelet`. How a container fares follows from its image's
name or tag, which begin with a word:

    bad       it is never pulled: ErrImagePull, then ImagePullBackOff
    crash     it ends again and again: CrashLoopBackOff with a growing restart count
    slow      it runs, and is ready after three seconds
    unready   it runs, and is never ready

and from annotations of the pod:

    bench/ready-after   seconds from running to ready
    bench/seconds       how long a pod that is to end (a job's) runs
    bench/exit-code     how it ends, and how a crash ends
    bench/message       its termination message
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

Json = Any

START = 0.1  # seconds from bound to running
PULL = 0.3  # from the first failed pull to the back-off
SLOW = 3.0
CRASHES = (0.3, 1.0, 2.5, 6.0)  # seconds from running to each crash that a restart follows
ENDS = 0.2  # how long a job's pod runs
EXEC = "bench/exec"
LOGS = "bench/logs"
RULES = ("bench/ready-after", "bench/seconds", "bench/exit-code", "bench/message")
PULLS = ("ErrImagePull", "ImagePullBackOff")


def fingerprint(pod: Json) -> tuple[Json, ...]:
    """Return what decides how a pod fares: when it changes, its containers start anew."""
    spec, meta = pod["spec"], pod["metadata"]
    images = tuple(each["image"] for each in spec["containers"])
    given = meta.get("annotations") or {}
    rules = tuple(given.get(name) for name in RULES)
    return (meta["uid"], spec.get("nodeName"), "deletionTimestamp" in meta, images, rules)


def moments(pod: Json) -> list[float]:
    """Return the ages, in seconds, at which the pod's status changes."""
    found = {0.0, START}
    for each in pod["spec"]["containers"]:
        manner = _manner(each["image"])
        if manner == "bad":
            found.add(START + PULL)
        elif _crashes(pod, manner):
            found.update(START + each for each in CRASHES)
        elif _ends(pod):
            found.add(START + _number(pod, "bench/seconds", ENDS))
        else:
            found.add(START + _ready_after(pod, manner))
    return sorted(each for each in found if each != float("inf"))


def status(pod: Json, *, born: dt.datetime, age: float, address: str) -> Json:
    """Return the status that a kubelet reports for a pod of this age, in seconds."""
    states = [_state(pod, each, born, age) for each in pod["spec"]["containers"]]
    phase = _phase(states)
    ready = all(each["ready"] for each in states)
    return {
        "phase": phase,
        "observedGeneration": pod["metadata"].get("generation"),
        "conditions": _conditions(born, age, ready=ready, over=phase in ("Succeeded", "Failed")),
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": moment(born),
        "initContainerStatuses": [
            _past(each, born) for each in pod["spec"].get("initContainers") or ()
        ],
        "containerStatuses": states,
    }


def moment(time: dt.datetime) -> str:
    """Write a time as the API does: to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _manner(image: str) -> str:
    name, _, tag = image.rpartition("/")[2].partition("@")[0].partition(":")
    for word in ("bad", "crash", "slow", "unready"):
        if name.startswith(word) or tag.startswith(word):
            return word
    return ""


def _number(pod: Json, annotation: str, default: float) -> float:
    return float((pod["metadata"].get("annotations") or {}).get(annotation, default))


def _ends(pod: Json) -> bool:
    return bool(pod["spec"].get("restartPolicy", "Always") != "Always")


def _crashes(pod: Json, manner: str) -> bool:
    """Say whether a container ends and is started again."""
    fails = _number(pod, "bench/exit-code", 0) != 0
    policy = pod["spec"].get("restartPolicy", "Always")
    return (manner == "crash" and policy != "Never") or (policy == "OnFailure" and fails)


def _ready_after(pod: Json, manner: str) -> float:
    default = {"slow": SLOW, "unready": float("inf")}.get(manner, 0.0)
    return _number(pod, "bench/ready-after", default)


def _state(pod: Json, container: Json, born: dt.datetime, age: float) -> Json:
    """Return one entry of containerStatuses."""
    image = container["image"]
    manner = _manner(image)
    started = born + dt.timedelta(seconds=START)
    found: Json = {
        "name": container["name"],
        "image": image,
        "imageID": "" if manner == "bad" else image_id(image),
        "containerID": "",
        "ready": False,
        "started": False,
        "restartCount": 0,
        "state": {},
        "lastState": {},
    }
    if age < START:
        found["state"] = {"waiting": {"reason": "ContainerCreating"}}
        found["imageID"] = ""
    elif manner == "bad":
        reason = PULLS[age >= START + PULL]
        said = f'Back-off pulling image "{image}": not found'
        found["state"] = {"waiting": {"reason": reason, "message": said}}
    elif _crashes(pod, manner):
        _crash(pod, found, started, age - START)
    elif _ends(pod) and age >= START + _number(pod, "bench/seconds", ENDS):
        seconds = _number(pod, "bench/seconds", ENDS)
        code = int(_number(pod, "bench/exit-code", 1 if manner == "crash" else 0))
        found["state"] = {"terminated": _ended(pod, found, started, seconds, code)}
    else:
        found["state"] = {"running": {"startedAt": moment(started)}}
        found["started"] = True
        found["ready"] = age >= START + _ready_after(pod, manner)
    if not found["containerID"] and "waiting" not in found["state"]:
        found["containerID"] = _container_id(pod, found)
    return found


def _crash(pod: Json, found: Json, started: dt.datetime, ran: float) -> None:
    """Fill in a container that ends and is started again."""
    before = [each for each in CRASHES if ran >= each]
    code = int(_number(pod, "bench/exit-code", 1))
    found["restartCount"] = len(before)
    if not before:
        found["state"] = {"running": {"startedAt": moment(started)}}
        found["started"] = True
        return
    ended = _ended(pod, found, started, before[-1], code)
    said = f"back-off 10s restarting failed container={found['name']}"
    found["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": said}}
    found["lastState"] = {"terminated": ended}
    found["containerID"] = ended["containerID"]


def _ended(pod: Json, found: Json, started: dt.datetime, seconds: float, code: int) -> Json:
    return {
        "exitCode": code,
        "reason": "Error" if code else "Completed",
        "message": (pod["metadata"].get("annotations") or {}).get("bench/message", ""),
        "startedAt": moment(started),
        "finishedAt": moment(started + dt.timedelta(seconds=seconds)),
        "containerID": _container_id(pod, found),
    }


def _container_id(pod: Json, found: Json) -> str:
    made_of = f"{pod['metadata']['uid']} {found['name']} {found['restartCount']}"
    return f"containerd://{hashlib.sha256(made_of.encode()).hexdigest()}"


def image_id(image: str) -> str:
    """Return `repository@sha256:…` for an image; the same image always has the same."""
    if "@" in image:
        return image
    repository, _, tag = image.rpartition(":")
    if not repository or "/" in tag:
        repository = image
    return f"{repository}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def _past(container: Json, born: dt.datetime) -> Json:
    """Return the status of an init container: it is through, or a sidecar that runs."""
    sidecar = container.get("restartPolicy") == "Always"
    over = {"exitCode": 0, "reason": "Completed"}
    over |= {"startedAt": moment(born), "finishedAt": moment(born)}
    state = {"running": {"startedAt": moment(born)}} if sidecar else {"terminated": over}
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": image_id(container["image"]),
        "ready": True,
        "started": sidecar,
        "restartCount": 0,
        "state": state,
    }


def _phase(states: list[Json]) -> str:
    codes = [
        each["state"]["terminated"]["exitCode"] for each in states if "terminated" in each["state"]
    ]
    if len(codes) == len(states):
        return "Failed" if any(codes) else "Succeeded"
    never_ran = [each for each in states if "waiting" in each["state"] and not each["lastState"]]
    return "Pending" if never_ran else "Running"


def _conditions(born: dt.datetime, age: float, *, ready: bool, over: bool) -> list[Json]:
    now = moment(born + dt.timedelta(seconds=age))
    late = {"reason": "PodCompleted" if over else "ContainersNotReady"}
    answers = {
        "PodScheduled": (True, moment(born), {}),
        "Initialized": (True, moment(born), {"reason": "PodCompleted"} if over else {}),
        "ContainersReady": (ready, now, {} if ready else late),
        "Ready": (ready, now, {} if ready else late),
    }
    return [
        {"type": name, "status": str(holds), "lastTransitionTime": since, **why}
        for name, (holds, since, why) in answers.items()
    ]
