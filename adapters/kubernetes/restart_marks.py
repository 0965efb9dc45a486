"""The mark that restarts a workload: an annotation on its pod template that names the step.

A repeat finds its own mark and replaces nothing twice.  Called by `kubernetes.rollout_restart`
and, through `restarts`, by the actions that change ConfigMaps and Secrets.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from adapters.kubernetes import readiness, rollout_wait, templates, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.workloads import Workload
from adapters.values import count, listed
from flows.actions import Context, PermanentError

LOOK_AGAIN = 1.0
Object = dict[str, Any]
Read = Callable[[Cluster, Workload], Awaitable[Object]]


def marked_by(workload: Mapping[str, Any]) -> str:
    """Return the mark of the last restart by a step."""
    template = (workload.get("spec") or {}).get("template") or {}
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(templates.RESTARTED_BY, ""))


async def write(
    cluster: Cluster, workload: Workload, mark: str, *, dry_run: bool = False
) -> Object:
    """Mark a workload, whoever marked it before; return it."""
    body = {"spec": {"template": {"metadata": {"annotations": {templates.RESTARTED_BY: mark}}}}}
    return await cluster.patch(workload.resource, workload.name, body, dry_run=dry_run)


async def write_in_order(
    cluster: Cluster, targets: tuple[Workload, ...], mark: str, context: Context, read: Read
) -> None:
    """Mark what does not carry the mark yet, and wait for each before the next.

    Raises `PermanentError` where one does not come up again; those after it are not touched.
    """
    for number, workload in enumerate(targets):
        found = await read(cluster, workload)
        if marked_by(found) != mark:
            found = await write(cluster, workload, mark)
        while not await _is_complete(cluster, workload, found, targets[number + 1 :], context):
            await context.pause(LOOK_AGAIN)
            found = await read(cluster, workload)


async def _is_complete(
    cluster: Cluster,
    workload: Workload,
    found: Object,
    left: tuple[Workload, ...],
    context: Context,
) -> bool:
    rollout = readiness.judge(workload.kind, found)
    if rollout.complete:
        return True
    if rollout.failed:
        why = await rollout_wait.reasons(cluster, {workload: found})
        rest = f" {listed(map(str, left))} were not restarted." if left else ""
        raise PermanentError(
            f"{workload} did not come up again after the change: {rollout.failed}"
            f"{f' ({why})' if why else ''}.{rest}"
        )
    told = f"{rollout.ready} of {count(rollout.desired, 'pod')} ready"
    await context.progress(f"{workload} restarts: {told}, waits for {rollout.waits_for}")
    return False


def tight(
    found: Mapping[Workload, Object], pods: Iterable[Object], budgets: Iterable[Object]
) -> tuple[str, ...]:
    """Warn of disruption budgets that allow no pod to be missing right now."""
    every = tuple(pods)
    owned = {workload: workloads.owned(each, every) for workload, each in found.items()}
    return tuple(
        f"{workload}: the disruption budget {each['metadata']['name']} allows no pod to be missing "
        "right now; a restart does not ask it."
        for workload, own in owned.items()
        for each in budgets
        if workloads.owned(each, own)
        and not int((each.get("status") or {}).get("disruptionsAllowed") or 0)
    )
