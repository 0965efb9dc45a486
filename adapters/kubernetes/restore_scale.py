"""`kubernetes.restore_scale`: put back what an earlier step recorded of how many pods ran."""

from typing import ClassVar

from pydantic import Field

from adapters.kubernetes import access, rollout_wait, scale_records, scale_targets
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.resources import CRONJOBS, SCALED_OBJECTS
from adapters.kubernetes.scale_records import Record, Seen
from adapters.kubernetes.scale_targets import CountedNames, Targets
from adapters.kubernetes.scaling import COUNTED
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
    """Whose record, and which part of it."""

    from_step: Identifier = Field(description="The `kubernetes.scale` step that recorded counts.")
    names: CountedNames = Field(
        default=(),
        description="Only these workloads of the record, which asks for rights on them alone; "
        "without names everything that was recorded.",
    )


class RestoreScaleOutput(Model):
    """What runs now: workload to pods; and what starts pods again."""

    replicas: dict[str, int]
    resumed: tuple[str, ...] = Field(description="CronJobs and ScaledObjects that are put back.")


class RestoreScale(Action):
    """Put back the numbers of pods that an earlier `kubernetes.scale` step recorded.

    CronJobs that it suspended are put back as well, and KEDA's ScaledObjects that it paused.  Done
    when as many pods are ready as were recorded; where an autoscaler watches a workload, when as
    many are ready as it wants by then.  Idempotent: the values are absolute, and written only over
    the value that was read.

    Effect: changes.  Units: pods.  Errors: permanent where the step recorded nothing, a workload
    is gone since or somebody changed a value since, and without a right; transient when somebody
    writes a ScaledObject at the same moment.
    """

    uses: ClassVar[str] = "kubernetes.restore_scale"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = RestoreScaleInputs
    Output: ClassVar[type[Model]] = RestoreScaleOutput
    example: ClassVar[JsonObject] = {"from_step": "stop_writers"}

    def permissions(self, inputs: RestoreScaleInputs, system: System) -> tuple[Permission, ...]:
        """Read and set what may be recorded: without names that is known from the record only."""
        names = scale_targets.named(inputs.names, "Deployment", COUNTED)
        return Targets(names=names, stops=True).rights(namespace_of(system))

    async def preview(self, inputs: RestoreScaleInputs, context: Context) -> Preview:
        """Show what would be put back, once the earlier step has recorded it."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        # The record can't drift; what it overwrites must be what the step set, or it is refused.
        fingerprint = f"record of {inputs.from_step}"
        if context.captured(inputs.from_step) is None:
            return Preview(
                summary=f"Put back the numbers of pods that {inputs.from_step} will record",
                fingerprint=fingerprint,
                warnings=doubts,
            )
        record = _record(inputs, context)
        seen = await scale_records.look(cluster, record, by_name=bool(inputs.names))
        scale_records.check(record, seen)
        await scale_records.put_back(cluster, record, seen, dry_run=True)
        settings = [seen[each.whose] for each in record.entries]
        changing = [each for each in record.entries if seen[each.whose].now != each.before]
        return Preview(
            summary=f"Put back {_told(record)}",
            fingerprint=fingerprint,
            changes=tuple(
                Change(
                    subject=str(each.whose),
                    before=seen[each.whose].told(seen[each.whose].now),
                    after=seen[each.whose].told(each.before),
                )
                for each in changing
            ),
            in_place=not changing,
            touches=len(changing),
            warnings=(*doubts, *scale_targets.reconciled(settings)),
        )

    async def capture(self, inputs: RestoreScaleInputs, context: Context) -> JsonObject:
        """Record the values that are about to be replaced."""
        cluster, record = await connect(context), _record(inputs, context)
        seen = await scale_records.look(cluster, record, by_name=bool(inputs.names))
        return scale_records.reversed_from(record, seen).plain()

    async def apply(
        self, inputs: RestoreScaleInputs, captured: JsonObject, context: Context
    ) -> None:
        """Set the recorded values that are not set yet."""
        cluster, record = await connect(context), _record(inputs, context)
        seen = await scale_records.look(cluster, record, by_name=bool(inputs.names))
        scale_records.check(record, seen)
        await scale_records.put_back(cluster, record, seen)

    async def verify(
        self, inputs: RestoreScaleInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look whether as many pods are ready as were recorded."""
        cluster, record = await connect(context), _record(inputs, context)
        seen = await scale_records.look(cluster, record, by_name=bool(inputs.names))
        if other := scale_records.not_back(record, seen):
            return Refuted(why=f"{listed(other)}, not what {inputs.from_step} recorded")
        return await _readiness(cluster, record, seen)

    async def undo(self, inputs: RestoreScaleInputs, captured: JsonObject, context: Context) -> str:
        """Set the values of before this step, and look."""
        cluster, before = await connect(context), scale_records.read(captured)
        seen = await scale_records.look(cluster, before, by_name=bool(inputs.names))
        await scale_records.put_back(cluster, before, seen)
        return await scale_records.told(cluster, before, by_name=bool(inputs.names))


async def _readiness(cluster: Cluster, record: Record, seen: Seen) -> Verdict:
    counts = [seen[each.whose] for each in record.counts]
    late = {each.whose: each for each in counts if each.ready < int(each.now or 0)}
    if late:
        told = listed(f"{w}: {each.ready} of {each.now}" for w, each in late.items())
        why = await rollout_wait.reasons(cluster, {w: each.found for w, each in late.items()})
        return NotYet(
            progress=" · ".join([f"pods ready, {told}", *([why] if why else [])]), after=1.0
        )
    others = [str(each.whose) for each in record.entries if each not in record.counts]
    return Holds(
        summary=f"put back {_told(record)}, all ready{_moved_on(record, seen)}",
        output={
            "replicas": {str(each.whose): int(each.now or 0) for each in counts},
            "resumed": others,
        },
    )


def _record(inputs: RestoreScaleInputs, context: Context) -> Record:
    captured = context.captured(inputs.from_step)
    if captured is None:
        raise PermanentError(
            f"The step {inputs.from_step} recorded nothing in this run, so there is nothing to "
            "put back: scale the workloads by hand, or skip the step."
        )
    record = scale_records.read(captured)
    if not record.entries:
        raise PermanentError(
            f"The record of {inputs.from_step} holds no numbers of pods: name a step that uses "
            "kubernetes.scale in `from_step`."
        )
    names = scale_targets.named(inputs.names, "Deployment", COUNTED)
    return record.only(names) if names else record


def _moved_on(record: Record, seen: Seen) -> str:
    """Say which counts an autoscaler has changed again."""
    moved = [
        f"{each.whose} by now at {seen[each.whose].told(seen[each.whose].now)}"
        for each in record.counts
        if seen[each.whose].now != each.before
    ]
    return f"; its autoscaler has {listed(moved)}" if moved else ""


def _told(record: Record) -> str:
    """Write `user-service to 3 pods, 1 CronJob, 2 ScaledObjects`."""
    said = listed(
        f"{each.whose} to {count(int(each.before or 0), 'pod')}" for each in record.counts
    )
    others = [
        count(number, kind)
        for kind in (CRONJOBS.kind, SCALED_OBJECTS.kind)
        if (number := sum(1 for each in record.entries if each.whose.kind == kind))
    ]
    return ", ".join([said, *others])
