"""`kubernetes.scale`: run so many pods of each of these workloads."""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from adapters.kubernetes import access, rollout_wait, scale_records, scale_targets, scaling
from adapters.kubernetes import workloads as kinds
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.resources import CRONJOBS, SCALED_OBJECTS
from adapters.kubernetes.scale_records import Record
from adapters.kubernetes.scale_targets import CountedNames, ExcludableNames, Targets
from adapters.kubernetes.scaling import COUNTED, Setting, Value
from adapters.values import count, fingerprint_of, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ANY,
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


class ScaleInputs(Model):
    """Which workloads, and how many pods each."""

    names: CountedNames = Field(
        default=(), description="`name`, or `deployment/name`, `statefulset/name`."
    )
    replicas: int = Field(ge=0, le=1000, description="Pods of each workload afterwards.")
    kind: kinds.Scalable = Field(default="Deployment", description="Kind of names without one.")
    every: bool = Field(
        default=False,
        description="Instead of names: every Deployment and StatefulSet, and CronJobs suspended. "
        "With `replicas: 0` only.",
    )
    selector: kinds.Selector = Field(
        default="", description="With `every`: only what has these labels."
    )
    excluding: ExcludableNames = Field(
        default=(), description="With `every`: what is left as it is, also `cronjob/name`."
    )

    @model_validator(mode="after")
    def _names_or_every(self) -> Self:
        if self.every and self.names:
            raise ValueError("give either names or every: true, not both")
        if self.every and self.replicas:
            raise ValueError("every: true stops everything: replicas must be 0")
        if not self.every and (self.selector or self.excluding):
            raise ValueError("selector and excluding belong to every: true")
        if not self.every and not self.names:
            raise ValueError(
                "nothing is named, so nothing would be done: give names, or every: true"
            )
        return self


class ScaleOutput(Model):
    """What runs now: workload to pods; and what does not start pods any more."""

    replicas: dict[str, int]
    suspended: tuple[str, ...] = Field(description="CronJobs that are suspended.")
    paused: tuple[str, ...] = Field(description="ScaledObjects of KEDA that are paused.")


class Scale(Action):
    """Set the number of pods of workloads; 0 stops them.

    Stopping also pauses the KEDA ScaledObjects of these workloads, which would start them again,
    and with `every` suspends CronJobs.  DaemonSets and running Jobs go on: the preview names them.
    Done when so many pods are ready or, for 0, when the last pod is gone.

    All values of before are captured, once, with the autoscalers; `undo` or
    `kubernetes.restore_scale` puts them back.  Idempotent: values are absolute, and written only
    over the value that was read.

    Effect: interrupts.  Units: pods.  Errors: permanent without names, for a workload that is not
    there, for one that deletes its volumes when it is scaled down, where somebody changed a value
    since it was captured, and without a right; transient when somebody writes a ScaledObject at the
    same moment.
    """

    uses: ClassVar[str] = "kubernetes.scale"
    effect: ClassVar[Effect] = Effect.INTERRUPTS
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = ScaleInputs
    Output: ClassVar[type[Model]] = ScaleOutput
    example: ClassVar[JsonObject] = {"names": ["user-service", "payment-service"], "replicas": 0}

    def permissions(self, inputs: ScaleInputs, system: System) -> tuple[Permission, ...]:
        """Read the objects and update their scales; patch what is paused; see what watches."""
        namespace = namespace_of(system)
        watching = scale_targets.watching(namespace, every=bool(inputs.every))
        return (*_targets(inputs).rights(namespace), *watching)

    async def preview(self, inputs: ScaleInputs, context: Context) -> Preview:
        """Show the values; the change is tried without effect."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        settings = await _targets(inputs).settings(cluster)
        record = await _record(cluster, settings, inputs.replicas)
        _refuse_loss_of_volumes(settings, inputs.replicas)
        await scale_records.set_all(cluster, record, {s.whose: s for s in settings}, dry_run=True)
        changing = [s for s in settings if s.now != _wanted(s, inputs.replicas)]
        running = sum(each.running for each in _counts(settings))
        return Preview(
            summary=_summary("Scale", settings, inputs),
            fingerprint=fingerprint_of(_relied_on(record)),
            changes=tuple(_change(each, inputs.replicas) for each in changing),
            in_place=not changing
            and all(each.running == inputs.replicas for each in _counts(settings)),
            touches=len(changing),
            losses=_losses(running, inputs.replicas),
            warnings=(
                *doubts,
                *scale_targets.reconciled(settings),
                *_watched(record, inputs.replicas),
                *(await scale_targets.left_running(cluster, settings) if inputs.every else ()),
            ),
        )

    async def capture(self, inputs: ScaleInputs, context: Context) -> JsonObject:
        """Record the values and the autoscalers."""
        cluster = await connect(context)
        settings = await _targets(inputs).settings(cluster)
        return (await _record(cluster, settings, inputs.replicas)).plain()

    async def apply(self, inputs: ScaleInputs, captured: JsonObject, context: Context) -> None:
        """Set the recorded ones that are not set yet."""
        cluster, record = await connect(context), scale_records.read(captured)
        seen = await scale_records.look(cluster, record, by_name=not inputs.every)
        await scale_records.set_all(cluster, record, seen)

    async def verify(self, inputs: ScaleInputs, captured: JsonObject, context: Context) -> Verdict:
        """Look at all values afresh, at readiness and, for 0, whether the last pod is gone."""
        cluster = await connect(context)
        settings = await _targets(inputs).settings(cluster)
        if other := [s for s in settings if s.now != _wanted(s, inputs.replicas)]:
            told = listed(f"{s.whose} is {s.state(s.now)}" for s in other)
            return Refuted(why=f"{told}, not {other[0].told(_wanted(other[0], inputs.replicas))}")
        if inputs.replicas:
            return await _readiness(cluster, settings, inputs)
        left = await scaling.pods_left(cluster, _counts(settings))
        if pending := [f"{w}: {count(n, 'pod')} to end" for w, n in left.items() if n]:
            return NotYet(progress=listed(pending), after=1.0)
        return _holds(settings, inputs)

    async def undo(self, inputs: ScaleInputs, captured: JsonObject, context: Context) -> str:
        """Set the captured values, and look."""
        cluster, record = await connect(context), scale_records.read(captured)
        seen = await scale_records.look(cluster, record, by_name=not inputs.every)
        await scale_records.put_back(cluster, record, seen)
        return await scale_records.told(cluster, record, by_name=not inputs.every)


def _targets(inputs: ScaleInputs) -> Targets:
    if not inputs.every:
        names = scale_targets.named(inputs.names, inputs.kind, COUNTED)
        return Targets(names=names, stops=inputs.replicas in (0, ANY))
    excluding = scale_targets.named(inputs.excluding, inputs.kind, scale_targets.EXCLUDABLE)
    return Targets(excluding=frozenset(excluding), selector=inputs.selector, stops=True)


def _wanted(each: Setting, replicas: int) -> Value:
    match each.whose.kind:
        case CRONJOBS.kind:
            return True
        case SCALED_OBJECTS.kind:
            return str(replicas)
        case _:
            return replicas


def _counts(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    return tuple(each for each in settings if each.whose.kind in COUNTED)


async def _record(cluster: Cluster, settings: tuple[Setting, ...], replicas: int) -> Record:
    watching = await scaling.autoscalers(cluster, (each.whose for each in settings))
    return Record(
        entries=tuple(scale_records.entry(each, _wanted(each, replicas)) for each in settings),
        autoscalers=tuple(watching),
    )


def _relied_on(record: Record) -> Any:
    """Leave out counts that an autoscaler moves by itself: they are no drift."""
    return {
        "settings": {
            str(each.whose): "moved" if str(each.whose) in record.moved else each.before
            for each in record.entries
        },
        "autoscalers": list(record.autoscalers),
    }


def _refuse_loss_of_volumes(settings: tuple[Setting, ...], replicas: int) -> None:
    if losing := scale_targets.volumes_lost(settings, replicas):
        raise PermanentError(
            f"{listed(losing)} would delete the volumes of the pods that end "
            "(persistentVolumeClaimRetentionPolicy.whenScaled is Delete): set it to Retain first."
        )


def _change(each: Setting, replicas: int) -> Change:
    after = each.told(_wanted(each, replicas))
    return Change(subject=str(each.whose), before=each.told(each.now), after=after)


def _summary(verb: str, settings: tuple[Setting, ...], inputs: ScaleInputs) -> str:
    counts = _counts(settings)
    if not inputs.every:
        told = listed(f"{s.whose} to {count(inputs.replicas, 'pod')}" for s in counts)
        return f"{verb} {told}"
    jobs = sum(1 for each in settings if each.whose.kind == CRONJOBS.kind)
    which = f" with {inputs.selector}" if inputs.selector else ""
    also = f", {count(jobs, 'CronJob')} suspended" if jobs else ""
    return f"{verb} every workload{which} to 0 pods ({count(len(counts), 'workload')}{also})"


def _losses(running: int, replicas: int) -> str:
    if replicas or not running:
        return ""
    return f"what {count(running, 'pod')} hold in memory, and logs that were not kept before"


def _watched(record: Record, replicas: int) -> tuple[str, ...]:
    if not replicas:
        return ()  # an autoscaler leaves a workload alone that is scaled to 0
    return tuple(
        f"{each['target']} is watched by the autoscaler {each['name']} "
        f"({each['min']} to {each['max']} pods), which may change the count again."
        for each in record.autoscalers
    )


async def _readiness(
    cluster: Cluster, settings: tuple[Setting, ...], inputs: ScaleInputs
) -> Verdict:
    late = [each for each in settings if each.ready < inputs.replicas]
    surplus = [each for each in settings if each.running > inputs.replicas]
    if not late and not surplus:
        return _holds(settings, inputs)
    told = [f"{s.whose}: {s.ready} of {count(inputs.replicas, 'pod')} ready" for s in late]
    told += [f"{s.whose}: {count(s.running - inputs.replicas, 'pod')} to end" for s in surplus]
    why = await rollout_wait.reasons(cluster, {s.whose: s.found for s in late}) if late else ""
    return NotYet(progress=" · ".join([listed(told), *([why] if why else [])]), after=1.0)


def _holds(settings: tuple[Setting, ...], inputs: ScaleInputs) -> Holds:
    of_kind = {
        kind: [each.whose.name for each in settings if each.whose.kind == kind]
        for kind in (CRONJOBS.kind, SCALED_OBJECTS.kind)
    }
    ready = ", all ready" if inputs.replicas else ", no pod left"
    return Holds(
        summary=_summary("scaled", settings, inputs) + ready,
        output={
            "replicas": {str(each.whose): inputs.replicas for each in _counts(settings)},
            "suspended": of_kind[CRONJOBS.kind],
            "paused": of_kind[SCALED_OBJECTS.kind],
        },
    )
