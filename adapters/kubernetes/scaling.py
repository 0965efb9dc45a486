"""Replica counts: reading, recording and setting them.

Called by `kubernetes.scale` and `kubernetes.restore_scale`.  Counts are set as absolute values
under the object's resource version, so that a repeat changes nothing and a change by someone
else is noticed.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import access, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.errors import NotFoundError
from adapters.kubernetes.resources import AUTOSCALERS, PODS
from adapters.kubernetes.workloads import Workload
from adapters.values import count, listed
from flows.actions import JsonObject, PermanentError, Permission

ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A workload's scale: `wanted` and `running` count pods, `pods` selects them."""

    workload: Workload
    wanted: int
    running: int
    pods: str
    version: str


async def read(cluster: Cluster, wanted: Iterable[Workload]) -> tuple[Scale, ...]:
    """Read scales side by side; raise `PermanentError` that names all that are missing."""
    every = tuple(wanted)
    answers = await asyncio.gather(
        *(cluster.read(w.resource, w.name, sub="scale") for w in every), return_exceptions=True
    )
    missing = [str(w) for w, a in zip(every, answers, strict=True) if isinstance(a, NotFoundError)]
    if missing:
        raise PermanentError(
            f"There is no workload {listed(missing)} in namespace {cluster.namespace}."
        )
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return tuple(_scale(w, a) for w, a in zip(every, answers, strict=True) if isinstance(a, dict))


def _scale(workload: Workload, answer: dict[str, Any]) -> Scale:
    status = answer.get("status") or {}
    return Scale(
        workload=workload,
        wanted=int((answer.get("spec") or {}).get("replicas") or 0),
        running=int(status.get("replicas") or 0),
        pods=str(status.get("selector") or ""),
        version=str(answer["metadata"].get("resourceVersion") or ""),
    )


async def put(cluster: Cluster, scale: Scale, replicas: int, *, dry_run: bool = False) -> None:
    """Set one count, unless it is set already."""
    if scale.wanted == replicas:
        return
    name = scale.workload.name
    body = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": name,
            "namespace": cluster.namespace,
            "resourceVersion": scale.version,
        },
        "spec": {"replicas": replicas},
    }
    await cluster.put(scale.workload.resource, name, body, sub="scale", dry_run=dry_run)


async def record(cluster: Cluster, scales: Iterable[Scale]) -> JsonObject:
    """Return the capture: counts, and the autoscalers that watch these workloads."""
    every = tuple(scales)
    return {
        "workloads": [
            {"kind": s.workload.kind, "name": s.workload.name, "replicas": s.wanted} for s in every
        ],
        "autoscalers": await autoscalers(cluster, {s.workload for s in every}),
    }


def recorded(captured: JsonObject) -> Mapping[Workload, int]:
    """Read a capture back."""
    return {
        Workload(kind=str(each["kind"]), name=str(each["name"])): int(each["replicas"])
        for each in captured.get("workloads") or ()
    }


async def autoscalers(cluster: Cluster, watched: set[Workload]) -> list[dict[str, Any]]:
    """Return the HorizontalPodAutoscalers of these workloads: name, target, min, max."""
    try:
        every = await cluster.items(AUTOSCALERS)
    except NotFoundError:  # a cluster without this API has none
        return []
    found = []
    for each in every:
        spec = each.get("spec") or {}
        target = spec.get("scaleTargetRef") or {}
        workload = Workload(kind=str(target.get("kind")), name=str(target.get("name")))
        if workload in watched:
            found.append(
                {
                    "name": each["metadata"]["name"],
                    "target": str(workload),
                    "min": spec.get("minReplicas", 1),
                    "max": spec.get("maxReplicas"),
                }
            )
    return found


async def pods_left(cluster: Cluster, scale: Scale) -> int:
    """Count the pods that have not ended, the leaving ones included."""
    if not scale.pods:
        return scale.running
    pods = await cluster.items(PODS, labels=scale.pods)
    return sum(1 for pod in pods if (pod.get("status") or {}).get("phase") not in ENDED)


async def set_all(cluster: Cluster, targets: Mapping[Workload, int]) -> None:
    """Set every count, one after the other: what failed is then known by name."""
    for scale in await read(cluster, targets):
        await put(cluster, scale, targets[scale.workload])


async def ready_of(cluster: Cluster, wanted: Iterable[Workload]) -> dict[Workload, int]:
    """Return the number of ready pods of each workload."""
    found = await workloads.fetch(cluster, wanted)
    return {w: int((o.get("status") or {}).get("readyReplicas") or 0) for w, o in found.items()}


def rights(kinds: Iterable[str], namespace: str) -> tuple[Permission, ...]:
    """Return the rights that setting counts needs."""
    resources = [workloads.RESOURCES[kind] for kind in dict.fromkeys(kinds)]
    return (
        *(
            access.right(verb, resource, namespace, sub="scale")
            for resource in resources
            for verb in ("get", "update")
        ),
        *(access.right("get", resource, namespace) for resource in resources),
        access.right("list", PODS, namespace),
        access.right("list", AUTOSCALERS, namespace),
    )


def told(targets: Mapping[Workload, int]) -> str:
    """Write `user-service to 3 pods, payment-service to 0 pods`."""
    return listed(f"{workload} to {count(n, 'pod')}" for workload, n in targets.items())
