"""`kubernetes.list_unready`: which pods are not well, and which workloads they belong to."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field

from adapters.kubernetes import access, readiness, workloads
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.resources import PODS
from adapters.values import count, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import Context, Effect, Holds, JsonObject, Permission, Reading, Verdict

MOST = 100


class ListUnreadyInputs(Model):
    """What is looked at."""

    selector: workloads.Selector = Field(
        default="", description="Label selector over pods and workloads; empty takes all."
    )


class UnreadyPod(Model):
    """One pod that is not well."""

    pod: str
    workload: str
    reason: str
    restarts: int


class ListUnreadyOutput(Model):
    """What was seen.  `failing` names workloads as `kubernetes.rollout_restart` takes them."""

    ready: int = Field(description="Pods that are ready, over all workloads.")
    desired: int = Field(description="Pods that the workloads ask for.")
    unready: tuple[UnreadyPod, ...] = Field(description="At most 100 pods.")
    failing: tuple[str, ...] = Field(description="Workloads with fewer ready pods than desired.")


class ListUnready(Reading[ListUnreadyInputs]):
    """List the pods that are not well, and the workloads that lack ready pods.

    Judged by readiness, waiting reasons and recent restarts, never by the phase alone.  Finished
    Jobs and pods on their way out are left out.

    Effect: reads.  Units: pods.  Errors: permanent without the right to list, or where the
    namespace has no workload at all (then nothing is known, which is not "healthy"); transient
    when the cluster does not answer.
    """

    uses: ClassVar[str] = "kubernetes.list_unready"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = ListUnreadyInputs
    Output: ClassVar[type[Model]] = ListUnreadyOutput
    example: ClassVar[JsonObject] = {"selector": "app.kubernetes.io/part-of=aivo-platform"}

    def permissions(self, inputs: ListUnreadyInputs, system: System) -> tuple[Permission, ...]:
        """List pods and the three kinds of workloads."""
        kinds = (PODS, *workloads.RESOURCES.values())
        return tuple(access.right("list", kind, namespace_of(system)) for kind in kinds)

    def describe(self, inputs: ListUnreadyInputs) -> str:
        """Say what is looked at."""
        return f"Look at all pods{f' with {inputs.selector}' if inputs.selector else ''}"

    async def look(self, inputs: ListUnreadyInputs, context: Context) -> Verdict:
        """Look once."""
        cluster = await connect(context)
        found = await workloads.fetch_all(cluster, labels=inputs.selector)
        pods = await cluster.items(PODS, labels=inputs.selector)
        if not found and not pods:
            raise workloads.nothing_there(cluster, inputs.selector)
        output = survey(found, pods, datetime.now(UTC))
        return Holds(summary=_summary(output), output=output.model_dump(mode="json"))


def survey(
    found: dict[workloads.Workload, dict[str, Any]], pods: list[dict[str, Any]], now: datetime
) -> ListUnreadyOutput:
    """Judge workloads and pods together."""
    owner = {
        pod["metadata"]["name"]: str(workload)
        for workload, each in found.items()
        for pod in workloads.owned(each, pods)
    }
    sick = [
        UnreadyPod(
            pod=pod["metadata"]["name"],
            workload=owner.get(pod["metadata"]["name"], ""),
            reason=reason,
            restarts=_restarts(pod),
        )
        for pod in pods
        if (reason := readiness.complaint(pod, now))
    ]
    rollouts = {workload: readiness.judge(workload.kind, o) for workload, o in found.items()}
    lacking = {str(w) for w, rollout in rollouts.items() if rollout.ready < rollout.desired}
    return ListUnreadyOutput(
        ready=sum(rollout.ready for rollout in rollouts.values()),
        desired=sum(rollout.desired for rollout in rollouts.values()),
        unready=tuple(sick[:MOST]),
        failing=tuple(sorted(lacking | {each.workload for each in sick if each.workload})),
    )


def _restarts(pod: dict[str, Any]) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return sum(int(each.get("restartCount") or 0) for each in statuses)


def _summary(output: ListUnreadyOutput) -> str:
    head = f"{output.ready} of {count(output.desired, 'pod')} ready"
    return f"{head}; failing: {listed(output.failing)}" if output.failing else head
