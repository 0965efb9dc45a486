"""Jobs of a step: their names, their manifests, and how far one is.  Pure.

Called by `run_job`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.kubernetes import readiness

SERIES = "backout.dev/series"
ATTEMPT = "backout.dev/attempt"
INCIDENT = "backout.dev/incident"
MANAGED_BY = "app.kubernetes.io/managed-by"
LONGEST = 63
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The runs of one step's Job: the same Job again, after a failed one, by the next number.

    `digest` tells what is run, and by which step, so that another command or another step never
    takes a Job for its own, however its name had to be cut.
    """

    incident: str
    step: str
    spec: Object

    @property
    def digest(self) -> str:
        """Return a short hash of the step and what it runs."""
        text = json.dumps([self.step, self.spec], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def labels(self) -> dict[str, str]:
        """Return what its Jobs and their pods are found by."""
        return {MANAGED_BY: "backout", INCIDENT: _fit(self.incident), SERIES: self.digest}

    def name(self, run: int) -> str:
        """Return the name of the so many-th run: `inc-7-migrate-3f2a9c01d4`, `…-2`.

        It is a label's value as well (at most 63 characters), because pods carry it.
        """
        tail = f"-{self.digest}"
        head = _fit(f"{self.incident}-{self.step}")[: LONGEST - len(tail) - len("-999")]
        return head.rstrip("-") + tail + (f"-{run}" if run > 1 else "")

    def run_of(self, job: Object) -> int:
        """Return the number of a Job of the series."""
        number = str(job["metadata"]["name"]).removeprefix(f"{self.name(1)}-")
        return int(number) if number.isdigit() else 1

    def manifest(self, run: int, attempt: str) -> Object:
        """Return the Job of an attempt; its pods carry the same labels."""
        template = self.spec["template"]
        pods = template.get("metadata") or {}
        labels = {**(pods.get("labels") or {}), **self.labels}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": self.name(run),
                "labels": self.labels,
                "annotations": {ATTEMPT: attempt},
            },
            "spec": {**self.spec, "template": {**template, "metadata": {**pods, "labels": labels}}},
        }


def _fit(text: str) -> str:
    return UNFIT.sub("-", text.lower()).strip("-")


def attempt_of(job: Object) -> str:
    """Return the key of the attempt that made a Job."""
    return str((job["metadata"].get("annotations") or {}).get(ATTEMPT, ""))


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
