"""`kubernetes.rollout_restart`: replace the pods of workloads, a few at a time."""

import asyncio
from typing import Any, ClassVar

from pydantic import Field

from adapters.kubernetes import access, restart_marks, rollout_wait, rollouts, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.resources import BUDGETS, PODS
from adapters.kubernetes.workloads import Workload
from adapters.values import count, fingerprint_of, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

Object = dict[str, Any]


class RolloutRestartInputs(Model):
    """Which workloads, and whether all at once."""

    names: workloads.WorkloadNames = Field(
        description="`name`, or `deployment/name`, `statefulset/name`, `daemonset/name`."
    )
    kind: workloads.Kind = Field(default="Deployment", description="Kind of names without one.")
    in_order: bool = Field(
        default=False,
        description="One workload after the other, as they are named: each is complete before the "
        "next one begins.",
    )


class RolloutRestartOutput(Model):
    """What was replaced."""

    restarted: tuple[str, ...]
    ready: int
    desired: int


class RolloutRestart(Action):
    """Replace every pod of the named workloads, at the pace of their own update strategy.

    Done by an annotation on the pod template that names incident and step, so that a repeat of
    the step finds its own mark and replaces nothing twice.  Idempotent for that reason.  With
    `in_order`, a workload that does not come up again ends it: those after it are not touched.

    What was approved is how pods are replaced, not what they run: another update strategy is
    drift, a new release or another number of pods is none.

    Effect: interrupts (capacity is lost while pods are replaced).  Units: pods.  Errors: permanent
    without names, for a paused Deployment and for the update strategy OnDelete (both would ignore
    the mark), for a workload that is not there, and without the right to patch.
    """

    uses: ClassVar[str] = "kubernetes.rollout_restart"
    effect: ClassVar[Effect] = Effect.INTERRUPTS
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = RolloutRestartInputs
    Output: ClassVar[type[Model]] = RolloutRestartOutput
    example: ClassVar[JsonObject] = {"names": ["payment-service"]}

    def permissions(self, inputs: RolloutRestartInputs, system: System) -> tuple[Permission, ...]:
        """Read and patch the workloads; list pods and disruption budgets."""
        namespace = namespace_of(system)
        return (
            *(
                access.right(verb, resource, namespace, name=name)
                for resource, name in workloads.meant(inputs.names, inputs.kind)
                for verb in ("get", "patch")
            ),
            access.right("list", PODS, namespace),
            access.right("list", BUDGETS, namespace),
        )

    async def preview(self, inputs: RolloutRestartInputs, context: Context) -> Preview:
        """Show the pods that would be replaced; the patch is tried without effect."""
        cluster, mark = await connect(context), context.mark
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        found = await _restartable(cluster, inputs)
        pods, budgets = await asyncio.gather(cluster.items(PODS), cluster.items(BUDGETS))
        left = {w: each for w, each in found.items() if restart_marks.marked_by(each) != mark}
        for workload in left:
            await restart_marks.write(cluster, workload, mark, dry_run=True)
        how = ", one after the other" if inputs.in_order and len(found) > 1 else ""
        return Preview(
            summary=f"Restart {listed(str(w) for w in found)}{how}",
            fingerprint=fingerprint_of({str(w): _strategy(each) for w, each in found.items()}),
            changes=tuple(_change(w, workloads.owned(each, pods)) for w, each in left.items()),
            in_place=not left,
            touches=len(left),
            warnings=(
                *doubts,
                *rollouts.of_strategies(found),
                *restart_marks.tight(found, pods, budgets),
            ),
        )

    async def capture(self, inputs: RolloutRestartInputs, context: Context) -> JsonObject:
        """Record the pods that are there before."""
        cluster = await connect(context)
        found = await _restartable(cluster, inputs)
        pods = await cluster.items(PODS)
        before = {
            str(w): sorted(pod["metadata"]["uid"] for pod in workloads.owned(each, pods))
            for w, each in found.items()
        }
        return {"pods": before}

    async def apply(
        self, inputs: RolloutRestartInputs, captured: JsonObject, context: Context
    ) -> None:
        """Mark each workload that does not carry this step's mark yet."""
        cluster, mark = await connect(context), context.mark
        found = await _restartable(cluster, inputs)
        if inputs.in_order:
            await restart_marks.write_in_order(cluster, tuple(found), mark, context, _read)
            return
        for workload, each in found.items():
            if restart_marks.marked_by(each) != mark:
                await restart_marks.write(cluster, workload, mark)

    async def verify(
        self, inputs: RolloutRestartInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look whether every workload carries the mark and runs none of its pods of before."""
        cluster, mark = await connect(context), context.mark
        found = await workloads.fetch(cluster, workloads.named(inputs.names, inputs.kind))
        if other := [str(w) for w, f in found.items() if restart_marks.marked_by(f) != mark]:
            return Refuted(why=f"{listed(other)} was not restarted by this step")
        verdict = await rollout_wait.verdict(cluster, found)
        if isinstance(verdict, Refuted):
            return verdict
        output = {
            "restarted": [str(w) for w in found],
            "ready": verdict.output["ready"],
            "desired": verdict.output["desired"],
        }
        if isinstance(verdict, NotYet):
            return NotYet(progress=verdict.progress, after=verdict.after, output=output)
        if old := await _old_pods(cluster, found, captured):
            progress = f"{count(old, 'old pod')} still there"
            return NotYet(progress=progress, after=rollout_wait.LOOK_AGAIN, output=output)
        return Holds(summary=_summary(found, output), output=output)

    async def undo(
        self, inputs: RolloutRestartInputs, captured: JsonObject, context: Context
    ) -> str:
        """Do nothing: the new pods run what the old ones ran."""
        return "nothing to put back: the new pods run what the old ones ran"


async def _restartable(cluster: Cluster, inputs: RolloutRestartInputs) -> dict[Workload, Object]:
    found = await workloads.fetch(cluster, workloads.named(inputs.names, inputs.kind))
    rollouts.refuse_deaf(found)
    return found


async def _read(cluster: Cluster, workload: Workload) -> Object:
    return (await workloads.fetch(cluster, (workload,)))[workload]


def _strategy(workload: Object) -> Any:
    """Return how pods are replaced: a few at a time, or all at once."""
    spec = workload.get("spec") or {}
    return spec.get("strategy") or spec.get("updateStrategy")


def _change(workload: Workload, pods: list[Object]) -> Change:
    running = count(len(pods), "pod")
    return Change(subject=str(workload), before=running, after=f"{running}, all new")


def _summary(found: dict[Workload, Object], output: JsonObject) -> str:
    kept = sum(rollouts.kept_back(w, each) for w, each in found.items())
    told = f"; a partition keeps {count(kept, 'pod')} as before" if kept else ""
    ready = f"{output['ready']} of {count(output['desired'], 'pod' if kept else 'new pod')} ready"
    return f"{listed(output['restarted'])} restarted, {ready}{told}"


async def _old_pods(cluster: Cluster, found: dict[Workload, Object], captured: JsonObject) -> int:
    """Count pods of before that should be gone; a partition keeps some on purpose."""
    before = captured.get("pods") or {}
    there = {pod["metadata"]["uid"] for pod in await cluster.items(PODS)}
    return sum(
        max(len(there.intersection(before.get(str(w), ()))) - rollouts.kept_back(w, each), 0)
        for w, each in found.items()
    )
