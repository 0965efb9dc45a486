"""Pod templates: the one that a workload has, and the earlier ones that the cluster keeps of it.

A Deployment's are kept in its ReplicaSets, those of StatefulSets and DaemonSets in their
ControllerRevisions.  A template is named by its hash: revision numbers change hands with every
undo.  Called by the actions that change what workloads run.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.kubernetes import access
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import REPLICASETS, REVISIONS, Resource
from adapters.kubernetes.workloads import Workload
from adapters.values import listed
from flows.actions import PermanentError, Permission

HASH = "pod-template-hash"
POD_HASH = "controller-revision-hash"
NUMBER = "deployment.kubernetes.io/revision"
EARLIER = "deployment.kubernetes.io/revision-history"
RESTARTED_BY = "backout.dev/restarted-by"
RESTARTS = (RESTARTED_BY, "kubectl.kubernetes.io/restartedAt")
"""Annotations that replace pods and change nothing about what they run."""
DEPLOYMENT = "Deployment"
SHOWN = 12
"""Hexadecimal digits of a digest that people are shown."""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template that is kept.  `earlier` are revision numbers that it had before `revision`."""

    hash: str
    revision: int
    made: datetime
    body: Object
    earlier: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Write it as `7c8bc5cdbc (shop/checkout:1.0.0)`."""
        return f"{self.hash} ({told(self.body)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A workload's template as it was read, and those that are kept, newest revision first."""

    workload: Workload
    present: Object
    kept: tuple[Template, ...]

    @property
    def running(self) -> Template | None:
        """Return the kept template that the workload has; None until its controller saw it."""
        present = plain(self.present)
        return next((each for each in self.kept if plain(each.body) == present), None)

    @property
    def now(self) -> str:
        """Write the template that the workload has."""
        return str(self.running or f"of its own ({told(self.present)})")

    def has(self, template: Template) -> bool:
        """Say whether the workload runs what this template says, restarts aside."""
        return bool(content(self.present) == content(template.body))

    def find(self, name: str) -> Template:
        """Return the template of this hash; raise `PermanentError` where it is not kept."""
        for each in self.kept:
            if each.hash == name:
                return each
        raise PermanentError(
            f"{self.workload} no longer keeps template {name}. Kept: {self.told()}."
        )

    def told(self) -> str:
        """List what is kept, for people who have to choose."""
        return listed((f"{each}, revision {each.revision}" for each in self.kept), limit=4)


def images(template: Mapping[str, Any]) -> dict[str, str]:
    """Return container to image; init containers stand behind the others."""
    spec = template.get("spec") or {}
    every = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return {str(each["name"]): str(each.get("image") or "") for each in every}


def told(template: Mapping[str, Any]) -> str:
    """Write the images of a template, with digests cut short."""
    return listed((short(image) for image in images(template).values()), limit=3)


def short(image: str) -> str:
    """Write an image with its digest cut short."""
    name, at, digest = image.partition("@sha256:")
    return f"{name}{at}{digest[:SHOWN]}" if at else image


def plain(template: Any) -> Any:
    """Return a template without what only the keeping adds: comparable, fit to be written."""
    if isinstance(template, Mapping):
        return {
            key: plain(value)
            for key, value in template.items()
            if value is not None and key not in (HASH, "$patch")
        }
    return [plain(each) for each in template] if isinstance(template, list) else template


def content(template: Mapping[str, Any]) -> Any:
    """Return what a template says, whatever restarted it: comparable, not to be written."""
    found = plain(template)
    meta = dict(found.get("metadata") or {})
    notes = meta.pop("annotations", None) or {}
    meta["annotations"] = {name: each for name, each in notes.items() if name not in RESTARTS}
    return {**found, "metadata": meta}


def rights(kinds: Iterable[Resource], namespace: str) -> tuple[Permission, ...]:
    """Return the rights that reading kept templates of workloads needs."""
    keepers = dict.fromkeys(_keeper(kind.kind) for kind in kinds)
    return tuple(access.right("list", keeper, namespace) for keeper in keepers)


async def read(cluster: Cluster, found: Mapping[Workload, Object]) -> dict[Workload, History]:
    """Read the kept templates of workloads that were read."""
    keepers = tuple(dict.fromkeys(_keeper(workload.kind) for workload in found))
    lists = await asyncio.gather(*(cluster.items(keeper) for keeper in keepers))
    kept = dict(zip(keepers, lists, strict=True))
    return {
        workload: History(
            workload=workload,
            present=each["spec"]["template"],
            kept=_owned(workload, each, kept[_keeper(workload.kind)]),
        )
        for workload, each in found.items()
    }


def _keeper(kind: str) -> Resource:
    return REPLICASETS if kind == DEPLOYMENT else REVISIONS


def _owned(workload: Workload, found: Object, keepers: Iterable[Object]) -> tuple[Template, ...]:
    uid = found["metadata"].get("uid")
    read_one = _of_replica_set if workload.kind == DEPLOYMENT else _of_revision
    templates = [read_one(workload, each) for each in keepers if _owner(each) == uid]
    return tuple(sorted(templates, key=lambda each: each.revision, reverse=True))


def _owner(keeper: Object) -> str | None:
    owners = keeper["metadata"].get("ownerReferences") or ()
    return next((each.get("uid") for each in owners if each.get("controller")), None)


def _of_replica_set(workload: Workload, keeper: Object) -> Template:
    meta = keeper["metadata"]
    notes = meta.get("annotations") or {}
    return Template(
        hash=str((meta.get("labels") or {}).get(HASH) or _suffix(workload, keeper)),
        revision=int(notes.get(NUMBER) or 0),
        earlier=tuple(int(n) for n in str(notes.get(EARLIER) or "").split(",") if n),
        made=datetime.fromisoformat(meta["creationTimestamp"]),
        body=keeper["spec"]["template"],
    )


def _of_revision(workload: Workload, keeper: Object) -> Template:
    return Template(
        hash=_suffix(workload, keeper),
        revision=int(keeper.get("revision") or 0),
        made=datetime.fromisoformat(keeper["metadata"]["creationTimestamp"]),
        body=keeper["data"]["spec"]["template"],
    )


def _suffix(workload: Workload, keeper: Object) -> str:
    return str(keeper["metadata"]["name"]).removeprefix(f"{workload.name}-")


def runs(pod: Object, workload: Workload, name: str) -> bool:
    """Say whether a pod was made from the template of this hash."""
    labels = pod["metadata"].get("labels") or {}
    if workload.kind == DEPLOYMENT:
        return bool(labels.get(HASH) == name)
    return labels.get(POD_HASH) in (name, f"{workload.name}-{name}")
