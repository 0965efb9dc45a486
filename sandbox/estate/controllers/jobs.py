"""The Job controller: pods until enough have succeeded, or too many failed."""

from __future__ import annotations

from sandbox.estate.clock import Timers, stamp
from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.conditions import condition, without_zeros
from sandbox.estate.controllers.kubelet import Kubelet, is_leaving, is_over, is_ready
from sandbox.estate.controllers.templates import new_pod
from sandbox.estate.resources import JOBS, PODS
from sandbox.estate.values import Object

_COMPLETE = "Reached expected number of succeeded pods"
_LIMIT = "Job has reached the specified backoff limit"
_DEADLINE = "Job was active longer than specified deadline"


class JobController:
    """Brings each Job nearer to its end."""

    def __init__(self, author: Author, kubelet: Kubelet, timers: Timers) -> None:
        self._author = author
        self._store = author.store
        self._kubelet = kubelet
        self._timers = timers
        self._late: set[str] = set()  # uids of Jobs that were active for too long

    def reconcile(self, namespace: str, name: str) -> None:
        """Make the next step of one Job and write its status."""
        job = self._store.get(JOBS, namespace, name)
        if job is None or _ended(job):
            return
        pods = self._store.children(PODS, job)
        active = [pod for pod in pods if not is_over(pod) and not is_leaving(pod)]
        counts = {
            phase: sum((pod.get("status") or {}).get("phase") == phase for pod in pods)
            for phase in ("Succeeded", "Failed")
        }
        outcome = self._outcome(job, counts)
        over = bool(outcome[0])
        if not over and not is_leaving(job):
            active += self._start(job, len(active), counts["Succeeded"])
        if over or job["spec"]["suspend"]:
            for pod in active:
                self._kubelet.terminate(namespace, pod["metadata"]["name"])
            active = []
        self._write_status(job, active, counts, outcome)

    def _outcome(self, job: Object, counts: dict[str, int]) -> tuple[str, str, str]:
        """Return the kind, reason and message of how the Job ended; all empty if it hasn't."""
        if counts["Succeeded"] >= job["spec"].get("completions", 1):
            return "Complete", "CompletionsReached", _COMPLETE
        if counts["Failed"] > job["spec"]["backoffLimit"]:
            return "Failed", "BackoffLimitExceeded", _LIMIT
        if job["metadata"]["uid"] in self._late:
            return "Failed", "DeadlineExceeded", _DEADLINE
        return "", "", ""

    def _start(self, job: Object, active: int, succeeded: int) -> list[Object]:
        spec = job["spec"]
        if spec["suspend"]:
            return []
        wanted = min(spec["parallelism"], spec.get("completions", 1) - succeeded)
        template = spec["template"]
        made = [self._author.create(PODS, new_pod(job, template)) for _ in range(wanted - active)]
        if made and "activeDeadlineSeconds" in spec and not (job.get("status") or {}).get("active"):
            self._timers.after(spec["activeDeadlineSeconds"], lambda: self._expire(job))
        return made

    def _expire(self, job: Object) -> None:
        meta = job["metadata"]
        self._late.add(meta["uid"])
        self.reconcile(meta["namespace"], meta["name"])

    def _write_status(
        self,
        job: Object,
        active: list[Object],
        counts: dict[str, int],
        outcome: tuple[str, str, str],
    ) -> None:
        old = job.get("status") or {}
        conditions = list(old.get("conditions") or [])
        suspended = job["spec"]["suspend"]
        status: Object = {}
        if not suspended:
            status["startTime"] = old.get("startTime") or stamp()
        conditions += _suspension(conditions, suspended=suspended)
        kind, reason, message = outcome
        if kind:
            target = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
            conditions += [
                _condition(conditions, target, reason, message),
                _condition(conditions, kind, reason, message),
            ]
        if kind == "Complete":
            status["completionTime"] = stamp()
        if conditions:
            status["conditions"] = conditions
        numbers = {
            "active": len(active),
            "succeeded": counts["Succeeded"],
            "failed": counts["Failed"],
            "ready": sum(is_ready(pod) for pod in active),
            "terminating": 0,
        }
        status |= without_zeros(numbers, always=("ready", "terminating"))
        status["uncountedTerminatedPods"] = {}
        meta = job["metadata"]
        found = self._store.get(JOBS, meta["namespace"], meta["name"])
        if found is not None:
            self._author.set_status(JOBS, found, status)
        if kind and "ttlSecondsAfterFinished" in job["spec"]:
            seconds = job["spec"]["ttlSecondsAfterFinished"]
            self._timers.after(seconds, lambda: self._forget(job))

    def _forget(self, job: Object) -> None:
        meta = job["metadata"]
        found = self._store.get(JOBS, meta["namespace"], meta["name"])
        if found is not None and found["metadata"]["uid"] == meta["uid"]:
            self._store.delete(JOBS, meta["namespace"], meta["name"])


def _ended(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or []
    return any(item["type"] in ("Complete", "Failed") for item in conditions)


def _condition(old: list[Object], kind: str, reason: str, message: str) -> Object:
    made = condition(old, kind, "True", reason, message)
    return made | {"lastProbeTime": made["lastTransitionTime"]}


def _suspension(conditions: list[Object], *, suspended: bool) -> list[Object]:
    """Return the condition to add when a Job is suspended for the first time."""
    if not suspended or any(item["type"] == "Suspended" for item in conditions):
        return []
    return [_condition(conditions, "Suspended", "JobSuspended", "Job suspended")]
