"""What decides how many pods run: counts, suspensions of CronJobs, pauses of KEDA.

Called by `kubernetes.scale` and `kubernetes.restore_scale`.  A setting is one value of one object.
It is written as an absolute value over the very value that was read, so that a repeat changes
nothing and a change by someone else at the same moment is not overwritten.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import json_patches, labels, workloads
from adapters.kubernetes.cluster import Cluster, Object, Patch
from adapters.kubernetes.errors import NotFoundError
from adapters.kubernetes.resources import (
    AUTOSCALERS,
    CRONJOBS,
    DEPLOYMENTS,
    PODS,
    SCALED_OBJECTS,
    STATEFULSETS,
    Resource,
)
from adapters.kubernetes.workloads import Workload
from adapters.values import count

PAUSED = "autoscaling.keda.sh/paused-replicas"
"""KEDA keeps a workload at this number while a ScaledObject has this annotation."""
ENDED = frozenset({"Succeeded", "Failed"})
COUNTED: Mapping[str, Resource] = {each.kind: each for each in (DEPLOYMENTS, STATEFULSETS)}
SETTABLE: Mapping[str, Resource] = {
    **COUNTED,
    CRONJOBS.kind: CRONJOBS,
    SCALED_OBJECTS.kind: SCALED_OBJECTS,
}
STOPPING = (SCALED_OBJECTS.kind, CRONJOBS.kind, *COUNTED)
STARTING = (SCALED_OBJECTS.kind, *COUNTED, CRONJOBS.kind)
"""Orders: KEDA must not see a count that it does not want; jobs start after what they call."""

Value = int | bool | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value as it is.  `whose` names its object; `found` is the object."""

    whose: Workload
    now: Value
    found: Object

    @property
    def running(self) -> int:
        """Return the number of pods of a workload, those on their way out left out."""
        return int((self.found.get("status") or {}).get("replicas") or 0)

    @property
    def ready(self) -> int:
        """Return the number of ready pods, once the controller has seen the newest count."""
        status = self.found.get("status") or {}
        seen = int(status.get("observedGeneration") or 0)
        if seen < int(self.found["metadata"].get("generation") or 0):
            return 0
        return int(status.get("readyReplicas") or 0)

    def told(self, value: Value) -> str:
        """Write a value: `3 pods`, `suspended`, `paused at 0 pods`."""
        match self.whose.kind:
            case CRONJOBS.kind:
                return "suspended" if value else "on schedule"
            case SCALED_OBJECTS.kind:
                return "scaled by KEDA" if value is None else f"paused at {value} pods"
            case _:
                return count(int(value or 0), "pod")

    def state(self, value: Value) -> str:
        """Write a value to follow “is”: `at 3 pods`, `suspended`."""
        return f"at {self.told(value)}" if self.whose.kind in COUNTED else self.told(value)


def setting(kind: str, found: Object) -> Setting:
    """Read the setting of an object of one of the kinds of `SETTABLE`."""
    spec, metadata = found.get("spec") or {}, found["metadata"]
    now: Value
    match kind:
        case CRONJOBS.kind:
            now = bool(spec.get("suspend"))
        case SCALED_OBJECTS.kind:
            now = (metadata.get("annotations") or {}).get(PAUSED)
        case _:
            now = int(spec.get("replicas", 1))
    return Setting(whose=Workload(kind=kind, name=metadata["name"]), now=now, found=found)


async def put(
    cluster: Cluster, each: Setting, value: Value, *, moved: bool = False, dry_run: bool = False
) -> None:
    """Write one value, unless it is there already.

    `moved` where an autoscaler may change the count at any moment: then it is not compared.
    """
    if each.now == value:
        return
    name, resource = each.whose.name, SETTABLE[each.whose.kind]
    if each.whose.kind == SCALED_OBJECTS.kind:
        # What is not there can't be tested, so the whole object must be as it was.
        guard = {} if dry_run else {"resourceVersion": each.found["metadata"]["resourceVersion"]}
        body = {"metadata": {**guard, "annotations": {PAUSED: value}}}
        await cluster.patch(resource, name, body, dry_run=dry_run)
        return
    if each.whose.kind == CRONJOBS.kind:
        path: tuple[str, ...] = ("spec", "suspend")
        tests, sub = [json_patches.test(path, each.now)], ""
    else:
        # A Scale leaves a count of 0 out, so that all that holds it is compared.
        path, sub = ("spec", "replicas"), "scale"
        spec = {"replicas": each.now} if each.now else {}
        tests = [] if moved else [json_patches.test(path[:1], spec)]
    operations = [*tests, json_patches.add(path, value)]
    await cluster.patch(resource, name, operations, kind=Patch.JSON, sub=sub, dry_run=dry_run)


async def of_names(
    cluster: Cluster, names: Iterable[Workload], *, lenient: bool = False
) -> tuple[Setting, ...]:
    """Read the counts of these workloads.

    Raises `PermanentError` that names all missing ones; `lenient` leaves them out.
    """
    every = tuple(names)
    if not lenient:
        found = await workloads.fetch(cluster, every)
        return tuple(setting(workload.kind, each) for workload, each in found.items())
    answers = await asyncio.gather(*(cluster.find(SETTABLE[w.kind], w.name) for w in every))
    pairs = zip(every, answers, strict=True)
    return tuple(setting(workload.kind, each) for workload, each in pairs if each is not None)


async def of_all(
    cluster: Cluster, kinds: Iterable[str], selector: Mapping[str, Any]
) -> tuple[Setting, ...]:
    """Read the settings of all objects of these kinds that a selector takes."""
    every = tuple(kinds)
    lists = await asyncio.gather(*(cluster.items(SETTABLE[kind]) for kind in every))
    return tuple(
        setting(kind, found)
        for kind, objects in zip(every, lists, strict=True)
        for found in objects
        if labels.bears(found, selector)
    )


async def pauses(cluster: Cluster, watched: Iterable[Workload]) -> tuple[Setting, ...]:
    """Read the settings of the ScaledObjects that scale these workloads."""
    targets = set(watched)
    return tuple(
        setting(SCALED_OBJECTS.kind, found)
        for found in await _where_served(cluster, SCALED_OBJECTS)
        if target(found) in targets
    )


async def autoscalers(cluster: Cluster, watched: Iterable[Workload]) -> list[dict[str, Any]]:
    """Return the HorizontalPodAutoscalers of these workloads: name, target, min, max."""
    targets = set(watched)
    return [
        {
            "name": found["metadata"]["name"],
            "target": str(target(found)),
            "min": found["spec"].get("minReplicas", 1),
            "max": found["spec"].get("maxReplicas"),
        }
        for found in await _where_served(cluster, AUTOSCALERS)
        if target(found) in targets
    ]


def target(scaler: Object) -> Workload:
    """Return the workload that a HorizontalPodAutoscaler or a ScaledObject scales."""
    aim = (scaler.get("spec") or {}).get("scaleTargetRef") or {}
    return Workload(kind=str(aim.get("kind") or DEPLOYMENTS.kind), name=str(aim.get("name")))


async def _where_served(cluster: Cluster, resource: Resource) -> list[Object]:
    try:
        return await cluster.items(resource)
    except NotFoundError:  # a cluster without this API has none
        return []


async def pods_left(cluster: Cluster, settings: Iterable[Setting]) -> dict[Workload, int]:
    """Count the pods of each workload that have not ended, the leaving ones included."""
    pods = [
        pod
        for pod in await cluster.items(PODS)
        if (pod.get("status") or {}).get("phase") not in ENDED
    ]
    return {each.whose: len(workloads.owned(each.found, pods)) for each in settings}
