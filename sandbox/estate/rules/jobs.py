"""Jobs and CronJobs: what is filled in and refused."""

from __future__ import annotations

from typing import Any

from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.names import LABEL_VALUE
from sandbox.estate.rules.pod_checks import check_template
from sandbox.estate.rules.pod_defaults import fill_template
from sandbox.estate.selectors import matches
from sandbox.estate.values import Object

_PREFIX = "batch.kubernetes.io/"
_POLICIES = ("OnFailure", "Never")
_CONCURRENCY = ("Allow", "Forbid", "Replace")
_SCHEDULING = ("nodeSelector", "tolerations", "affinity", "schedulingGates")


def fill_job(item: Object) -> None:
    """Fill in a Job."""
    spec = item["spec"]
    fill_template(_without_restarts(spec["template"]))
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    only_failed = "podFailurePolicy" in spec
    spec.setdefault("podReplacementPolicy", "Failed" if only_failed else "TerminatingOrFailed")
    labels = spec["template"]["metadata"].get("labels")
    if labels and not item["metadata"].get("labels"):
        item["metadata"]["labels"] = dict(labels)


def prepare_job(item: Object) -> None:
    """Give a new Job the labels and the selector that tell its pods apart."""
    if item["spec"].get("manualSelector"):
        return
    name, uid = item["metadata"]["name"], item["metadata"]["uid"]
    both = {"controller-uid": uid, "job-name": name}
    labels = both | {f"{_PREFIX}{key}": value for key, value in both.items()}
    meta = item["spec"]["template"]["metadata"]
    meta["labels"] = labels | (meta.get("labels") or {})
    selector = item["spec"].setdefault("selector", {})
    selector.setdefault("matchLabels", {})[f"{_PREFIX}controller-uid"] = uid
    if not item["metadata"].get("labels"):
        item["metadata"]["labels"] = dict(meta["labels"])


def check_job(item: Object, causes: Causes) -> None:
    """Check a Job."""
    spec = item["spec"]
    for name in ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit"):
        causes.not_negative(f"spec.{name}", spec.get(name))
    causes.not_negative("spec.ttlSecondsAfterFinished", spec.get("ttlSecondsAfterFinished"))
    _check_own_selector(item, causes)
    name = item["metadata"]["name"]
    for problem in LABEL_VALUE.problems(name):
        if "no more than" in problem:
            causes.invalid("spec.template.labels", name, problem)
            causes.invalid("spec.template.labels", name, problem)
            return  # the check of the labels finds the same
    check_template(spec["template"], "spec.template", causes)
    _check_policy(spec["template"]["spec"], "spec.template.spec", causes)


def check_job_change(new: Object, old: Object, causes: Causes) -> None:
    """Check that only those parts of a Job change that may."""
    after, before = new["spec"], old["spec"]
    causes.immutable("spec.completions", after.get("completions"), before.get("completions"))
    causes.immutable("spec.selector", after.get("selector"), before.get("selector"))
    _check_template_change(new, old, causes)
    for name in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy"):
        causes.immutable(f"spec.{name}", after.get(name), before.get(name))


def fill_cronjob(item: Object) -> None:
    """Fill in a CronJob."""
    spec = item["spec"]
    fill_template(_without_restarts(spec["jobTemplate"]["spec"]["template"]))
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)


def check_cronjob(item: Object, causes: Causes) -> None:
    """Check a CronJob."""
    spec = item["spec"]
    template = spec["jobTemplate"]["spec"]["template"]
    field = "spec.jobTemplate.spec.template"
    check_template(template, field, causes)
    _check_policy(template["spec"], f"{field}.spec", causes)
    _check_schedule(spec["schedule"], causes)
    causes.one_of("spec.concurrencyPolicy", spec["concurrencyPolicy"], _CONCURRENCY)


def _without_restarts(template: Object) -> Object:
    """Keep a missing restart policy missing, as no default makes sense for a Job."""
    template["spec"].setdefault("restartPolicy", "")
    return template


def _check_own_selector(item: Object, causes: Causes) -> None:
    spec = item["spec"]
    selector = spec.get("selector")
    if selector is None:
        causes.required("spec.selector")
        return
    own = {f"{_PREFIX}controller-uid": item["metadata"]["uid"]}
    if not spec.get("manualSelector") and selector.get("matchLabels") != own:
        causes.invalid("spec.selector", selector, "`selector` not auto-generated")
    labels = spec["template"]["metadata"].get("labels") or {}
    if not matches(labels, selector):
        problem = "`selector` does not match template `labels`"
        causes.invalid("spec.template.metadata.labels", labels, problem)


def _check_policy(spec: Object, field: str, causes: Causes) -> None:
    policy = spec["restartPolicy"]
    causes.found = [cause for cause in causes.found if cause.field != f"{field}.restartPolicy"]
    listed = ", ".join(f'"{name}"' for name in _POLICIES)
    if policy in ("", "Always"):
        causes.required(f"{field}.restartPolicy", f"valid values: {listed}")
    elif policy not in _POLICIES:
        causes.unsupported(f"{field}.restartPolicy", policy, _POLICIES)


def _check_schedule(schedule: str, causes: Causes) -> None:
    if not schedule:
        causes.required("spec.schedule")
        return
    fields = schedule.split()
    if len(fields) != 5 and not schedule.startswith("@"):
        listed = " ".join(fields)
        problem = f"expected exactly 5 fields, found {len(fields)}: [{listed}]"
        causes.invalid("spec.schedule", schedule, problem)


def _check_template_change(new: Object, old: Object, causes: Causes) -> None:
    """A suspended Job that never started may still be told where to run."""
    after, before = new["spec"]["template"], old["spec"]["template"]
    if old["spec"].get("suspend") and not (old.get("status") or {}).get("startTime"):
        after, before = _placed_anywhere(after), _placed_anywhere(before)
    if after != before:
        changed: Any = new["spec"]["template"]["spec"]
        causes.invalid("spec.template.spec", changed, "field is immutable")


def _placed_anywhere(template: Object) -> Object:
    meta = {
        key: value
        for key, value in template["metadata"].items()
        if key not in ("annotations", "labels")
    }
    spec = {key: value for key, value in template["spec"].items() if key not in _SCHEDULING}
    return {"metadata": meta, "spec": spec}
