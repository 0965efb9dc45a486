"""`kubernetes.list_unready`: which pods are not well, and which workloads they belong to."""

import asyncio
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import Field

from adapters.kubernetes import access, health, labels, workloads
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.health import FailedJob, UnreadyPod, WorkloadHealth
from adapters.kubernetes.resources import JOBS, PODS
from adapters.values import count, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import Context, Effect, Holds, JsonObject, NotYet, Permission, Reading, Verdict

MOST = 100


class ListUnreadyInputs(Model):
    """What is looked at."""

    selector: workloads.Selector = Field(
        default="",
        description="Label selector; it takes workloads by their own labels or those of their "
        "pods, and other pods and Jobs by theirs.  Empty takes all.",
        examples=["deployment-color=blue"],
    )
    at_least: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Ready pods that each workload must have, also one that is scaled to 0: only "
        "then can traffic go there.  Without it the look holds however unwell they are.",
    )


class ListUnreadyOutput(Model):
    """What was seen.  `failing` names workloads as `kubernetes.rollout_restart` takes them."""

    ready: int = Field(description="Pods that are ready, over all workloads.")
    desired: int = Field(description="Pods that the workloads ask for.")
    unready: tuple[UnreadyPod, ...] = Field(description="At most 100 pods.")
    failing: tuple[str, ...] = Field(description="Workloads with fewer ready pods than desired.")
    workloads: tuple[WorkloadHealth, ...] = Field(description="At most 100, the failing first.")
    failed_jobs: tuple[FailedJob, ...] = Field(description="At most 100, the newest first.")


class ListUnready(Reading[ListUnreadyInputs]):
    """List the pods that are not well, the workloads that lack ready pods, and failed Jobs.

    Judged by readiness, waiting reasons and recent restarts, never by the phase alone.  Finished
    Jobs and pods on their way out are left out; a CronJob is judged by the last of its Jobs that
    ended.  With `at_least` it also says whether each workload could take traffic: not yet, until
    so many pods of each are ready.

    Effect: reads.  Units: pods.  Errors: permanent without the right to list, or where there is no
    workload at all (then nothing is known, which is not "healthy"); transient when the cluster
    does not answer.
    """

    uses: ClassVar[str] = "kubernetes.list_unready"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = ListUnreadyInputs
    Output: ClassVar[type[Model]] = ListUnreadyOutput
    example: ClassVar[JsonObject] = {"selector": "app.kubernetes.io/part-of=aivo-platform"}

    def permissions(self, inputs: ListUnreadyInputs, system: System) -> tuple[Permission, ...]:
        """List pods, Jobs and the three kinds of workloads."""
        kinds = (PODS, JOBS, *workloads.RESOURCES.values())
        return tuple(access.right("list", kind, namespace_of(system)) for kind in kinds)

    def describe(self, inputs: ListUnreadyInputs) -> str:
        """Say what is looked at."""
        which = f" with {inputs.selector}" if inputs.selector else ""
        enough = f", each with {count(inputs.at_least, 'ready pod')}" if inputs.at_least else ""
        return f"Look at all workloads and pods{which}{enough}"

    async def look(self, inputs: ListUnreadyInputs, context: Context) -> Verdict:
        """Look once."""
        cluster = await connect(context)
        every, pods, ran = await asyncio.gather(
            workloads.fetch_all(cluster), cluster.items(PODS), cluster.items(JOBS)
        )
        selector = labels.parse(inputs.selector)
        found, own = health.chosen(every, pods, selector)
        if not found and (inputs.at_least or not own):
            raise workloads.nothing_there(cluster, inputs.selector)
        jobs = [job for job in ran if labels.bears(job, selector)]
        states = health.of_workloads(found, own)
        output = _output(
            states, health.of_pods(found, own, datetime.now(UTC)), health.of_jobs(jobs)
        )
        plain = output.model_dump(mode="json")
        if lacking := [each for each in states if each.ready < (inputs.at_least or 0)]:
            told = listed(f"{e.name} has {e.ready} of {e.desired}" for e in lacking)
            needed = f"{told} ready, and each needs {inputs.at_least}"
            return NotYet(progress=f"{_summary(output)} · {needed}", output=plain)
        return Holds(summary=_summary(output), output=plain)


def _output(
    states: tuple[WorkloadHealth, ...],
    unready: tuple[UnreadyPod, ...],
    failed: tuple[FailedJob, ...],
) -> ListUnreadyOutput:
    lacking = {each.name for each in states if each.ready < each.desired}
    failing = lacking | {each.workload for each in unready if each.workload}
    return ListUnreadyOutput(
        ready=sum(each.ready for each in states),
        desired=sum(each.desired for each in states),
        unready=unready[:MOST],
        failing=tuple(sorted(failing)),
        workloads=tuple(sorted(states, key=lambda each: each.name not in failing)[:MOST]),
        failed_jobs=failed[:MOST],
    )


def _summary(output: ListUnreadyOutput) -> str:
    parts = [f"{output.ready} of {count(output.desired, 'pod')} ready"]
    if output.failing:
        parts.append(f"failing: {listed(output.failing)}")
    changing = [e for e in output.workloads if e.waits_for and e.name not in output.failing]
    if changing:
        parts.append(listed(f"{each.name} waits for {each.waits_for}" for each in changing))
    if output.failed_jobs:
        parts.append(f"failed Jobs: {listed(each.job for each in output.failed_jobs)}")
    return "; ".join(parts)
