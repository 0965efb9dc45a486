"""Restarting the consumers of a ConfigMap or Secret after it changed, one after the other.

By the mark that `kubernetes.rollout_restart` writes, so that a repeat finds its own.  The next
workload is restarted when the one before is complete: a value that breaks the first one
breaks no other.  Called by the actions that change ConfigMaps and Secrets.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool

from adapters.kubernetes import access, restart_marks, rollout_wait, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.consumers import AT_START, BY_PROGRAM, Readers, Way
from adapters.kubernetes.resources import BUDGETS, PODS
from adapters.kubernetes.workloads import Workload
from adapters.values import count, listed
from flows.actions import (
    ANY,
    Change,
    Context,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Refuted,
    Verdict,
)

Object = dict[str, Any]


def _tuple_of(value: Any) -> Any:
    return (value,) if isinstance(value, str) and value else value


Consumer = Annotated[str, Field(pattern=workloads.NAME, max_length=253)]
Consumers = Annotated[tuple[Consumer, ...], Field(min_length=1), BeforeValidator(_tuple_of)]
Choice = StrictBool | Consumers
"""Nobody, everybody who reads it, or these workloads in this order."""
MEANING = (
    "`true` restarts every workload whose program reads it, by name; a list restarts these, in "
    "its order (`name`, `statefulset/name`, `daemonset/name`)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """The workloads to restart, in order, and the UIDs of the pods that they run before."""

    targets: tuple[Workload, ...]
    pods: frozenset[str]

    def plain(self) -> dict[str, Any]:
        """Return it as a capture holds it."""
        targets = [{"kind": each.kind, "name": each.name} for each in self.targets]
        return {"targets": targets, "pods": sorted(self.pods)}


def recorded(plain: JsonObject) -> Restarts:
    """Read `Restarts.plain` back."""
    return Restarts(
        targets=tuple(Workload(kind=e["kind"], name=e["name"]) for e in plain["targets"]),
        pods=frozenset(plain["pods"]),
    )


def rights(choice: Choice, namespace: str) -> tuple[Permission, ...]:
    """Return the rights that restarting needs, besides those of `consumers`."""
    if choice is False:
        return ()
    names = choice if isinstance(choice, tuple) else (ANY,)
    return (
        *(
            access.right("patch", resource, namespace, name=name)
            for resource, name in workloads.meant(names, "Deployment")
        ),
        access.right("list", BUDGETS, namespace),
    )


def chosen(choice: Choice, readers: Readers) -> Restarts:
    """Return what to restart.

    Raises `PermanentError` for a workload that is not there, or that would ignore a restart.
    """
    if isinstance(choice, bool):
        targets = readers.restartable() if choice else ()
    else:
        targets = workloads.named(choice, "Deployment")
    if missing := [str(each) for each in targets if each not in readers.workloads]:
        raise PermanentError(
            f"There is no workload {listed(missing)} to restart: compare the names in `restart`."
        )
    pods: set[str] = set()
    for each in targets:
        found = readers.workloads[each]
        _refuse(each, found)
        pods |= {pod["metadata"]["uid"] for pod in workloads.owned(found, readers.pods)}
    return Restarts(targets=targets, pods=frozenset(pods))


def _refuse(workload: Workload, found: Object) -> None:
    spec = found.get("spec") or {}
    if spec.get("paused"):
        raise PermanentError(
            f"{workload} is paused and would ignore a restart: `kubectl rollout resume` it first."
        )
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        raise PermanentError(
            f"{workload} replaces pods only when they are deleted (OnDelete): leave it out of "
            "`restart`, and delete its pods by hand afterwards."
        )


async def attempt(cluster: Cluster, restarts: Restarts, mark: str) -> None:
    """Try the restarts without effect."""
    marks = (restart_marks.write(cluster, w, mark, dry_run=True) for w in restarts.targets)
    await asyncio.gather(*marks)


def changes(restarts: Restarts, readers: Readers) -> tuple[Change, ...]:
    """Say which pods would be replaced."""
    found: list[Change] = []
    for each in restarts.targets:
        pods = count(len(workloads.owned(readers.workloads[each], readers.pods)), "pod")
        found.append(Change(subject=str(each), before=pods, after=f"{pods}, all new"))
    return tuple(found)


def in_place(restarts: Restarts, readers: Readers, mark: str) -> bool:
    """Say whether every target carries the mark."""
    found = (readers.workloads[each] for each in restarts.targets)
    return all(restart_marks.marked_by(each) == mark for each in found)


async def warnings(
    cluster: Cluster, what: str, restarts: Restarts, readers: Readers
) -> tuple[str, ...]:
    """Warn of who goes on with the old values of `what`, and of tight disruption budgets."""
    found = [*_left_behind(what, restarts, readers)]
    if restarts.targets:
        unseen = [str(w) for w in restarts.targets if not readers.of(w)]
        if unseen:
            found.append(
                f"{listed(unseen)} would be restarted, but nothing in the pod template reads "
                f"{what}."
            )
        targets = {each: readers.workloads[each] for each in restarts.targets}
        found += restart_marks.tight(targets, readers.pods, await cluster.items(BUDGETS))
    return tuple(found)


def _left_behind(what: str, restarts: Restarts, readers: Readers) -> Iterable[str]:
    left = [r for r in readers.every if r.workload not in restarts.targets]
    at_start = [r for r in left if r.workload and r.ways & AT_START]
    if at_start:
        yield (
            f"{listed(map(str, at_start))} read {what} only when they start, and go on with the "
            "old values until they are restarted: name them in `restart`, or restart them later."
        )
    in_files = [r for r in left if r.workload and Way.FILE in r.ways and not r.ways & AT_START]
    if in_files:
        yield (
            f"{listed(map(str, in_files))} get new files within about two minutes; whether their "
            "programs read them again is theirs to know."
        )
    if later := [r for r in left if r.workload is None or not r.ways & BY_PROGRAM]:
        yield f"{listed(map(str, later))} get the new values when their next pod starts."


async def make(cluster: Cluster, restarts: Restarts, mark: str, context: Context) -> None:
    """Restart what does not carry the mark yet, and wait for each before the next.

    Raises `PermanentError` where one does not come up again; those after it are not touched.
    """
    await restart_marks.write_in_order(cluster, restarts.targets, mark, context, _read)


async def verdict(cluster: Cluster, restarts: Restarts, mark: str) -> Verdict:
    """Look whether every target carries the mark and runs none of its pods of before."""
    found = {each: await _read(cluster, each) for each in restarts.targets}
    if unmarked := [str(w) for w, f in found.items() if restart_marks.marked_by(f) != mark]:
        return Refuted(why=f"{listed(unmarked)} was not restarted by this step")
    judged = await rollout_wait.verdict(cluster, found)
    if not isinstance(judged, Holds):
        return judged
    pods = await cluster.items(PODS)
    if old := sum(1 for pod in pods if pod["metadata"]["uid"] in restarts.pods):
        return NotYet(
            progress=f"{count(old, 'old pod')} still there", after=restart_marks.LOOK_AGAIN
        )
    ready, desired = judged.output["ready"], judged.output["desired"]
    names = listed(str(each) for each in restarts.targets)
    return Holds(
        summary=f"{names} restarted, {ready} of {count(desired, 'new pod')} ready",
        output={"restarted": [str(each) for each in restarts.targets]},
    )


async def _read(cluster: Cluster, workload: Workload) -> Object:
    """Find a workload in the list, which needs no right besides that of `consumers`."""
    for each in await cluster.items(workload.resource):
        if each["metadata"]["name"] == workload.name:
            return each
    raise PermanentError(f"{workload} was to be restarted, but it is no longer there.")


async def present(cluster: Cluster, restarts: Restarts) -> Restarts:
    """Return those that are still there."""
    kinds = {each.resource for each in restarts.targets}
    found = {
        Workload(kind=kind.kind, name=each["metadata"]["name"])
        for kind in kinds
        for each in await cluster.items(kind)
    }
    return Restarts(
        targets=tuple(each for each in restarts.targets if each in found), pods=restarts.pods
    )
