"""NetworkPolicies and PodDisruptionBudgets: what is filled in and refused."""

from __future__ import annotations

from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.workloads import check_label_selector, check_portion
from sandbox.estate.values import Object

_TYPES = ("Ingress", "Egress")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_ONE_PEER = "must specify a peer"


def fill_network_policy(item: Object) -> None:
    """Fill in a NetworkPolicy."""
    spec = item["spec"]
    for rule in [*(spec.get("ingress") or []), *(spec.get("egress") or [])]:
        for port in rule.get("ports") or []:
            port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def check_network_policy(item: Object, causes: Causes) -> None:
    """Check a NetworkPolicy."""
    spec = item["spec"]
    check_label_selector(spec["podSelector"], "spec.podSelector", causes)
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for at, rule in enumerate(spec.get(direction) or []):
            where = f"spec.{direction}[{at}]"
            for number, port in enumerate(rule.get("ports") or []):
                causes.one_of(f"{where}.ports[{number}].protocol", port["protocol"], _PROTOCOLS)
            for number, peer in enumerate(rule.get(peers) or []):
                _check_peer(peer, f"{where}.{peers}[{number}]", causes)
    for at, kind in enumerate(spec["policyTypes"]):
        causes.one_of(f"spec.policyTypes[{at}]", kind, _TYPES)


def check_budget(item: Object, causes: Causes) -> None:
    """Check a PodDisruptionBudget."""
    spec = item["spec"]
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        value = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": None,
        }
        problem = "minAvailable and maxUnavailable cannot be both set"
        causes.invalid("spec", value, problem)
    for name, portion in (("minAvailable", least), ("maxUnavailable", most)):
        if portion is not None:
            check_portion(portion, f"spec.{name}", causes)
    check_label_selector(spec.get("selector") or {}, "spec.selector", causes)


def _check_peer(peer: Object, field: str, causes: Causes) -> None:
    if not peer:
        causes.required(field, _ONE_PEER)
    for name in ("podSelector", "namespaceSelector"):
        check_label_selector(peer.get(name) or {}, f"{field}.{name}", causes)
