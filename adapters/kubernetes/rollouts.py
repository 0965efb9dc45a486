"""What changing a pod template leads to: who would ignore it, what people should know, what runs.

Called by the actions that change templates.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from adapters.kubernetes import endpoints, reconcilers, scaling, templates, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.workloads import Workload
from adapters.values import listed
from flows.actions import PermanentError

Object = dict[str, Any]


def refuse_deaf(found: Mapping[Workload, Object]) -> None:
    """Raise `PermanentError` for a workload whose pods would not follow its template."""
    for workload, each in found.items():
        spec = each.get("spec") or {}
        if spec.get("paused"):
            raise PermanentError(
                f"{workload} is paused, so its pods would not follow: "
                f"`kubectl rollout resume` it first."
            )
        if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
            raise PermanentError(
                f"{workload} replaces pods only when they are deleted (OnDelete): change it by "
                "hand, delete its pods one after the other, then skip the step."
            )


async def warnings(cluster: Cluster, found: Mapping[Workload, Object]) -> tuple[str, ...]:
    """Say who would interfere, and what the update strategies make of it."""
    scalers = await scaling.autoscalers(cluster, set(found))
    return (
        *reconcilers.warnings({str(w): each for w, each in found.items()}),
        *(said for w, each in found.items() for said in _of_helm(w, each)),
        *of_strategies(found),
        *(
            f"{each['target']} is watched by the autoscaler {each['name']} "
            f"({each['min']} to {each['max']} pods): its count may move meanwhile."
            for each in scalers
        ),
    )


def _of_helm(workload: Workload, found: Object) -> Iterator[str]:
    notes = found["metadata"].get("annotations") or {}
    if release := notes.get("meta.helm.sh/release-name"):
        yield (
            f"{workload} belongs to the Helm release {release}, which does not learn of this: its "
            "next upgrade brings its own version."
        )


def of_strategies(found: Mapping[Workload, Object]) -> tuple[str, ...]:
    """Say whose update strategy stops everything at once, or leaves pods as they are."""
    return tuple(said for workload, each in found.items() for said in _of_strategy(workload, each))


def _of_strategy(workload: Workload, found: Object) -> Iterator[str]:
    spec = found.get("spec") or {}
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        yield (
            f"{workload} ends all its pods before it starts new ones (Recreate): nobody is served "
            "until the first is ready."
        )
    if partition := _partition(found):
        yield f"{workload} renews only pods from number {partition} on (its partition)."


def desired(workload: Workload, found: Object) -> int:
    """Return how many pods are to run: for a DaemonSet one a node that takes it."""
    if workload.kind == "DaemonSet":
        return int((found.get("status") or {}).get("desiredNumberScheduled") or 0)
    return int(found["spec"].get("replicas", 1))


def running(workload: Workload, found: Object, pods: Iterable[Object]) -> list[Object]:
    """Return a workload's pods that neither leave nor have ended."""
    return [pod for pod in workloads.owned(found, pods) if endpoints.is_there(pod)]


def renewed(
    workload: Workload, found: Object, template: str, pods: Iterable[Object]
) -> list[Object]:
    """Return those that were made from the template of this hash."""
    there = running(workload, found, pods)
    return [pod for pod in there if templates.runs(pod, workload, template)]


def digests(pods: Iterable[Object]) -> dict[str, tuple[str, ...]]:
    """Return what containers really run: name to `sha256:…`, more than one where pods differ.

    A container is left out whose node tells no digest.
    """
    found: dict[str, set[str]] = {}
    for pod in pods:
        for each in _containers(pod):
            repository, _, digest = str(each.get("imageID") or "").rpartition("@")
            if repository:  # without one it is no digest but the node's own id
                found.setdefault(str(each["name"]), set()).add(digest)
    return {name: tuple(sorted(each)) for name, each in sorted(found.items())}


def _containers(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    initial = status.get("initContainerStatuses") or ()
    return [*(status.get("containerStatuses") or ()), *initial]


def wanted_new(workload: Workload, found: Object) -> int:
    """Return how many pods are to run the newest template."""
    return desired(workload, found) - kept_back(workload, found)


def kept_back(workload: Workload, found: Object) -> int:
    """Return how many pods a partition leaves as they are."""
    return min(_partition(found), desired(workload, found))


def _partition(found: Object) -> int:
    strategy = (found.get("spec") or {}).get("updateStrategy") or {}
    return int((strategy.get("rollingUpdate") or {}).get("partition") or 0)


def stuck(workload: Workload, found: Object, template: str, pods: Iterable[Object]) -> str:
    """Name pods of an ordered StatefulSet that run another template and are not ready.

    Its controller replaces none of them, not even with a template that would work.
    """
    spec = found.get("spec") or {}
    ordered = spec.get("podManagementPolicy", "OrderedReady") == "OrderedReady"
    if workload.kind != "StatefulSet" or not ordered:
        return ""
    waiting = [
        pod["metadata"]["name"]
        for pod in running(workload, found, pods)
        if not endpoints.is_ready(pod) and not templates.runs(pod, workload, template)
    ]
    if not waiting:
        return ""
    return (
        f"{workload} starts its pods in order and does not replace one that is not ready: once it "
        f"has its template, delete {listed(waiting)} by hand."
    )
