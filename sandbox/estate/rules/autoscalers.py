"""HorizontalPodAutoscalers: what is filled in and refused."""

from __future__ import annotations

from sandbox.estate.rules.causes import Causes
from sandbox.estate.values import Object

_AVERAGE = 80  # percent of the requested CPU, when nothing else was asked for


def fill_autoscaler(item: Object) -> None:
    """Fill in a HorizontalPodAutoscaler."""
    spec = item["spec"]
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": _AVERAGE}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def check_autoscaler(item: Object, causes: Causes) -> None:
    """Check a HorizontalPodAutoscaler."""
    spec = item["spec"]
    least, most = spec["minReplicas"], spec["maxReplicas"]
    if least < 1:
        causes.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        causes.required("spec.maxReplicas", "must be set and greater than 0")
    if most < least:
        causes.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    for name in ("kind", "name"):
        if not spec["scaleTargetRef"][name]:
            causes.required(f"spec.scaleTargetRef.{name}")
