"""How far a workload's rollout is, and what is wrong with a pod.  Pure: JSON in, words out.

Judged as `kubectl rollout status` judges, for three kinds at once.  Called by `rollout_wait`,
`rollout_restart` and `list_unready`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.values import count, listed

Object = dict[str, Any]
PLAIN = {
    "ImagePullBackOff": "image can't be pulled",
    "ErrImagePull": "image can't be pulled",
    "InvalidImageName": "image name is invalid",
    "CrashLoopBackOff": "crashing again and again",
    "CreateContainerConfigError": "ConfigMap or Secret is missing",
    "CreateContainerError": "container can't be created",
    "RunContainerError": "container can't be started",
}
STARTED_LATELY = "starting"
STARTING = frozenset({"ContainerCreating", "PodInitializing"})
DEADLINE = "ProgressDeadlineExceeded"
DEADLINE_SECONDS = 600
"""What a Deployment has that names no deadline of its own."""
RESTARTED_LATELY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """`ready` and `desired` count pods; old and surplus ones never make more than desired.

    `waits_for` is empty when the rollout is complete.
    """

    ready: int
    desired: int
    waits_for: str = ""
    failed: str = ""

    @property
    def complete(self) -> bool:
        """Say whether nothing is left to wait for."""
        return not self.waits_for and not self.failed


def judge(kind: str, workload: Object) -> Rollout:
    """Judge one workload of one of the three kinds."""
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    if kind == "DaemonSet":
        return _judge_daemons(workload, spec, status)
    desired = int(spec.get("replicas", 1))
    ready = min(int(status.get("readyReplicas") or 0), desired)
    if _unseen(workload):
        return Rollout(ready=ready, desired=desired, waits_for="the controller to see the change")
    if kind == "Deployment":
        return _judge_deployment(workload, ready, desired)
    return _judge_stateful(spec, status, ready, desired)


def _unseen(workload: Object) -> bool:
    seen = int((workload.get("status") or {}).get("observedGeneration") or 0)
    return seen < int(workload["metadata"].get("generation") or 0)


def _judge_deployment(workload: Object, ready: int, desired: int) -> Rollout:
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    updated = int(status.get("updatedReplicas") or 0)
    total = int(status.get("replicas") or 0)
    available = int(status.get("availableReplicas") or 0)
    waits_for = failed = ""
    if updated < desired:
        waits_for = f"{desired - updated} of {count(desired, 'pod')} to be renewed"
    elif total > updated:
        waits_for = f"{count(total - updated, 'old pod')} to end"
    elif available < desired or ready < desired:
        waits_for = f"{desired - min(available, ready)} of {count(desired, 'pod')} to be ready"
    if waits_for and spec.get("paused"):
        failed = "its rollout is paused: `kubectl rollout resume` it"
    elif waits_for and _deadline_passed(workload):
        failed = "its rollout exceeded its progress deadline"
    return Rollout(ready=ready, desired=desired, waits_for=waits_for, failed=failed)


def _deadline_passed(workload: Object) -> bool:
    """Say whether the rollout of this very template exceeded its progress deadline.

    The controller leaves the verdict on the template before in place until the new one's first
    pod moves, though it has observed the new generation: what is older than the last change of
    the template, and even half a deadline more, is not about it.
    """
    for each in workload["status"].get("conditions") or ():
        if each.get("type") == "Progressing" and each.get("reason") == DEADLINE:
            deadline = int(workload["spec"].get("progressDeadlineSeconds") or DEADLINE_SECONDS)
            told, changed = each.get("lastUpdateTime"), _template_written(workload)
            if not told or changed is None:
                return True
            return _time(told) >= changed + timedelta(seconds=deadline / 2)
    return False


def _template_written(workload: Object) -> datetime | None:
    """Return when somebody wrote the pod template last, as far as the API server kept it."""
    times = [
        _time(each["time"])
        for each in workload["metadata"].get("managedFields") or ()
        if each.get("time") and "f:template" in (each.get("fieldsV1") or {}).get("f:spec", {})
    ]
    return max(times, default=None)


def _judge_stateful(spec: Object, status: Object, ready: int, desired: int) -> Rollout:
    strategy = spec.get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    renewing = strategy.get("type", "RollingUpdate") != "OnDelete"
    wanted = max(desired - partition, 0)
    updated = int(status.get("updatedReplicas") or 0)
    current, update = status.get("currentRevision"), status.get("updateRevision")
    waits_for = ""
    if ready < desired:
        waits_for = f"{desired - ready} of {count(desired, 'pod')} to be ready"
    elif renewing and current != update and updated < wanted:
        waits_for = f"{wanted - updated} of {count(wanted, 'pod')} to be renewed"
    elif int(status.get("replicas") or 0) > desired:
        waits_for = f"{count(int(status['replicas']) - desired, 'pod')} to end"
    return Rollout(ready=ready, desired=desired, waits_for=waits_for)


def _judge_daemons(workload: Object, spec: Object, status: Object) -> Rollout:
    desired = int(status.get("desiredNumberScheduled") or 0)
    ready = min(int(status.get("numberReady") or 0), desired)
    updated = int(status.get("updatedNumberScheduled") or 0)
    available = int(status.get("numberAvailable") or 0)
    renewing = (spec.get("updateStrategy") or {}).get("type", "RollingUpdate") != "OnDelete"
    waits_for = ""
    if _unseen(workload):
        waits_for = "the controller to see the change"
    elif renewing and updated < desired:
        waits_for = f"{desired - updated} of {count(desired, 'pod')} to be renewed"
    elif available < desired:
        waits_for = f"{desired - available} of {count(desired, 'pod')} to be ready"
    return Rollout(ready=ready, desired=desired, waits_for=waits_for)


def complaint(pod: Object, now: datetime) -> str:
    """Say what is wrong with a pod, or nothing.  Finished and leaving pods are all right."""
    status = pod.get("status") or {}
    phase = status.get("phase", "")
    if pod["metadata"].get("deletionTimestamp") or phase == "Succeeded":
        return ""
    if phase == "Failed":
        return f"failed ({status.get('reason') or 'see its events'})"
    containers = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    for each in containers:
        if waiting := _waiting(each):
            return waiting
    if _condition(status, "Ready") == "True":
        return _restarted(containers, now)
    if _condition(status, "PodScheduled") == "False":
        return "no node to run on"
    return STARTED_LATELY if phase == "Pending" else "running but not ready"


def _waiting(container: Object) -> str:
    reason = ((container.get("state") or {}).get("waiting") or {}).get("reason") or ""
    if not reason or reason in STARTING:
        return ""
    return f"{PLAIN.get(reason, 'waiting')} ({reason})"


def _restarted(containers: Iterable[Object], now: datetime) -> str:
    for each in containers:
        ended = ((each.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
        restarts = int(each.get("restartCount") or 0)
        if restarts > 1 and ended and now - _time(ended) < RESTARTED_LATELY:
            ago = (now - _time(ended)).total_seconds()
            return f"ready, but restarted {restarts} times, last {ago:.0f} s ago"
    return ""


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _condition(status: Object, kind: str) -> str:
    for each in status.get("conditions") or ():
        if each.get("type") == kind:
            return str(each.get("status"))
    return ""


def summarize(complaints: Iterable[tuple[str, str]]) -> str:
    """Write complaints together: `payment-service: 2 pods, image can't be pulled (…)`."""
    grouped: dict[tuple[str, str], int] = {}
    for owner, text in complaints:
        grouped[(owner, text)] = grouped.get((owner, text), 0) + 1
    return listed(
        (f"{owner}: {count(n, 'pod')}, {text}" for (owner, text), n in grouped.items()), limit=3
    )
