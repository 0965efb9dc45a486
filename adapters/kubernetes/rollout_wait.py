"""`kubernetes.rollout_wait`: wait until the rollouts of workloads are complete."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.kubernetes import access, readiness, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.readiness import Rollout
from adapters.kubernetes.resources import PODS
from adapters.kubernetes.workloads import Workload
from adapters.values import count, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ANY,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    Permission,
    Reading,
    Refuted,
    Verdict,
)

KIND = "Deployment"
"""What a name without a kind is."""
LOOK_AGAIN = 1.0


class RolloutWaitInputs(Model):
    """Which workloads; without names every one that the selector takes."""

    names: workloads.WorkloadNames = Field(
        default=(), description="`name` (a Deployment) or `statefulset/name`, `daemonset/name`."
    )
    selector: workloads.Selector = Field(
        default="", description="Instead of names: a label selector; empty takes all."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.names and self.selector:
            raise ValueError("give either names or a selector, not both")
        return self


class WorkloadState(Model):
    """One workload; `waits_for` is empty when it is complete."""

    name: str
    ready: int
    desired: int
    waits_for: str


class RolloutWaitOutput(Model):
    """Ready and desired pods, over all workloads looked at."""

    ready: int
    desired: int
    workloads: tuple[WorkloadState, ...]


class RolloutWait(Reading[RolloutWaitInputs]):
    """Wait until every Deployment, StatefulSet and DaemonSet runs its newest template, ready.

    All are looked at together, so that one deadline (the step's `within`) covers them all.
    While pods are missing, the progress says why (image, crash, no node).

    Effect: reads.  Units: pods.  Refuted at once where a Deployment exceeded its own progress
    deadline or is paused.  Errors: permanent for a workload that is not there and where no
    workload is found at all; transient when the cluster does not answer.
    """

    uses: ClassVar[str] = "kubernetes.rollout_wait"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = RolloutWaitInputs
    Output: ClassVar[type[Model]] = RolloutWaitOutput
    example: ClassVar[JsonObject] = {"names": ["payment-service", "statefulset/redis-master"]}

    def permissions(self, inputs: RolloutWaitInputs, system: System) -> tuple[Permission, ...]:
        """Read the workloads, and list pods for the reasons; unknown names may be none, or any."""
        namespace = namespace_of(system)
        named = workloads.meant(inputs.names, KIND) if inputs.names else ()
        every = workloads.RESOURCES.values() if not inputs.names or ANY in inputs.names else ()
        return (
            *(access.right("get", resource, namespace, name=name) for resource, name in named),
            *(access.right("list", resource, namespace) for resource in every),
            access.right("list", PODS, namespace),
        )

    def describe(self, inputs: RolloutWaitInputs) -> str:
        """Say what is waited for."""
        which = listed(inputs.names) if inputs.names else "all workloads"
        return f"Wait until {which} run their newest version with every pod ready"

    async def look(self, inputs: RolloutWaitInputs, context: Context) -> Verdict:
        """Look once."""
        cluster = await connect(context)
        if inputs.names:
            found = await workloads.fetch(cluster, workloads.named(inputs.names, KIND))
        else:
            found = await workloads.fetch_all(cluster, labels=inputs.selector)
        if not found:
            raise workloads.nothing_there(cluster, inputs.selector)
        return await verdict(cluster, found)


async def verdict(cluster: Cluster, found: dict[Workload, dict[str, Any]]) -> Verdict:
    """Judge the rollouts together; ask for pods only where something is missing."""
    rollouts = {w: readiness.judge(w.kind, each) for w, each in found.items()}
    output = _output(rollouts)
    head = f"{output.ready} of {count(output.desired, 'pod')} ready"
    if all(rollout.complete for rollout in rollouts.values()):
        summary = f"{count(len(rollouts), 'workload')} complete, {head}"
        return Holds(summary=summary, output=output.model_dump(mode="json"))
    late = {w: each for w, each in found.items() if not rollouts[w].complete}
    why = await reasons(cluster, late)
    failed = [f"{w}: {r.failed}" for w, r in rollouts.items() if r.failed]
    if failed:
        return Refuted(why="; ".join([listed(failed), *([why] if why else [])]))
    waits = listed(f"{w} waits for {rollouts[w].waits_for}" for w in late)
    progress = " · ".join([head, waits, *([why] if why else [])])
    return NotYet(progress=progress, after=LOOK_AGAIN, output=output.model_dump(mode="json"))


async def reasons(cluster: Cluster, late: dict[Workload, dict[str, Any]]) -> str:
    """Say what keeps the pods of these workloads from being ready."""
    pods = await cluster.items(PODS)
    now = datetime.now(UTC)
    return readiness.summarize(
        (str(workload), text)
        for workload, each in late.items()
        for pod in workloads.owned(each, pods)
        if (text := readiness.complaint(pod, now)) and text != readiness.STARTED_LATELY
    )


def _output(rollouts: dict[Workload, Rollout]) -> RolloutWaitOutput:
    return RolloutWaitOutput(
        ready=sum(rollout.ready for rollout in rollouts.values()),
        desired=sum(rollout.desired for rollout in rollouts.values()),
        workloads=tuple(
            WorkloadState(
                name=str(workload),
                ready=rollout.ready,
                desired=rollout.desired,
                waits_for=rollout.failed or rollout.waits_for,
            )
            for workload, rollout in rollouts.items()
        ),
    )
