"""Workloads: their kinds, their names as people write them, and the pods that belong to them.

Called by every action of this folder.  Objects stay the JSON that the API server sent.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from adapters.kubernetes import labels as selectors
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.errors import NotFoundError
from adapters.kubernetes.resources import DAEMONSETS, DEPLOYMENTS, STATEFULSETS, Resource
from adapters.values import Names, listed
from flows.actions import ANY, PermanentError

RESOURCES: Mapping[str, Resource] = {
    each.kind: each for each in (DEPLOYMENTS, STATEFULSETS, DAEMONSETS)
}
NAME = r"^(?:(?i:deployment|statefulset|daemonset)/)?[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$"

Kind = Literal["Deployment", "StatefulSet", "DaemonSet"]
Scalable = Literal["Deployment", "StatefulSet"]
Selector = selectors.Selector
Object = dict[str, Any]


def _checked(names: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [each for each in names if not re.match(NAME, each)]:
        raise ValueError(
            f"{listed(map(repr, wrong))} names no workload: write `name`, `deployment/name`, "
            "`statefulset/name` or `daemonset/name`"
        )
    return names


WorkloadNames = Annotated[Names, AfterValidator(_checked)]
"""Names of workloads, in an input."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Workload:
    """A workload by kind and name."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Write it the way that inputs take it: `payment-service`, `statefulset/postgres`."""
        return self.name if self.kind == "Deployment" else f"{self.kind.lower()}/{self.name}"

    @property
    def resource(self) -> Resource:
        """Return where its objects are."""
        return RESOURCES[self.kind]


def named(names: Iterable[str], kind: str) -> tuple[Workload, ...]:
    """Read `name` or `kind/name`; without a kind it is `kind`.  Each counts once.

    Raises `PermanentError` where there are none: acting on nothing must not look like success.
    """
    found: dict[Workload, None] = {}
    for each in names:
        before, _, name = each.rpartition("/")
        own = next((k for k in RESOURCES if k.lower() == before.lower()), kind)
        found[Workload(kind=own, name=name)] = None
    if not found:
        raise PermanentError(
            "No workload is named, so there is nothing to do: name at least one, or skip the step."
        )
    return tuple(found)


def meant(names: Iterable[str], kind: str) -> tuple[tuple[Resource, str], ...]:
    """Return what rights are needed on: resources, and the object's name or `ANY`.

    What is not known yet (`ANY`) is every kind that it may be.
    """
    found: dict[tuple[Resource, str], None] = {}
    for each in named(names, kind):
        unknown = ANY in (each.name, each.kind)
        kinds = RESOURCES.values() if unknown else (each.resource,)
        found |= dict.fromkeys((resource, each.name) for resource in kinds)
    return tuple(found)


async def fetch(cluster: Cluster, workloads: Iterable[Workload]) -> dict[Workload, Object]:
    """Read the objects, side by side; raise `PermanentError` that names all that are missing."""
    wanted = tuple(workloads)
    answers = await asyncio.gather(
        *(cluster.read(w.resource, w.name) for w in wanted), return_exceptions=True
    )
    missing = [str(w) for w, a in zip(wanted, answers, strict=True) if _is_missing(a)]
    if missing:
        raise PermanentError(
            f"There is no workload {listed(missing)} in namespace {cluster.namespace}: compare the "
            f"names with `kubectl -n {cluster.namespace} get deployments,statefulsets,daemonsets`."
        )
    found: dict[Workload, Object] = {}
    for workload, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        found[workload] = answer
    return found


def _is_missing(answer: object) -> bool:
    return isinstance(answer, NotFoundError)


async def fetch_all(cluster: Cluster, *, labels: str = "") -> dict[Workload, Object]:
    """Read every Deployment, StatefulSet and DaemonSet, side by side."""
    lists = await asyncio.gather(
        *(cluster.items(resource, labels=labels) for resource in RESOURCES.values())
    )
    return {
        Workload(kind=kind, name=each["metadata"]["name"]): each
        for kind, objects in zip(RESOURCES, lists, strict=True)
        for each in objects
    }


def nothing_there(cluster: Cluster, labels: str) -> PermanentError:
    """Say that a look found no workload, which proves nothing."""
    which = f" with {labels}" if labels else ""
    return PermanentError(
        f"Namespace {cluster.namespace} has no workloads{which}: nothing can be said about their "
        "health. Check connections.kubernetes and the selector."
    )


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Say whether a workload's `spec.selector` takes these labels; an empty one takes none."""
    given = selector.get("matchLabels") or selector.get("matchExpressions")
    return bool(given) and selectors.matches(selector, labels)


def owned(workload: Object, pods: Iterable[Object]) -> list[Object]:
    """Return the pods that the workload's selector takes."""
    selector = (workload.get("spec") or {}).get("selector") or {}
    return [p for p in pods if selects(selector, p["metadata"].get("labels") or {})]
