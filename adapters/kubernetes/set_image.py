"""`kubernetes.set_image`: have one container run another image."""

from typing import Any, ClassVar

from pydantic import Field

from adapters.kubernetes import (
    access,
    containers,
    endpoints,
    images,
    readiness,
    rollout_wait,
    rollouts,
    templates,
    workloads,
)
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.containers import Slot
from adapters.kubernetes.images import Image
from adapters.kubernetes.resources import AUTOSCALERS, PODS
from adapters.kubernetes.rollout_targets import KIND
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

CONTAINER = r"^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$"
Object = dict[str, Any]


class SetImageInputs(Model):
    """Which container, and its image."""

    name: str = Field(
        pattern=workloads.NAME,
        max_length=253,
        description="`name` (a Deployment), `statefulset/name` or `daemonset/name`.",
    )
    container: str = Field(
        pattern=CONTAINER, max_length=63, description="Its name; init containers count too."
    )
    image: Image = Field(
        description="`repository@sha256:…`; a tag is taken with a warning, `latest` is not."
    )


class SetImageOutput(Model):
    """What runs now; `digests` are what the ready pods really run, as their nodes tell it."""

    name: str
    container: str
    image: str
    digests: tuple[str, ...]
    ready: int
    desired: int


class SetImage(Action):
    """Have one container of a workload run another image; everything beside it stays as it is.

    Where the image belongs to a release that the cluster still keeps, `kubernetes.rollout_undo`
    brings its whole template back, environment and all: this one changes the image alone.

    Written over the image that was read, never over a third one.  Done when every pod of the new
    template is ready and runs the digest that was named; for a tag, when all run the same digest,
    which is told.

    Effect: changes (pods are replaced at the pace of their update strategy).  Units: pods.
    Errors: permanent for a workload or container that is not there, for a paused Deployment and
    the strategy OnDelete (which would ignore it), where somebody else set another image meanwhile,
    and without a right; transient when somebody writes the workload at the same moment.
    """

    uses: ClassVar[str] = "kubernetes.set_image"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = SetImageInputs
    Output: ClassVar[type[Model]] = SetImageOutput
    example: ClassVar[JsonObject] = {
        "name": "payment-service",
        "container": "payment-service",
        "image": "registry.example.com/shop/payment-service@sha256:"
        "6b8c2d0e4f3a5b7c9d1e8f0a2b4c6d8e0f1a3b5c7d9e1f2a4b6c8d0e2f4a6b8c",
    }

    def permissions(self, inputs: SetImageInputs, system: System) -> tuple[Permission, ...]:
        """Read and patch the workload; list kept templates, pods and autoscalers."""
        namespace = namespace_of(system)
        meant = workloads.meant((inputs.name,), KIND)
        return (
            *(
                access.right(verb, resource, namespace, name=name)
                for resource, name in meant
                for verb in ("get", "patch")
            ),
            *templates.rights((resource for resource, _ in meant), namespace),
            access.right("list", PODS, namespace),
            access.right("list", AUTOSCALERS, namespace),
        )

    async def preview(self, inputs: SetImageInputs, context: Context) -> Preview:
        """Show both images; the patch is tried without effect."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        slot = await containers.look(cluster, _workload(inputs), inputs.container)
        found = {slot.workload: slot.found}
        rollouts.refuse_deaf(found)
        in_place = slot.image == inputs.image
        if not in_place:
            await containers.attempt(cluster, slot, inputs.image)
        told = await rollouts.warnings(cluster, found)
        stuck = rollouts.stuck(slot.workload, slot.found, "", await cluster.items(PODS))
        return Preview(
            summary=f"Have the {slot} run {templates.short(inputs.image)}",
            fingerprint=fingerprint_of({"place": slot.place, "image": slot.image}),
            changes=() if in_place else (_change(slot, inputs.image),),
            in_place=in_place,
            touches=0 if in_place else 1,
            warnings=(*doubts, *_of_image(slot, inputs.image), *told, *([stuck] if stuck else [])),
        )

    async def capture(self, inputs: SetImageInputs, context: Context) -> JsonObject:
        """Record the image that the container has."""
        slot = await containers.look(await connect(context), _workload(inputs), inputs.container)
        return {"image": slot.image}

    async def apply(self, inputs: SetImageInputs, captured: JsonObject, context: Context) -> None:
        """Write the image where it is not there yet."""
        cluster = await connect(context)
        slot = await containers.look(cluster, _workload(inputs), inputs.container)
        await containers.change(
            cluster, slot, before=str(captured["image"]), after=str(inputs.image)
        )

    async def verify(
        self, inputs: SetImageInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look whether the new template's pods are ready, and what they really run."""
        cluster = await connect(context)
        slot = await containers.look(cluster, _workload(inputs), inputs.container)
        if slot.image != inputs.image:
            now, wanted = templates.short(slot.image), templates.short(inputs.image)
            return Refuted(why=f"the {slot} has {now}, not {wanted}")
        verdict = await rollout_wait.verdict(cluster, {slot.workload: slot.found})
        if isinstance(verdict, Refuted):
            return verdict
        history = (await templates.read(cluster, {slot.workload: slot.found}))[slot.workload]
        pods = await cluster.items(PODS)
        if isinstance(verdict, NotYet) or history.running is None:
            newest = history.running.hash if history.running else ""
            stuck = rollouts.stuck(slot.workload, slot.found, newest, pods)
            return _pending(verdict, stuck)
        return _seen(slot, rollouts.renewed(slot.workload, slot.found, history.running.hash, pods))

    async def undo(self, inputs: SetImageInputs, captured: JsonObject, context: Context) -> str:
        """Write the captured image back, and look.  Pods are not waited for."""
        cluster, workload = await connect(context), _workload(inputs)
        slot = await containers.look(cluster, workload, inputs.container)
        before = str(captured["image"])
        await containers.change(cluster, slot, before=str(inputs.image), after=before)
        slot = await containers.look(cluster, workload, inputs.container)
        rollout = readiness.judge(workload.kind, slot.found)
        ready = f"{rollout.ready} of {count(rollout.desired, 'pod')} ready so far"
        return f"the {slot} has {templates.short(slot.image)} again, {ready}"


def _workload(inputs: SetImageInputs) -> Workload:
    return workloads.named((inputs.name,), KIND)[0]


def _change(slot: Slot, image: str) -> Change:
    before, after = templates.short(slot.image), templates.short(image)
    return Change(subject=f"{slot}: image", before=before, after=after)


def _of_image(slot: Slot, image: str) -> tuple[str, ...]:
    found: list[str] = []
    if not images.digest(image):
        found.append(
            f"{image} is a tag, which may have been moved since it was tested: name the digest "
            "(`@sha256:…`) to be sure of what runs."
        )
    old, new = images.repository(slot.image), images.repository(image)
    if old != new:
        found.append(f"{new} is another repository than {old}, which the {slot} has now.")
    return tuple(found)


def _pending(verdict: Verdict, stuck: str) -> NotYet:
    """Say what the rollout waits for, and what would never end by itself."""
    known = verdict.progress if isinstance(verdict, NotYet) else "its new template is not kept yet"
    progress = " · ".join([known, *([stuck] if stuck else [])])
    return NotYet(progress=progress, after=rollout_wait.LOOK_AGAIN)


def _seen(slot: Slot, new: list[Object]) -> Verdict:
    """Look at the pods themselves: their readiness, and the digests that their nodes tell."""
    ready = [pod for pod in new if endpoints.is_ready(pod)]
    wanted = rollouts.wanted_new(slot.workload, slot.found)
    if len(ready) < wanted:
        progress = f"{slot.workload}: {len(ready)} of {count(wanted, 'new pod')} ready"
        return NotYet(progress=progress, after=rollout_wait.LOOK_AGAIN)
    digests = rollouts.digests(ready).get(slot.container, ())
    pinned = images.digest(slot.image)
    if pinned and digests and digests != (pinned,):
        return Refuted(
            why=f"pods of {slot.workload} run {listed(digests)}, not {pinned} (of an image for "
            "several platforms, name the digest of its index)"
        )
    if len(digests) > 1:
        return Refuted(
            why=f"the tag {slot.image} was moved: pods of {slot.workload} run {listed(digests)}; "
            "name the digest of one"
        )
    desired = rollouts.desired(slot.workload, slot.found)
    output = SetImageOutput(
        name=str(slot.workload),
        container=slot.container,
        image=slot.image,
        digests=digests,
        ready=min(len(ready), desired),
        desired=desired,
    )
    told = listed(digests) if digests else "no node tells a digest"
    return Holds(
        summary=f"the {slot} has {templates.short(slot.image)} ({told}); "
        f"{output.ready} of {count(desired, 'pod')} ready",
        output=output.model_dump(mode="json"),
    )
