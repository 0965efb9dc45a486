"""Whether the objects of a manifest do what they are there for, each by its kind.

Called by `apply_manifest`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from adapters.kubernetes import access, endpoints, jobs, rollout_wait, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.manifests import Item
from adapters.kubernetes.resources import ENDPOINT_SLICES, JOBS, PODS, SERVICES
from adapters.kubernetes.workloads import Workload
from adapters.values import listed
from flows.actions import Holds, NotYet, Permission, Refuted, Verdict

Object = dict[str, Any]
LOOK_AGAIN = 1.0


def rights(items: Iterable[Item], namespace: str) -> tuple[Permission, ...]:
    """Return what a look at these objects needs besides reading them."""
    waited_for = (i for i in items if i.resource.named != SERVICES.named or _selects(i))
    return rights_on({each.resource.named for each in waited_for}, namespace)


def rights_on(resources: Collection[str], namespace: str) -> tuple[Permission, ...]:
    """Return what a look at any objects of these resources may need besides reading them."""
    found: list[Permission] = []
    if any(each.named in resources for each in workloads.RESOURCES.values()):
        found.append(access.right("list", PODS, namespace))
    if SERVICES.named in resources:
        found.append(access.right("list", ENDPOINT_SLICES, namespace))
    return tuple(found)


async def verdict(cluster: Cluster, found: Sequence[tuple[Item, Object]]) -> Verdict:
    """Judge all objects together; what has no readiness of its own is ready by being there."""
    waits: list[str] = []
    for item, each in found:
        lacking, failed = _judge(item, each)
        if failed:
            return Refuted(why=f"{item} {failed}")
        waits += [f"{item} {lacking}"] if lacking else []
    services = {item.name: str(item) for item, _ in found if _selects(item)}
    if services:
        behind = await endpoints.behind(cluster, services)
        waits += [f"{told} has no ready pod" for n, told in services.items() if _none(behind[n])]
    running = {
        Workload(kind=item.resource.kind, name=item.name): each
        for item, each in found
        if _is_workload(item)
    }
    rollouts = await rollout_wait.verdict(cluster, running) if running else None
    if isinstance(rollouts, Refuted):
        return rollouts
    if isinstance(rollouts, NotYet):
        waits.insert(0, rollouts.progress)
    if waits:
        return NotYet(progress=listed(waits), after=LOOK_AGAIN)
    told = f"; {rollouts.summary}" if isinstance(rollouts, Holds) else ""
    return Holds(
        summary=f"{listed(str(item) for item, _ in found)} as the manifest says{told}", output={}
    )


def _none(behind: Iterable[endpoints.Endpoint]) -> bool:
    return endpoints.ready(behind) == 0


def _is_workload(item: Item) -> bool:
    known = workloads.RESOURCES.get(item.resource.kind)
    return known is not None and known.named == item.resource.named


def _selects(item: Item) -> bool:
    """Say whether the manifest puts pods behind a Service."""
    spec = item.body.get("spec") or {}
    return item.resource.named == SERVICES.named and bool(spec.get("selector"))


def _judge(item: Item, found: Object) -> tuple[str, str]:
    """Return what one object still lacks, and why it never will get it."""
    status = found.get("status") or {}
    met = {c["type"] for c in status.get("conditions") or () if c.get("status") == "True"}
    if item.resource.named == JOBS.named:
        state = jobs.state_of(found)
        return (
            "" if state.complete else "has not ended",
            f"failed ({state.failed})" * bool(state.failed),
        )
    if item.resource.named == PODS.named:
        failed = "failed" if status.get("phase") == "Failed" else ""
        ready = "Ready" in met or status.get("phase") == "Succeeded"
        return ("" if ready else "is not ready", failed)
    if item.resource.kind == "CustomResourceDefinition":
        return ("" if "Established" in met else "is not established", "")
    return "", ""
