"""How well workloads, their pods and Jobs are, judged together.  Pure: JSON in, findings out.

Called by `list_unready`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from adapters.kubernetes import endpoints, jobs, labels, readiness, workloads
from adapters.kubernetes.workloads import Workload
from config.models.base import Model

JOB, CRONJOB = "Job", "CronJob"
Object = dict[str, Any]


class UnreadyPod(Model):
    """One pod that is not well; `workload` is empty where none of those looked at owns it."""

    pod: str
    workload: str
    reason: str
    restarts: int


class WorkloadHealth(Model):
    """One workload; `waits_for` is empty when nothing is missing."""

    name: str
    ready: int
    desired: int
    waits_for: str
    images: tuple[str, ...] = Field(description="What its pods are meant to run.")
    digests: tuple[str, ...] = Field(description="What its pods really run, `sha256:…` each.")


class FailedJob(Model):
    """A Job that failed for good; `cronjob` is what starts it, empty where people do."""

    job: str
    cronjob: str
    reason: str
    ended: str = Field(description="When, as ISO 8601; empty where the cluster does not say.")


def chosen(
    found: Mapping[Workload, Object], pods: Iterable[Object], selector: Mapping[str, Any]
) -> tuple[dict[Workload, Object], list[Object]]:
    """Return what a selector takes: workloads by their own labels or those of their pods.

    Pods are taken by their labels, and with their workload.
    """
    taken = {workload: each for workload, each in found.items() if labels.bears(each, selector)}
    every = list(pods)
    owned = {_uid(pod) for each in taken.values() for pod in workloads.owned(each, every)}
    return taken, [p for p in every if _uid(p) in owned or labels.bears(p, selector)]


def of_workloads(
    found: Mapping[Workload, Object], pods: Iterable[Object]
) -> tuple[WorkloadHealth, ...]:
    """Judge each workload, and tell what it runs."""
    every = list(pods)
    return tuple(_health(workload, each, every) for workload, each in found.items())


def _health(workload: Workload, found: Object, pods: list[Object]) -> WorkloadHealth:
    rollout = readiness.judge(workload.kind, found)
    own = [pod for pod in workloads.owned(found, pods) if endpoints.is_there(pod)]
    template = ((found.get("spec") or {}).get("template") or {}).get("spec") or {}
    return WorkloadHealth(
        name=str(workload),
        ready=rollout.ready,
        desired=rollout.desired,
        waits_for=rollout.failed or rollout.waits_for,
        images=tuple(str(each.get("image", "")) for each in template.get("containers") or ()),
        digests=tuple(sorted(endpoints.digests(own))),
    )


def of_pods(
    found: Mapping[Workload, Object], pods: Iterable[Object], now: datetime
) -> tuple[UnreadyPod, ...]:
    """Return the pods that are not well; a Job's failed attempts are told with the Job."""
    every = [pod for pod in pods if not _is_attempt(pod)]
    owner = {
        _uid(pod): str(workload)
        for workload, each in found.items()
        for pod in workloads.owned(each, every)
    }
    return tuple(
        UnreadyPod(
            pod=pod["metadata"]["name"],
            workload=owner.get(_uid(pod), ""),
            reason=reason,
            restarts=_restarts(pod),
        )
        for pod in every
        if (reason := readiness.complaint(pod, now))
    )


def of_jobs(found: Iterable[Object]) -> tuple[FailedJob, ...]:
    """Return the Jobs that failed; of those of a CronJob only the last that ended counts."""
    failed: list[FailedJob] = []
    seen: set[str] = set()
    for job in sorted(found, key=_born, reverse=True):
        state, cronjob = jobs.state_of(job), _cronjob(job)
        if not (state.complete or state.failed) or (cronjob and cronjob in seen):
            continue
        seen.add(cronjob)
        if state.failed:
            ended = state.ended.isoformat() if state.ended else ""
            name = job["metadata"]["name"]
            failed.append(FailedJob(job=name, cronjob=cronjob, reason=state.failed, ended=ended))
    return tuple(failed)


def _born(each: Object) -> str:
    return str(each["metadata"].get("creationTimestamp") or "")


def _cronjob(job: Object) -> str:
    return next((str(o["name"]) for o in _owners(job) if o.get("kind") == CRONJOB), "")


def _is_attempt(pod: Object) -> bool:
    is_failed = (pod.get("status") or {}).get("phase") == "Failed"
    return is_failed and any(each.get("kind") == JOB for each in _owners(pod))


def _owners(each: Object) -> Iterable[Object]:
    return each["metadata"].get("ownerReferences") or ()


def _uid(pod: Object) -> str:
    return str(pod["metadata"].get("uid") or pod["metadata"]["name"])


def _restarts(pod: Object) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return sum(int(each.get("restartCount") or 0) for each in statuses)
