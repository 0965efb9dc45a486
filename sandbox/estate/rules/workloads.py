"""Deployments, ReplicaSets, StatefulSets and DaemonSets: what is filled in and refused."""

from __future__ import annotations

import re
from typing import Any

from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.names import LABEL_VALUE, key_problems
from sandbox.estate.rules.pod_checks import check_template
from sandbox.estate.rules.pod_defaults import fill_template
from sandbox.estate.selectors import matches
from sandbox.estate.values import Object

_HISTORY = 10
_QUARTER = "25%"
_PERCENT = re.compile("[0-9]+%")
_PERCENT_FORM = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
    "'93%', regex used for validation is '[0-9]+%')"
)
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
_MISMATCH = "`selector` does not match template `labels`"
_OPERATORS = ("Exists", "DoesNotExist", "In", "NotIn")
_STATEFUL_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def fill_deployment(item: Object) -> None:
    """Fill in a Deployment."""
    spec = item["spec"]
    fill_template(spec["template"])
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", _HISTORY)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec["strategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", _QUARTER)
        rolling.setdefault("maxUnavailable", _QUARTER)


def fill_replicaset(item: Object) -> None:
    """Fill in a ReplicaSet."""
    item["spec"].setdefault("replicas", 1)
    fill_template(item["spec"]["template"])
    labels = item["spec"]["template"]["metadata"].get("labels")
    if labels and not item["metadata"].get("labels"):
        item["metadata"]["labels"] = dict(labels)


def fill_statefulset(item: Object) -> None:
    """Fill in a StatefulSet."""
    spec = item["spec"]
    fill_template(spec["template"])
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", _HISTORY)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    spec.setdefault(
        "persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"}
    )
    strategy = spec["updateStrategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    for claim in spec.get("volumeClaimTemplates") or []:
        claim["spec"].setdefault("volumeMode", "Filesystem")
        claim["status"].setdefault("phase", "Pending")


def fill_daemonset(item: Object) -> None:
    """Fill in a DaemonSet."""
    spec = item["spec"]
    fill_template(spec["template"])
    spec.setdefault("revisionHistoryLimit", _HISTORY)
    strategy = spec["updateStrategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 0)
        rolling.setdefault("maxUnavailable", 1)


def check_deployment(item: Object, causes: Causes) -> None:
    """Check a Deployment."""
    spec = item["spec"]
    causes.not_negative("spec.replicas", spec["replicas"])
    _check_selector(item, causes)
    _check_template(item, causes)
    _check_strategy(spec["strategy"], causes)
    causes.not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    causes.not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds")
    causes.not_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        causes.invalid(
            "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"
        )


def check_replicas(item: Object, causes: Causes) -> None:
    """Check a ReplicaSet or StatefulSet."""
    causes.not_negative("spec.replicas", item["spec"]["replicas"])
    _check_selector(item, causes)
    _check_template(item, causes)


def check_daemonset(item: Object, causes: Causes) -> None:
    """Check a DaemonSet."""
    _check_selector(item, causes)
    _check_template(item, causes)


def check_selector_change(new: Object, old: Object, causes: Causes) -> None:
    """Check that a workload selects what it did."""
    causes.immutable("spec.selector", new["spec"]["selector"], old["spec"]["selector"])


def check_statefulset_change(new: Object, old: Object, causes: Causes) -> None:
    """Check that only those parts of a StatefulSet change that may."""
    before = {key: value for key, value in old["spec"].items() if key not in _STATEFUL_CHANGEABLE}
    after = {key: value for key, value in new["spec"].items() if key not in _STATEFUL_CHANGEABLE}
    if before != after:
        *names, last = [f"'{name}'" for name in _STATEFUL_CHANGEABLE]
        listed = f"{', '.join(names)} and {last}"
        causes.forbidden(
            "spec",
            f"updates to statefulset spec for fields other than {listed} are forbidden",
        )


def check_label_selector(selector: Object, field: str, causes: Causes) -> None:
    """Check a selector by labels and expressions."""
    for key, value in sorted((selector.get("matchLabels") or {}).items()):
        for problem in key_problems(key):
            causes.invalid(f"{field}.matchLabels", key, problem)
        for problem in LABEL_VALUE.problems(value):
            causes.invalid(f"{field}.matchLabels", value, problem)
    for at, rule in enumerate(selector.get("matchExpressions") or []):
        where = f"{field}.matchExpressions[{at}]"
        match rule["operator"]:
            case "In" | "NotIn" if not rule.get("values"):
                causes.required(
                    f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'"
                )
            case "Exists" | "DoesNotExist" if rule.get("values"):
                causes.forbidden(
                    f"{where}.values",
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                )
            case operator if operator not in _OPERATORS:
                causes.invalid(f"{where}.operator", operator, "not a valid selector operator")
            case _:
                pass


def check_portion(value: Any, field: str, causes: Causes) -> None:
    """Check a number of pods that may be a share: `1`, `25%`."""
    if isinstance(value, str):
        if not _PERCENT.fullmatch(value):
            causes.invalid(field, value, _PERCENT_FORM)
    else:
        causes.not_negative(field, value)


def _check_selector(item: Object, causes: Causes) -> None:
    selector = item["spec"].get("selector")
    if selector is None:
        causes.required("spec.selector")
        return
    check_label_selector(selector, "spec.selector", causes)
    if not selector:
        kind = str(item["kind"]).lower()
        causes.invalid("spec.selector", selector, f"empty selector is invalid for {kind}")


def _check_template(item: Object, causes: Causes) -> None:
    spec = item["spec"]
    labels = spec["template"]["metadata"].get("labels")
    selector = spec.get("selector")
    known = _known(selector)
    if known and (selector is None or (selector and not matches(labels or {}, selector))):
        causes.invalid("spec.template.metadata.labels", labels, _MISMATCH)
    elif not known:
        causes.invalid("spec.selector", selector, "invalid label selector")
    check_template(spec["template"], "spec.template", causes)
    policy = spec["template"]["spec"]["restartPolicy"]
    if policy != "Always":
        causes.unsupported("spec.template.spec.restartPolicy", policy, ["Always"])


def _known(selector: Object | None) -> bool:
    """Tell whether a selector's labels are such that pods can have them."""
    found = Causes()
    check_label_selector(selector or {}, "", found)
    return not found.found


def _check_strategy(strategy: Object, causes: Causes) -> None:
    field = "spec.strategy.rollingUpdate"
    rolling: Any = strategy.get("rollingUpdate")
    match strategy["type"]:
        case "Recreate":
            if rolling is not None:
                causes.forbidden(field, "may not be specified when strategy `type` is 'Recreate'")
        case "RollingUpdate":
            for name in ("maxUnavailable", "maxSurge"):
                check_portion(rolling[name], f"{field}.{name}", causes)
            if str(rolling["maxUnavailable"]) in ("0", "0%") and str(rolling["maxSurge"]) in (
                "0",
                "0%",
            ):
                causes.invalid(
                    f"{field}.maxUnavailable",
                    rolling["maxUnavailable"],
                    "may not be 0 when `maxSurge` is 0",
                )
        case other:
            causes.unsupported("spec.strategy.type", other, ("Recreate", "RollingUpdate"))


def prepare_daemonset(item: Object) -> None:
    """Count the templates of a new DaemonSet, in the annotation that old clients read."""
    annotations = item["metadata"].setdefault("annotations", {})
    annotations[_TEMPLATE_GENERATION] = "1"


def count_template(new: Object, old: Object) -> None:
    """Count on when a DaemonSet's template changed."""
    before = (old["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION, "1")
    changed = new["spec"]["template"] != old["spec"]["template"]
    annotations = new["metadata"].setdefault("annotations", {})
    annotations[_TEMPLATE_GENERATION] = str(int(before) + changed)
