"""`kubernetes.rollout_undo`: return workloads to earlier templates that are named."""

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import Field

from adapters.kubernetes import (
    access,
    endpoints,
    rollout_wait,
    rollouts,
    template_moves,
    templates,
    workloads,
)
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.resources import AUTOSCALERS, PODS
from adapters.kubernetes.rollout_targets import KIND, Target, Targets
from adapters.kubernetes.template_moves import Move
from adapters.values import count, fingerprint_of, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ANY,
    ONE_REQUEST,
    Action,
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


class RolloutUndoInputs(Model):
    """Which workloads, and the template that each is to return to."""

    targets: Targets = Field(
        description="`{name: hash}`, or a list of `{name, to}` with exactly one of `to.template` "
        "(pod-template-hash), `to.images` (all containers' images), `to.revision`, `to.ran_at`. "
        "Names are `name` (a Deployment), `statefulset/name` or `daemonset/name`."
    )


class ReturnedWorkload(Model):
    """One workload: its template's hash, its images and, by container, what really runs."""

    name: str
    template: str
    images: dict[str, str]
    digests: dict[str, tuple[str, ...]]
    ready: int
    desired: int


class RolloutUndoOutput(Model):
    """What runs now; `ready` and `desired` count pods over all workloads."""

    workloads: tuple[ReturnedWorkload, ...]
    ready: int
    desired: int


class RolloutUndo(Action):
    """Return workloads to earlier pod templates that the cluster keeps, each one named.

    Never to "the previous one": done twice, that brings the bad release back.  A revision, images
    or a time are resolved to a template's hash in the preview, which people approve; the hash is
    what is captured and applied, so that a repeat changes nothing.  Several workloads are changed
    one right after the other, only if each is still what it was, and have one result: a retry goes
    on with the rest.  Numbers of pods stay as they are.  Deployments keep earlier templates in
    ReplicaSets, StatefulSets and DaemonSets in ControllerRevisions.

    Whether a template ever ran well is kept nowhere in the cluster: that is for people to know.

    Effect: changes (pods are replaced at the pace of their update strategy).  Units: pods.
    Errors: permanent where a template is no longer kept or what is meant is ambiguous, for a paused
    Deployment and the strategy OnDelete (which would ignore it), where somebody else changed the
    template meanwhile, and without a right.  A StatefulSet whose pods start in order waits for ever
    for a pod that never became ready: such pods are named, and must be deleted by hand.
    """

    uses: ClassVar[str] = "kubernetes.rollout_undo"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = RolloutUndoInputs
    Output: ClassVar[type[Model]] = RolloutUndoOutput
    example: ClassVar[JsonObject] = {"targets": {"payment-service": "7c8bc5cdbc"}}

    def permissions(self, inputs: RolloutUndoInputs, system: System) -> tuple[Permission, ...]:
        """Read and patch the workloads; list kept templates, pods and autoscalers."""
        namespace = namespace_of(system)
        targets: Iterable[Any] = inputs.targets
        names = [each.name if isinstance(each, Target) else ANY for each in targets]
        meant = workloads.meant(names, KIND)
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

    async def preview(self, inputs: RolloutUndoInputs, context: Context) -> Preview:
        """Show what differs between the templates; the patches are tried without effect."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        moves = await template_moves.plan(cluster, inputs.targets, context, {})
        rollouts.refuse_deaf({each.workload: each.found for each in moves})
        for each in moves:
            await template_moves.attempt(cluster, each)
        told = await rollouts.warnings(cluster, {each.workload: each.found for each in moves})
        pods = await cluster.items(PODS)
        return Preview(
            summary=f"Return {listed(f'{m.workload} to template {m.target}' for m in moves)}",
            fingerprint=fingerprint_of({str(m.workload): m.relied_on() for m in moves}),
            changes=tuple(change for each in moves for change in each.changes()),
            in_place=all(each.is_made for each in moves),
            touches=sum(1 for each in moves if not each.is_made),
            warnings=(*doubts, *told, *_forgetful(moves), *_stuck(moves, pods)),
        )

    async def capture(self, inputs: RolloutUndoInputs, context: Context) -> JsonObject:
        """Record by its hash what each workload has, and what it is to have."""
        moves = await template_moves.plan(await connect(context), inputs.targets, context, {})
        return template_moves.record(moves)

    async def apply(
        self, inputs: RolloutUndoInputs, captured: JsonObject, context: Context
    ) -> None:
        """Write the templates that are not there yet."""
        cluster = await connect(context)
        await template_moves.make(cluster, template_moves.recorded(captured))

    async def verify(
        self, inputs: RolloutUndoInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look whether each workload has its template, and runs nothing else, ready."""
        cluster = await connect(context)
        moves = await template_moves.plan(cluster, inputs.targets, context, captured)
        if other := [each for each in moves if not each.is_made]:
            told = listed(
                f"{m.workload} has template {m.history.now}, not {m.target}" for m in other
            )
            return Refuted(why=told)
        found = {each.workload: each.found for each in moves}
        verdict = await rollout_wait.verdict(cluster, found)
        pods = await cluster.items(PODS)
        if isinstance(verdict, NotYet):
            progress = " · ".join([verdict.progress, *_stuck(moves, pods)])
            return NotYet(progress=progress, after=verdict.after)
        if isinstance(verdict, Refuted):
            return verdict
        return _seen(moves, pods)

    async def undo(self, inputs: RolloutUndoInputs, captured: JsonObject, context: Context) -> str:
        """Write the captured templates back, and look.  Pods are not waited for."""
        cluster = await connect(context)
        return await template_moves.put_back(cluster, template_moves.recorded(captured))


def _forgetful(moves: tuple[Move, ...]) -> tuple[str, ...]:
    return tuple(
        f"{m.workload} keeps no earlier templates (revisionHistoryLimit 0): this can't be undone "
        "once the rollout is complete."
        for m in moves
        if m.found["spec"].get("revisionHistoryLimit") == 0
    )


def _stuck(moves: tuple[Move, ...], pods: list[Object]) -> tuple[str, ...]:
    return tuple(said for m in moves if (said := rollouts.stuck(m.workload, m.found, m.hash, pods)))


def _seen(moves: tuple[Move, ...], pods: list[Object]) -> Verdict:
    """Look at the pods themselves: status counts may run behind."""
    seen: list[ReturnedWorkload] = []
    for each in moves:
        new = rollouts.renewed(each.workload, each.found, each.hash, pods)
        ready = sum(1 for pod in new if endpoints.is_ready(pod))
        wanted = rollouts.wanted_new(each.workload, each.found)
        desired = rollouts.desired(each.workload, each.found)
        if ready < wanted:
            progress = f"{each.workload}: {ready} of {count(wanted, 'new pod')} ready"
            return NotYet(progress=progress, after=rollout_wait.LOOK_AGAIN)
        seen.append(
            ReturnedWorkload(
                name=str(each.workload),
                template=each.target.hash,
                images=templates.images(each.target.body),
                digests=rollouts.digests(new),
                ready=min(ready, desired),
                desired=desired,
            )
        )
    output = RolloutUndoOutput(
        workloads=tuple(seen),
        ready=sum(each.ready for each in seen),
        desired=sum(each.desired for each in seen),
    )
    told = listed(f"{each.workload} runs template {each.target}" for each in moves)
    return Holds(
        summary=f"{told}; {output.ready} of {count(output.desired, 'pod')} ready",
        output=output.model_dump(mode="json"),
    )
