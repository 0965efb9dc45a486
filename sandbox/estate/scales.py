"""The `/scale` subresource: a workload's size as an object of its own."""

from __future__ import annotations

from sandbox.estate.values import Object, clone


def view(item: Object) -> Object:
    """Return the Scale of a workload."""
    meta = item["metadata"]
    labels = item["spec"].get("selector", {}).get("matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept},
        "spec": {"replicas": item["spec"].get("replicas", 1)},
        "status": {"replicas": item["status"].get("replicas", 0), "selector": selector},
    }


def apply(item: Object, scale: Object) -> Object:
    """Return the workload with a Scale's size."""
    changed = clone(item)
    changed["spec"]["replicas"] = (scale.get("spec") or {}).get("replicas", 0)
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version:
        changed["metadata"]["resourceVersion"] = version
    return changed
