"""`kubernetes.scale`: run so many pods of each of these workloads."""

from typing import Any, ClassVar

from pydantic import Field

from adapters.kubernetes import access, scaling, workloads
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.scaling import Scale as Scaled
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
    Permission,
    Preview,
    Refuted,
    Verdict,
)


class ScaleInputs(Model):
    """Which workloads, and how many pods each."""

    names: Names = Field(description="`name`, or `deployment/name`, `statefulset/name`.")
    replicas: int = Field(ge=0, le=1000, description="Pods of each workload afterwards.")
    kind: workloads.Scalable = Field(default="Deployment", description="Kind of names without one.")


class ScaleOutput(Model):
    """What runs now: workload to pods."""

    replicas: dict[str, int]


class Scale(Action):
    """Set the number of pods of the named workloads; 0 stops them.

    The counts and autoscalers of before are captured, and `undo` or `kubernetes.restore_scale`
    puts them back.  Idempotent: the count is absolute and set under the object's resource version.

    Effect: interrupts.  Units: pods.  Errors: permanent without names, for a workload that is not
    there, and without the right to update its scale; transient when somebody else changed it at
    the same moment.
    """

    uses: ClassVar[str] = "kubernetes.scale"
    effect: ClassVar[Effect] = Effect.INTERRUPTS
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = ScaleInputs
    Output: ClassVar[type[Model]] = ScaleOutput
    example: ClassVar[JsonObject] = {"names": ["user-service", "payment-service"], "replicas": 0}

    def permissions(self, inputs: ScaleInputs, system: System) -> tuple[Permission, ...]:
        """Read and update scales; list pods and autoscalers."""
        kinds = (w.kind for w in _targets(inputs))
        return scaling.rights(kinds, namespace_of(system))

    async def preview(self, inputs: ScaleInputs, context: Context) -> Preview:
        """Show the counts; the change is tried without effect."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        scales = await scaling.read(cluster, _targets(inputs))
        watching = await scaling.autoscalers(cluster, {s.workload for s in scales})
        for each in scales:
            await scaling.put(cluster, each, inputs.replicas, dry_run=True)
        return Preview(
            summary=f"Scale {scaling.told(_targets(inputs))}",
            fingerprint=fingerprint_of(_relied_on(scales, watching)),
            changes=tuple(_change(s, inputs.replicas) for s in scales),
            in_place=all(s.wanted == s.running == inputs.replicas for s in scales),
            touches=len(scales),
            losses="",
            warnings=(*doubts, *_warnings(watching, inputs.replicas)),
        )

    async def capture(self, inputs: ScaleInputs, context: Context) -> JsonObject:
        """Record counts and autoscalers."""
        cluster = await connect(context)
        return await scaling.record(cluster, await scaling.read(cluster, _targets(inputs)))

    async def apply(self, inputs: ScaleInputs, captured: JsonObject, context: Context) -> None:
        """Set the counts that are not set yet."""
        await scaling.set_all(await connect(context), _targets(inputs))

    async def verify(self, inputs: ScaleInputs, captured: JsonObject, context: Context) -> Verdict:
        """Look at the counts and, for 0, whether the last pod is gone."""
        cluster = await connect(context)
        scales = await scaling.read(cluster, _targets(inputs))
        if other := [s for s in scales if s.wanted != inputs.replicas]:
            told = listed(f"{s.workload} is set to {count(s.wanted, 'pod')}" for s in other)
            return Refuted(why=f"{told}, not to {inputs.replicas}")
        pending: list[str] = []
        for each in scales:
            running = each.running
            if not inputs.replicas:
                running = max(running, await scaling.pods_left(cluster, each))
            if running != inputs.replicas:
                pending.append(_pending(each, running, inputs.replicas))
        if pending:
            return NotYet(progress=listed(pending), after=1.0)
        return Holds(
            summary=f"scaled {scaling.told(_targets(inputs))}",
            output={"replicas": {str(s.workload): inputs.replicas for s in scales}},
        )

    async def undo(self, inputs: ScaleInputs, captured: JsonObject, context: Context) -> str:
        """Set the captured counts, and look."""
        cluster = await connect(context)
        before = scaling.recorded(captured)
        await scaling.set_all(cluster, before)
        ready = await scaling.ready_of(cluster, before)
        total = f"{sum(ready.values())} of {count(sum(before.values()), 'pod')} ready so far"
        return f"scaled {scaling.told(before)}; {total}"


def _pending(scale: Scaled, running: int, replicas: int) -> str:
    if running > replicas:
        return f"{scale.workload}: {count(running - replicas, 'pod')} to end"
    return f"{scale.workload}: {count(replicas - running, 'pod')} to begin"


def _targets(inputs: ScaleInputs) -> dict[Workload, int]:
    return dict.fromkeys(workloads.named(inputs.names, inputs.kind), inputs.replicas)


def _change(scale: Scaled, replicas: int) -> Change:
    return Change(
        subject=str(scale.workload),
        before=count(scale.wanted, "pod"),
        after=count(replicas, "pod"),
    )


def _relied_on(scales: tuple[Scaled, ...], watching: list[dict[str, Any]]) -> Any:
    """Leave out counts that an autoscaler moves by itself: they are no drift."""
    moved = {each["target"] for each in watching}
    counts = {str(s.workload): s.wanted for s in scales if str(s.workload) not in moved}
    return {"counts": counts, "watching": watching}


def _warnings(watching: list[dict[str, Any]], replicas: int) -> tuple[str, ...]:
    if not replicas:
        return ()  # an autoscaler leaves a workload alone that is scaled to 0
    return tuple(
        f"{each['target']} is watched by the autoscaler {each['name']} "
        f"({each['min']} to {each['max']} pods), which may change the count again."
        for each in watching
    )
