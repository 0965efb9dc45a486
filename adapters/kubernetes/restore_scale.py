"""`kubernetes.restore_scale`: put back the counts that an earlier step recorded."""

from typing import ClassVar

from pydantic import Field

from adapters.kubernetes import access, scaling
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.workloads import Workload
from adapters.values import count, listed
from config.models.base import Identifier, Model
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


class RestoreScaleInputs(Model):
    """Whose record."""

    from_step: Identifier = Field(description="The `kubernetes.scale` step that recorded counts.")


class RestoreScaleOutput(Model):
    """What runs now: workload to pods."""

    replicas: dict[str, int]


class RestoreScale(Action):
    """Put back the numbers of pods that an earlier `kubernetes.scale` step recorded.

    Done when as many pods are ready as were recorded.  Idempotent: the counts are absolute and
    set under the objects' resource versions.

    Effect: changes.  Units: pods.  Errors: permanent where the step recorded nothing, or a
    workload is gone since; transient when somebody else changed a count at the same moment.
    """

    uses: ClassVar[str] = "kubernetes.restore_scale"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = RestoreScaleInputs
    Output: ClassVar[type[Model]] = RestoreScaleOutput
    example: ClassVar[JsonObject] = {"from_step": "stop_writers"}

    def permissions(self, inputs: RestoreScaleInputs, system: System) -> tuple[Permission, ...]:
        """Read and update scales of both kinds: which ones is known from the record only."""
        return scaling.rights(("Deployment", "StatefulSet"), namespace_of(system))

    async def preview(self, inputs: RestoreScaleInputs, context: Context) -> Preview:
        """Show what would be put back, once the earlier step has recorded it.

        Until then rights are not asked for: the step that records needs the same ones.
        """
        cluster = await connect(context)
        captured = context.captured(inputs.from_step)
        # The record can't drift, and what it overwrites was set by the step that made it.
        fingerprint = f"record of {inputs.from_step}"
        if captured is None:
            return Preview(
                summary=f"Put back the numbers of pods that {inputs.from_step} will record",
                fingerprint=fingerprint,
            )
        targets = scaling.recorded(captured)
        rights = scaling.rights((w.kind for w in targets), cluster.namespace)
        doubts = await access.require(cluster, rights)
        scales = await scaling.read(cluster, targets)
        for each in scales:
            await scaling.put(cluster, each, targets[each.workload], dry_run=True)
        return Preview(
            summary=f"Put back {scaling.told(targets)}",
            fingerprint=fingerprint,
            changes=tuple(
                Change(
                    subject=str(s.workload),
                    before=count(s.wanted, "pod"),
                    after=count(targets[s.workload], "pod"),
                )
                for s in scales
            ),
            in_place=all(s.wanted == targets[s.workload] for s in scales),
            touches=len(scales),
            warnings=doubts,
        )

    async def capture(self, inputs: RestoreScaleInputs, context: Context) -> JsonObject:
        """Record the counts that are about to be replaced."""
        cluster = await connect(context)
        return await scaling.record(cluster, await scaling.read(cluster, _record(inputs, context)))

    async def apply(
        self, inputs: RestoreScaleInputs, captured: JsonObject, context: Context
    ) -> None:
        """Set the recorded counts that are not set yet."""
        await scaling.set_all(await connect(context), _record(inputs, context))

    async def verify(
        self, inputs: RestoreScaleInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look whether as many pods are ready as were recorded."""
        cluster = await connect(context)
        targets = _record(inputs, context)
        scales = await scaling.read(cluster, targets)
        if other := [s for s in scales if s.wanted != targets[s.workload]]:
            told = listed(f"{s.workload} is set to {count(s.wanted, 'pod')}" for s in other)
            return Refuted(why=f"{told}, not to what {inputs.from_step} recorded")
        ready = await scaling.ready_of(cluster, targets)
        late = [f"{w}: {ready[w]} of {n}" for w, n in targets.items() if ready[w] < n]
        if late:
            return NotYet(progress=f"pods ready, {listed(late)}", after=1.0)
        return Holds(
            summary=f"put back {scaling.told(targets)}, all ready",
            output={"replicas": {str(w): n for w, n in targets.items()}},
        )

    async def undo(self, inputs: RestoreScaleInputs, captured: JsonObject, context: Context) -> str:
        """Set the counts of before this step."""
        before = scaling.recorded(captured)
        await scaling.set_all(await connect(context), before)
        return f"scaled {scaling.told(before)}"


def _record(inputs: RestoreScaleInputs, context: Context) -> dict[Workload, int]:
    captured = context.captured(inputs.from_step)
    if captured is None:
        raise PermanentError(
            f"The step {inputs.from_step} recorded nothing in this run, so there is nothing to "
            "put back: scale the workloads by hand, or skip the step."
        )
    return dict(scaling.recorded(captured))
