"""Which settings a scaling is about, the rights it needs, and what it leaves running.

Called by `kubernetes.scale` and `kubernetes.restore_scale`.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from adapters.kubernetes import access, labels, reconcilers, scaling, workloads
from adapters.kubernetes.cluster import Cluster, Object
from adapters.kubernetes.resources import (
    AUTOSCALERS,
    CRONJOBS,
    DAEMONSETS,
    JOBS,
    PODS,
    SCALED_OBJECTS,
)
from adapters.kubernetes.scaling import COUNTED, Setting
from adapters.kubernetes.workloads import Workload
from adapters.values import Names, listed
from flows.actions import ANY, PermanentError, Permission

EXCLUDABLE = (*COUNTED, CRONJOBS.kind)
NAME = re.compile(r"^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Workloads by name, or (without names) every one that `selector` takes.

    `stops` where they are scaled to 0: then KEDA is paused, and with every one CronJobs too.
    """

    names: tuple[Workload, ...] = ()
    excluding: frozenset[Workload] = frozenset()
    selector: str = ""
    stops: bool = False

    async def settings(self, cluster: Cluster) -> tuple[Setting, ...]:
        """Read the settings; raise `PermanentError` for one missing, and where there are none."""
        if self.names:
            counts = await scaling.of_names(cluster, self.names)
            return (*counts, *await self._pauses(cluster, counts))
        kinds = (*COUNTED, CRONJOBS.kind)
        found = await scaling.of_all(cluster, kinds, labels.parse(self.selector))
        every = tuple(each for each in found if each.whose not in self.excluding)
        if not any(each.whose.kind in COUNTED for each in every):
            raise workloads.nothing_there(cluster, self.selector)
        if unknown := self.excluding - {each.whose for each in found}:
            raise PermanentError(
                f"There is no {listed(sorted(map(str, unknown)))} that could be left out: check "
                "the names in `excluding`."
            )
        return (*every, *await self._pauses(cluster, every))

    async def _pauses(self, cluster: Cluster, found: Iterable[Setting]) -> tuple[Setting, ...]:
        if not self.stops:
            return ()
        return await scaling.pauses(cluster, (each.whose for each in found))

    def rights(self, namespace: str) -> tuple[Permission, ...]:
        """Return the least rights that reading and writing these settings need."""
        return (
            *(_of_names(self.names, namespace) if self.names else _of_all(namespace)),
            *(_of_pauses(namespace) if self.stops else ()),
            access.right("list", PODS, namespace),
        )


def named(names: Iterable[str], kind: str, among: Iterable[str]) -> tuple[Workload, ...]:
    """Read `name` or `kind/name`; without a kind it is `kind`.  Each counts once.

    Raises `ValueError` for what is no name, and for a kind that is not `among` those.
    """
    known = {each.lower(): each for each in among}
    found: dict[Workload, None] = {}
    for text in names:
        before, _, name = text.rpartition("/")
        own = known.get(before.lower()) if before else kind
        if own is None or not (NAME.match(name) or name == ANY):
            raise ValueError(
                f"“{text}” is no name here: write name, or {', '.join(f'{k}/name' for k in known)}"
            )
        found[Workload(kind=own, name=name)] = None
    return tuple(found)


def _checked_among(among: Iterable[str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(names: tuple[str, ...]) -> tuple[str, ...]:
        named(names, "", among)
        return names

    return check


CountedNames = Annotated[Names, AfterValidator(_checked_among(COUNTED))]
"""Names of Deployments and StatefulSets, in an input."""
ExcludableNames = Annotated[Names, AfterValidator(_checked_among(EXCLUDABLE))]
"""Names of what `every` means, in an input."""


def _of_names(names: Iterable[Workload], namespace: str) -> Iterable[Permission]:
    for each in names:
        known = each.kind in COUNTED and each.name != ANY
        for resource in [COUNTED[each.kind]] if known else COUNTED.values():
            yield access.right("get", resource, namespace, name=each.name)
            yield access.right("patch", resource, namespace, sub="scale", name=each.name)


def _of_all(namespace: str) -> Iterable[Permission]:
    for resource in COUNTED.values():
        yield access.right("list", resource, namespace)
        yield access.right("patch", resource, namespace, sub="scale")
    yield access.right("list", CRONJOBS, namespace)
    yield access.right("patch", CRONJOBS, namespace)


def _of_pauses(namespace: str) -> Iterable[Permission]:
    yield access.right("list", SCALED_OBJECTS, namespace)
    yield access.right("patch", SCALED_OBJECTS, namespace)


def watching(namespace: str, *, every: bool) -> tuple[Permission, ...]:
    """Return the rights that telling who watches needs and, with every one, what runs on."""
    kinds = (AUTOSCALERS, DAEMONSETS, JOBS) if every else (AUTOSCALERS,)
    return tuple(access.right("list", resource, namespace) for resource in kinds)


async def left_running(cluster: Cluster, stopped: Collection[Setting]) -> tuple[str, ...]:
    """Name what runs on when every workload is stopped: DaemonSets, Jobs, pods of no one."""
    daemons = [each["metadata"]["name"] for each in await cluster.items(DAEMONSETS)]
    jobs = [each["metadata"]["name"] for each in await cluster.items(JOBS) if _works(each)]
    alone = [
        pod["metadata"]["name"]
        for pod in await cluster.items(PODS)
        if not pod["metadata"].get("ownerReferences")
        and (pod.get("status") or {}).get("phase") not in scaling.ENDED
        and not any(workloads.owned(each.found, [pod]) for each in stopped)
    ]
    kinds = (("DaemonSets", daemons), ("Jobs", jobs), ("Pods without an owner", alone))
    return tuple(
        f"{kind} keep running: {listed(names)}. Their pods can be cut off with "
        "kubernetes.isolate_network."
        for kind, names in kinds
        if names
    )


def _works(job: Object) -> bool:
    ended = {"Complete", "Failed"}
    conditions = (job.get("status") or {}).get("conditions") or ()
    is_over = any(c.get("type") in ended and c.get("status") == "True" for c in conditions)
    return not is_over and not (job.get("spec") or {}).get("suspend")


def reconciled(settings: Iterable[Setting]) -> tuple[str, ...]:
    """Warn of what would put these objects back."""
    return reconcilers.warnings((str(each.whose), each.found) for each in settings)


def volumes_lost(settings: Iterable[Setting], replicas: int) -> tuple[str, ...]:
    """Return the workloads that delete their pods' volumes when they are scaled down."""
    return tuple(
        str(each.whose)
        for each in settings
        if each.whose.kind in COUNTED
        and replicas < int(each.now or 0)
        and _retention(each.found) == "Delete"
    )


def _retention(found: Object) -> str:
    policy = (found.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    return str(policy.get("whenScaled", ""))
