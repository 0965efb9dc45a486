"""Who would put an object back after Backout changed it: Argo CD, Flux, an operator.  Pure.

Called by the previews of what writes.  A reconciler that is not suspended undoes a change within
minutes, and nobody in an incident thinks of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.values import listed

Object = Mapping[str, Any]
MARKS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}
"""Labels and annotations to the reconciler that writes them."""
REMEDIES = {
    "Argo CD": "switch its automatic sync off",
    "Flux": "suspend it (`flux suspend`)",
}
KNOWN = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Job"})
"""Owners that Kubernetes itself runs, and that Backout knows what to do with."""


def reconciler(found: Object) -> str:
    """Name what reconciles an object: `Argo CD`, `Flux`, `Kafka orders`, or nothing."""
    metadata = found.get("metadata") or {}
    written = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    for mark, name in MARKS.items():
        if mark in written:
            return name
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller") and owner.get("kind") not in KNOWN:
            return f"{owner.get('kind')} {owner.get('name')}"
    return ""


def warnings(objects: Mapping[str, Object] | Iterable[tuple[str, Object]]) -> tuple[str, ...]:
    """Write one warning a reconciler, with the objects (by the names given) that it puts back."""
    pairs = objects.items() if isinstance(objects, Mapping) else objects
    grouped: dict[str, list[str]] = {}
    for name, found in pairs:
        if who := reconciler(found):
            grouped.setdefault(who, []).append(name)
    return tuple(
        f"{who} manages {listed(names)} and would put it back: "
        f"{REMEDIES.get(who, 'pause it, or change it there')} first."
        for who, names in grouped.items()
    )
