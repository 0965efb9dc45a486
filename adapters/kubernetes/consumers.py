"""Who reads a ConfigMap or a Secret, and how: what decides whether a change reaches a program.

Environment variables are read when a container starts, and never again; files are refreshed by
the kubelet within about two minutes, but those mounted by `subPath` never.  Called by the actions
that change ConfigMaps and Secrets.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from adapters.kubernetes import access, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import CRONJOBS, PODS
from adapters.kubernetes.workloads import Workload
from flows.actions import Permission

ENDED = frozenset({"Succeeded", "Failed"})
Object = Mapping[str, Any]


class Way(StrEnum):
    """How something is read, in words for people."""

    ENVIRONMENT = "as environment"
    FILE = "as files"
    FIXED_FILE = "as files that are never refreshed"
    PULL = "to pull images"
    DRIVER = "to mount a volume"


AT_START = frozenset({Way.ENVIRONMENT, Way.FIXED_FILE})
"""What is read when a container starts, and never again."""
BY_PROGRAM = AT_START | {Way.FILE}
"""What a program reads, so that restarting it helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A ConfigMap or Secret; with `keys` only who reads one of them counts."""

    kind: Literal["ConfigMap", "Secret"]
    name: str
    keys: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads: `owner` for people, `workload` where it is one that can be restarted."""

    owner: str
    ways: frozenset[Way]
    workload: Workload | None = None

    def __str__(self) -> str:
        """Write `user-service (as environment, as files)`."""
        return f"{self.owner} ({', '.join(sorted(self.ways))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """Everything that was looked at, and who of it reads."""

    workloads: Mapping[Workload, dict[str, Any]]
    pods: tuple[dict[str, Any], ...]
    every: tuple[Reader, ...]

    def restartable(self) -> tuple[Workload, ...]:
        """Return the workloads whose programs read, by name."""
        return tuple(sorted(r.workload for r in self.every if r.workload and r.ways & BY_PROGRAM))

    def of(self, workload: Workload) -> frozenset[Way]:
        """Return how a workload reads; nothing where it does not."""
        return next((r.ways for r in self.every if r.workload == workload), frozenset())


def rights(namespace: str) -> tuple[Permission, ...]:
    """Return the rights that finding readers needs."""
    kinds = (*workloads.RESOURCES.values(), CRONJOBS, PODS)
    return tuple(access.right("list", kind, namespace) for kind in kinds)


async def find(cluster: Cluster, sources: Iterable[Source]) -> Readers:
    """Find every reader in the namespace, side by side."""
    wanted = tuple(sources)
    found, cronjobs, pods = await asyncio.gather(
        workloads.fetch_all(cluster), cluster.items(CRONJOBS), cluster.items(PODS)
    )
    running = tuple(pod for pod in pods if (pod.get("status") or {}).get("phase") not in ENDED)
    every = [
        *_of_workloads(found, wanted),
        *_of_cronjobs(cronjobs, wanted),
        *_of_pods(found, running, wanted),
    ]
    return Readers(workloads=found, pods=running, every=tuple(every))


def _of_workloads(found: Mapping[Workload, Object], wanted: tuple[Source, ...]) -> Iterator[Reader]:
    for workload, each in sorted(found.items()):
        if ways := read_by(each["spec"]["template"].get("spec") or {}, wanted):
            yield Reader(owner=str(workload), ways=ways, workload=workload)


def _of_cronjobs(cronjobs: Iterable[Object], wanted: tuple[Source, ...]) -> Iterator[Reader]:
    for each in cronjobs:
        template = each["spec"]["jobTemplate"]["spec"]["template"]
        if ways := read_by(template.get("spec") or {}, wanted):
            yield Reader(owner=f"cronjob/{each['metadata']['name']}", ways=ways)


def _of_pods(
    found: Mapping[Workload, dict[str, Any]],
    pods: Iterable[dict[str, Any]],
    wanted: tuple[Source, ...],
) -> Iterator[Reader]:
    """Yield running pods that belong to no workload: jobs', and those of their own."""
    running = list(pods)
    owned = {
        p["metadata"]["name"] for each in found.values() for p in workloads.owned(each, running)
    }
    alone: dict[str, frozenset[Way]] = {}
    for pod in running:
        if pod["metadata"]["name"] in owned:
            continue
        if ways := read_by(pod.get("spec") or {}, wanted):
            owner = _owner(pod)
            alone[owner] = alone.get(owner, frozenset()) | ways
    for owner, ways in sorted(alone.items()):
        yield Reader(owner=owner, ways=ways)


def _owner(pod: Object) -> str:
    for each in pod["metadata"].get("ownerReferences") or ():
        if each.get("controller"):
            return f"{str(each['kind']).lower()}/{each['name']}"
    return f"pod/{pod['metadata']['name']}"


def read_by(spec: Object, wanted: Iterable[Source]) -> frozenset[Way]:
    """Return the ways in which a pod's spec reads any of these."""
    return frozenset(way for source in wanted for way in _ways(spec, source))


def _ways(spec: Object, source: Source) -> Iterator[Way]:
    containers = [
        each
        for part in ("initContainers", "containers", "ephemeralContainers")
        for each in spec.get(part) or ()
    ]
    if any(_in_environment(each, source) for each in containers):
        yield Way.ENVIRONMENT
    for volume in spec.get("volumes") or ():
        if _in_files(volume, source):
            yield from _mounted(volume["name"], containers)
        elif source.kind == "Secret" and _in_driver(volume, source.name):
            yield Way.DRIVER
    pulls = spec.get("imagePullSecrets") or () if source.kind == "Secret" else ()
    if any(each.get("name") == source.name for each in pulls):
        yield Way.PULL


def _in_environment(container: Object, source: Source) -> bool:
    whole, single = f"{_field(source)}Ref", f"{_field(source)}KeyRef"
    for each in container.get("envFrom") or ():
        if (each.get(whole) or {}).get("name") == source.name:
            return True
    for each in container.get("env") or ():
        reference = (each.get("valueFrom") or {}).get(single) or {}
        if reference.get("name") == source.name and _meant(source, [reference.get("key")]):
            return True
    return False


def _in_files(volume: Object, source: Source) -> bool:
    projected = (volume.get("projected") or {}).get("sources") or ()
    for each in (volume, *projected):
        part = each.get(_field(source)) or {}
        # A Secret's volume calls the name `secretName`, a projected source `name`.
        if source.name in (part.get("name"), part.get("secretName")):
            items = part.get("items")
            if not items or _meant(source, [item.get("key") for item in items]):
                return True
    return False


def _in_driver(volume: Object, name: str) -> bool:
    """Say whether a storage driver's settings name a Secret: each driver has its own spelling."""
    for settings in volume.values():
        if not isinstance(settings, Mapping) or settings is volume.get("secret"):
            continue
        if settings.get("secretName") == name:
            return True
        for part in ("secretRef", "nodePublishSecretRef"):
            if (settings.get(part) or {}).get("name") == name:
                return True
    return False


def _mounted(volume: str, containers: Iterable[Object]) -> Iterator[Way]:
    for each in containers:
        for mount in each.get("volumeMounts") or ():
            if mount.get("name") == volume:
                fixed = mount.get("subPath") or mount.get("subPathExpr")
                yield Way.FIXED_FILE if fixed else Way.FILE


def _field(source: Source) -> str:
    return "configMap" if source.kind == "ConfigMap" else "secret"


def _meant(source: Source, keys: Iterable[str | None]) -> bool:
    return source.keys is None or not source.keys.isdisjoint({key for key in keys if key})


def required(spec: Object, source: Source) -> frozenset[str]:
    """Return the keys without which no pod of this spec can start."""
    found: set[str] = set()
    single = f"{_field(source)}KeyRef"
    for part in ("initContainers", "containers"):
        for container in spec.get(part) or ():
            for each in container.get("env") or ():
                reference = (each.get("valueFrom") or {}).get(single) or {}
                if reference.get("name") == source.name and not reference.get("optional"):
                    found.add(str(reference.get("key")))
    for volume in spec.get("volumes") or ():
        for each in (volume, *((volume.get("projected") or {}).get("sources") or ())):
            part_ = each.get(_field(source)) or {}
            named = source.name in (part_.get("name"), part_.get("secretName"))
            if named and not part_.get("optional"):
                found |= {str(item.get("key")) for item in part_.get("items") or ()}
    return frozenset(found)
