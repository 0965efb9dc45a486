"""`kubernetes.rollout_restart`: replace the pods of workloads, a few at a time."""

import asyncio
from typing import Any, ClassVar

from pydantic import Field

from adapters.kubernetes import access, rollout_wait, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.resources import BUDGETS, PODS
from adapters.kubernetes.workloads import Workload
from adapters.values import Names, count, fingerprint_of, listed
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
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

ANNOTATION = "backout.dev/restarted-by"
Object = dict[str, Any]


class RolloutRestartInputs(Model):
    """Which workloads."""

    names: Names = Field(description="`name`, or `deployment/name`, `statefulset/name`, …")
    kind: workloads.Kind = Field(default="Deployment", description="Kind of names without one.")


class RolloutRestartOutput(Model):
    """What was replaced."""

    restarted: tuple[str, ...]
    ready: int
    desired: int


class RolloutRestart(Action):
    """Replace every pod of the named workloads, at the pace of their own update strategy.

    Done by an annotation on the pod template that names incident and step, so that a repeat of
    the step finds its own mark and replaces nothing twice.  Idempotent for that reason.

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
        """Read and patch the workloads; list their pods."""
        namespace = namespace_of(system)
        kinds = dict.fromkeys(w.resource for w in workloads.named(inputs.names, inputs.kind))
        return (
            *(access.right(verb, kind, namespace) for kind in kinds for verb in ("get", "patch")),
            access.right("list", PODS, namespace),
        )

    async def preview(self, inputs: RolloutRestartInputs, context: Context) -> Preview:
        """Show the pods that would be replaced; the patch is tried without effect."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        found = await _restartable(cluster, inputs)
        pods, limits = await asyncio.gather(cluster.items(PODS), _budgets(cluster))
        mark = context.mark
        await asyncio.gather(*(_mark(cluster, w, mark, dry_run=True) for w in found))
        owned = {w: workloads.owned(each, pods) for w, each in found.items()}
        return Preview(
            summary=f"Restart {listed(str(w) for w in found)}",
            fingerprint=fingerprint_of(sorted(map(str, found))),
            changes=tuple(_change(w, owned[w]) for w in found),
            in_place=all(_marked_by(each) == mark for each in found.values()),
            touches=len(found),
            warnings=(*doubts, *_tight(owned, limits)),
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
        cluster = await connect(context)
        mark = context.mark
        found = await _restartable(cluster, inputs)
        for workload, each in found.items():
            if _marked_by(each) != mark:
                await _mark(cluster, workload, mark)

    async def verify(
        self, inputs: RolloutRestartInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look whether every workload carries the mark and runs none of its pods of before."""
        cluster = await connect(context)
        found = await workloads.fetch(cluster, workloads.named(inputs.names, inputs.kind))
        mark = context.mark
        unmarked = [str(w) for w, each in found.items() if _marked_by(each) != mark]
        if unmarked:
            return Refuted(why=f"{listed(unmarked)} was not restarted by this step")
        verdict = await rollout_wait.verdict(cluster, found)
        if not isinstance(verdict, Holds):
            return verdict
        left = await _left_over(cluster, found, captured)
        if left:
            return NotYet(progress=f"{count(left, 'old pod')} still there", after=1.0)
        ready, desired = verdict.output["ready"], verdict.output["desired"]
        names = [str(w) for w in found]
        return Holds(
            summary=f"{listed(names)} restarted, {ready} of {count(desired, 'new pod')} ready",
            output={"restarted": names, "ready": ready, "desired": desired},
        )

    async def undo(
        self, inputs: RolloutRestartInputs, captured: JsonObject, context: Context
    ) -> str:
        """Do nothing: the new pods run what the old ones ran."""
        return "nothing to put back: the new pods run what the old ones ran"


async def _restartable(cluster: Cluster, inputs: RolloutRestartInputs) -> dict[Workload, Object]:
    found = await workloads.fetch(cluster, workloads.named(inputs.names, inputs.kind))
    for workload, each in found.items():
        spec = each.get("spec") or {}
        if spec.get("paused"):
            raise PermanentError(
                f"{workload} is paused and would ignore a restart: "
                f"`kubectl rollout resume` it first."
            )
        if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
            raise PermanentError(
                f"{workload} replaces pods only when they are deleted (OnDelete): delete its pods "
                "by hand, one after the other, then skip the step."
            )
    return found


async def _mark(
    cluster: Cluster, workload: Workload, mark: str, *, dry_run: bool = False
) -> Object:
    body = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: mark}}}}}
    return await cluster.patch(workload.resource, workload.name, body, dry_run=dry_run)


def _marked_by(workload: Object) -> str:
    template = (workload.get("spec") or {}).get("template") or {}
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(ANNOTATION, ""))


def _change(workload: Workload, pods: list[Object]) -> Change:
    running = f"{count(len(pods), 'pod')}"
    return Change(subject=str(workload), before=running, after=f"{running}, all new")


async def _budgets(cluster: Cluster) -> list[Object]:
    try:
        return await cluster.items(BUDGETS)
    except PermanentError:  # reading them is a courtesy; the API may be missing or forbidden
        return []


def _tight(owned: dict[Workload, list[Object]], budgets: list[Object]) -> tuple[str, ...]:
    """Warn of disruption budgets that allow no pod to be missing right now."""
    return tuple(
        f"{workload}: the disruption budget {each['metadata']['name']} allows no pod to be missing "
        "right now; a restart follows the update strategy and does not ask it."
        for workload, pods in owned.items()
        for each in budgets
        if workloads.owned(each, pods)
        and not int((each.get("status") or {}).get("disruptionsAllowed") or 0)
    )


async def _left_over(cluster: Cluster, found: dict[Workload, Object], captured: JsonObject) -> int:
    before = captured.get("pods") or {}
    old = {uid for workload in found for uid in before.get(str(workload), ())}
    pods = await cluster.items(PODS)
    return sum(1 for pod in pods if pod["metadata"]["uid"] in old)
