"""Jobs of a step: their names, their manifests, and how far one is.  Pure.

Called by `run_job`.  The name says incident, step and what is run, so that a repeat finds the Job
and another command never takes it for its own.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.kubernetes import readiness

SPEC = "backout.dev/spec"
"""The annotation that tells what a Job runs."""
ATTEMPT = "backout.dev/attempt"
INCIDENT = "backout.dev/incident"
MANAGED_BY = "app.kubernetes.io/managed-by"
LONGEST = 63
MOST_RUNS = 20
UNFIT = re.compile(r"[^a-z0-9]+")
CONTAINER = "job"
Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far a Job is; `ended` is None while it runs.  `began` is when its first pod did."""

    complete: bool = False
    failed: str = ""
    began: datetime | None = None
    ended: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """Return how long it ran, or None where that is not known."""
        if self.began is None or self.ended is None:
            return None
        return (self.ended - self.began).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the container of a pod ended.  `image` is what really ran, by its digest."""

    pod: str
    exit_code: int
    reason: str
    message: str
    image: str


def digest_of(spec: Object) -> str:
    """Return a short hash of what a Job is to run."""
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def name_of(incident: str, step: str, digest: str, run: int = 1) -> str:
    """Return the name of the so many-th run: `inc-7-migrate-3f2a9c01d4`, `…-2`.

    It is a label's value as well (at most 63 characters), because pods carry it.
    """
    tail = f"-{digest}" if run == 1 else f"-{digest}-{run}"
    head = UNFIT.sub("-", f"{incident}-{step}".lower()).strip("-")
    return head[: LONGEST - len(tail)].rstrip("-") + tail


def manifest(name: str, spec: Object, *, incident: str, attempt: str) -> Object:
    """Return the Job of an attempt; its pods carry the same labels."""
    own = {MANAGED_BY: "backout", INCIDENT: UNFIT.sub("-", incident.lower()).strip("-")}
    template = spec["template"]
    pods = template.get("metadata") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "labels": own,
            "annotations": {SPEC: digest_of(spec), ATTEMPT: attempt},
        },
        "spec": {
            **spec,
            "template": {
                **template,
                "metadata": {**pods, "labels": {**(pods.get("labels") or {}), **own}},
            },
        },
    }


def is_ours(job: Object, digest: str) -> bool:
    """Say whether a Job of the right name runs what the step wants."""
    annotations = job["metadata"].get("annotations") or {}
    return annotations.get(SPEC) == digest


def state_of(job: Object) -> State:
    """Read how far a Job is, by its conditions alone."""
    status = job.get("status") or {}
    began = _time(status.get("startTime"))
    for each in status.get("conditions") or ():
        if each.get("status") != "True" or each.get("type") not in ("Complete", "Failed"):
            continue
        ended = _time(status.get("completionTime") or each.get("lastTransitionTime"))
        if each["type"] == "Complete":
            return State(complete=True, began=began, ended=ended)
        why = str(each.get("reason") or "Failed")
        return State(failed=why, began=began, ended=ended)
    return State(began=began)


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def own_pods(job: Object, pods: Iterable[Object]) -> list[Object]:
    """Return the Job's pods, newest last; another Job of the same name has another UID."""
    uid = job["metadata"]["uid"]
    found = [
        pod
        for pod in pods
        if any(owner.get("uid") == uid for owner in pod["metadata"].get("ownerReferences") or ())
    ]
    return sorted(found, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""))


def ending_of(pod: Object) -> Ending | None:
    """Return how a pod's container ended, or None where it has not."""
    for each in (pod.get("status") or {}).get("containerStatuses") or ():
        ended = (each.get("state") or {}).get("terminated")
        if each.get("name") == CONTAINER and ended:
            return Ending(
                pod=pod["metadata"]["name"],
                exit_code=int(ended.get("exitCode") or 0),
                reason=str(ended.get("reason") or ""),
                message=str(ended.get("message") or ""),
                image=str(each.get("imageID") or ""),
            )
    return None


def told(pods: Iterable[Object], now: datetime) -> str:
    """Say what the pods are at: `no pod yet`, `image can't be pulled (…)`, `running`."""
    every = list(pods)
    if not every:
        return "no pod yet"
    newest = every[-1]
    complaint = readiness.complaint(newest, now)
    if complaint in ("", "running but not ready"):
        return "running"
    return complaint


def variables(given: Mapping[str, Any]) -> list[Object]:
    """Return a container's `env` from texts and references to Secrets, in the order of names."""
    found: list[Object] = []
    for name, value in sorted(given.items()):
        if isinstance(value, str):
            found.append({"name": name, "value": value})
        else:
            reference = {"name": value.secret, "key": value.key}
            found.append({"name": name, "valueFrom": {"secretKeyRef": reference}})
    return found
