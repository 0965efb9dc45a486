"""The machines that pods run on."""

from __future__ import annotations

from sandbox.estate.values import Object

NAMES = ("ip-10-0-1-17", "ip-10-0-2-31", "ip-10-0-3-44")
_SIZE = {"cpu": "16", "memory": "64Gi", "pods": "110"}


def new_nodes() -> list[Object]:
    """Return the estate's nodes."""
    return [_node(name) for name in NAMES]


def fits(spec: Object, node: Object) -> bool:
    """Tell whether a pod of this spec may run on a node."""
    name = node["metadata"]["name"]
    if wanted := spec.get("nodeName") or _pinned(spec):
        return bool(wanted == name)
    labels = node["metadata"].get("labels") or {}
    chosen = spec.get("nodeSelector") or {}
    return bool(chosen.items() <= labels.items()) and not node["spec"].get("unschedulable")


def pinned_to(name: str) -> Object:
    """Return the affinity that keeps a DaemonSet's pod on its node."""
    field = {"key": "metadata.name", "operator": "In", "values": [name]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def _pinned(spec: Object) -> str:
    node = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or []:
        for field in term.get("matchFields") or []:
            return str(field["values"][0])
    return ""


def _node(name: str) -> Object:
    address = name[3:].replace("-", ".")
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "capacity": dict(_SIZE),
            "allocatable": dict(_SIZE),
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            "addresses": [{"type": "InternalIP", "address": address}],
        },
    }
