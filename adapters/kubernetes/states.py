"""What a namespace is like at a moment: its objects as undoing needs them, and an overview.  Pure.

Called by `capture_state`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from adapters.kubernetes import readiness, workloads
from adapters.kubernetes.resources import (
    AUTOSCALERS,
    CONFIGMAPS,
    CRONJOBS,
    DAEMONSETS,
    DEPLOYMENTS,
    INGRESSES,
    SCALED_OBJECTS,
    SECRETS,
    SERVICES,
    STATEFULSETS,
    VIRTUAL_SERVICES,
    Resource,
)
from config.models.base import Model
from flows.actions import Vault

RESOURCES: Mapping[str, Resource] = {
    each.kind: each
    for each in (
        DEPLOYMENTS,
        STATEFULSETS,
        DAEMONSETS,
        CRONJOBS,
        AUTOSCALERS,
        SCALED_OBJECTS,
        SERVICES,
        INGRESSES,
        VIRTUAL_SERVICES,
        CONFIGMAPS,
        SECRETS,
    )
}
CUSTOM = frozenset({SCALED_OBJECTS.kind, VIRTUAL_SERVICES.kind})
"""Kinds that a cluster may not have."""
HASHES = ("pod-template-hash", "controller-revision-hash")
"""Labels of pods that name the template that they were made by."""
Object = dict[str, Any]
Objects = Mapping[str, list[Object]]


class WorkloadState(Model):
    """One workload."""

    workload: str = Field(description="As other actions take it: `checkout`, `statefulset/db`.")
    ready: int
    desired: int
    images: tuple[str, ...] = Field(description="By its template, container by container.")
    digests: tuple[str, ...] = Field(description="What its pods really run.")
    templates: tuple[str, ...] = Field(
        description="Hashes of the templates that its pods were made by."
    )


def kept(kind: str, found: Object, vault: Vault) -> Object:
    """Return an object as it is kept: what it should be, without what the cluster reports.

    Of a Secret only its type, the names of its keys and a keyed mark for each value.
    """
    if kind == SECRETS.kind:
        values = found.get("data") or {}
        return {
            "metadata": {"name": found["metadata"]["name"], "uid": found["metadata"].get("uid")},
            "type": found.get("type"),
            "marks": {key: vault.mark(value) for key, value in sorted(values.items())},
        }
    metadata = {key: value for key, value in found["metadata"].items() if key != "managedFields"}
    rest = {key: value for key, value in found.items() if key not in ("metadata", "status")}
    return {"metadata": metadata, **rest}


def name_of(found: Object) -> str:
    """Return an object's name."""
    return str(found["metadata"]["name"])


def overview(found: Objects, pods: Iterable[Object]) -> list[WorkloadState]:
    """Return how every workload is."""
    every = list(pods)
    return [
        _workload(workloads.Workload(kind=kind, name=name_of(each)), each, every)
        for kind in workloads.RESOURCES
        for each in found.get(kind, ())
    ]


def _workload(workload: workloads.Workload, found: Object, pods: list[Object]) -> WorkloadState:
    rollout = readiness.judge(workload.kind, found)
    own = workloads.owned(found, pods)
    statuses = [s for p in own for s in (p.get("status") or {}).get("containerStatuses") or ()]
    labels = [pod["metadata"].get("labels") or {} for pod in own]
    return WorkloadState(
        workload=str(workload),
        ready=rollout.ready,
        desired=rollout.desired,
        images=tuple(each["image"] for each in found["spec"]["template"]["spec"]["containers"]),
        digests=_sorted(str(each.get("imageID") or "") for each in statuses),
        templates=_sorted(given.get(name, "") for given in labels for name in HASHES),
    )


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    """Return each name that is not empty, once."""
    return tuple(sorted(set(names) - {""}))


def selectors(found: Objects) -> dict[str, dict[str, str]]:
    """Return which pods each Service sends to."""
    return {
        name_of(each): each["spec"].get("selector") or {} for each in found.get(SERVICES.kind, ())
    }
