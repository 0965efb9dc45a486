"""Istio's VirtualServices and KEDA's ScaledObjects: what their definitions refuse."""

from __future__ import annotations

from sandbox.estate.rules.causes import Causes
from sandbox.estate.values import Object

_MOST = 100  # percent


def check_virtual_service(item: Object, causes: Causes) -> None:
    """Check the weights of a VirtualService."""
    spec = item.get("spec") or {}
    for protocol in ("http", "tcp"):
        for at, rule in enumerate(spec.get(protocol) or []):
            _check_route(rule.get("route") or [], f"spec.{protocol}[{at}].route", causes)


def check_scaled_object(item: Object, causes: Causes) -> None:
    """Check that a ScaledObject says what it scales, and by what."""
    spec = item.get("spec") or {}
    if not (spec.get("scaleTargetRef") or {}).get("name"):
        causes.required("spec.scaleTargetRef.name")
    if "triggers" not in spec:
        causes.required("spec.triggers")


def _check_route(route: list[Object], field: str, causes: Causes) -> None:
    weights = [part.get("weight") for part in route]
    for at, weight in enumerate(weights):
        where = f"{field}[{at}].weight"
        if isinstance(weight, int) and weight > _MOST:
            problem = f"{where} in body should be less than or equal to {_MOST}"
            causes.invalid(where, weight, problem)
        if isinstance(weight, int) and weight < 0:
            problem = f"{where} in body should be greater than or equal to 0"
            causes.invalid(where, weight, problem)
    if len(route) > 1 and not any(weights):
        causes.unfit(field, "total destination weight = 0")
