"""`kubernetes.capture_state`: keep what a namespace is like before anything is changed."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from adapters.kubernetes import access, clocks, labels, states, workloads
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of, pinned
from adapters.kubernetes.errors import NotFoundError
from adapters.kubernetes.resources import PODS, SECRETS
from adapters.values import Names, count, listed, step_key
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ANY,
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    Reading,
    Stored,
    Verdict,
)

Kind = Literal[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "HorizontalPodAutoscaler",
    "ScaledObject",
    "Service",
    "Ingress",
    "VirtualService",
    "ConfigMap",
    "Secret",
]
USUAL: tuple[Kind, ...] = tuple(each for each in get_args(Kind) if each != SECRETS.kind)
FORMAT = 1
Object = dict[str, Any]


class CaptureStateInputs(Model):
    """Which objects are kept."""

    kinds: tuple[Kind, ...] = Field(
        default=USUAL,
        min_length=1,
        description="Kinds of objects.  Secrets only where they are named here, and never their "
        "values.",
    )
    selector: labels.Selector = Field(
        default="", description="Label selector over the objects; empty takes all."
    )
    names: Annotated[
        Names, Field(description="Only objects of these names, of whichever kind; empty takes all.")
    ] = ()


class CaptureStateOutput(Model):
    """What was kept, and where."""

    evidence: str = Field(description="Its name in the evidence store.")
    sha256: str = Field(description="Of what is stored, which is sealed.")
    taken_at: str
    counts: dict[str, int] = Field(description="Objects by kind.")
    absent: tuple[str, ...] = Field(description="Kinds that the cluster does not know.")
    workloads: tuple[states.WorkloadState, ...]
    selectors: dict[str, dict[str, str]] = Field(description="Which pods each Service sends to.")


class CaptureState(Reading[CaptureStateInputs]):
    """Keep what the namespace is like: templates, replicas, autoscalers, selectors, routes, values.

    Kept once a step as evidence, `state.json.sealed`: a repeat, also after a new plan, reads what
    the first one kept, so that a state after a change never takes its place.  It is sealed, since
    templates and ConfigMaps hold credentials in real life: without BACKOUT_CAPTURE_KEY the step
    is refused.  `backout evidence INC-7/STEP/state.json.sealed` opens it.  Of Secrets only names,
    types and a keyed mark for each value are kept.  The kinds are read side by side, not at one
    instant.

    Effect: reads.  Units: objects, pods.  Errors: permanent without a right or the key, where a
    name is not there or nothing is, and where this step kept something else before; transient
    when the cluster does not answer.
    """

    uses: ClassVar[str] = "kubernetes.capture_state"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = CaptureStateInputs
    Output: ClassVar[type[Model]] = CaptureStateOutput
    example: ClassVar[JsonObject] = {"kinds": ["Deployment", "Service", "ConfigMap"]}

    def permissions(self, inputs: CaptureStateInputs, system: System) -> tuple[Permission, ...]:
        """List each kind, and the pods of workloads."""
        kinds = states.RESOURCES if ANY in inputs.kinds else inputs.kinds
        resources = [states.RESOURCES[each] for each in dict.fromkeys(kinds)]
        if any(each.kind in workloads.RESOURCES for each in resources):
            resources.append(PODS)
        return tuple(access.right("list", each, namespace_of(system)) for each in resources)

    def describe(self, inputs: CaptureStateInputs) -> str:
        """Say what is kept."""
        which = f" named {listed(inputs.names)}" if inputs.names else ""
        having = f" with {inputs.selector}" if inputs.selector else ""
        return f"Keep every {listed(inputs.kinds, limit=20)}{which}{having} as sealed evidence"

    async def preview(self, inputs: CaptureStateInputs, context: Context) -> Preview:
        """See that there are the rights and the key for it."""
        context.surroundings.vault.mark("")
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        return Preview(summary=self.describe(inputs), fingerprint="", warnings=doubts)

    async def look(self, inputs: CaptureStateInputs, context: Context) -> Verdict:
        """Keep it, or read what was kept before."""
        store, vault = context.surroundings.evidence, context.surroundings.vault
        name = f"{step_key(context.key)}/state.json.sealed"
        stored = await store.find(name)
        if stored is not None:
            state = vault.unseal((await store.read(name)).decode())
            _must_match(state, inputs, name)
            return _kept(state, stored, f"kept before, at {state['taken_at']}, as")
        vault.mark("")
        state = await _state(inputs, context)
        stored = await store.put(name, vault.seal(state).encode())
        return _kept(state, stored, "kept as")


async def _state(inputs: CaptureStateInputs, context: Context) -> Object:
    """Read the namespace."""
    cluster, vault = await connect(context), context.surroundings.vault
    kinds: list[str] = list(dict.fromkeys(inputs.kinds))
    taken_at = clocks.now().isoformat()
    lists = await asyncio.gather(*(_objects(cluster, kind, inputs) for kind in kinds))
    absent = [kind for kind, each in zip(kinds, lists, strict=True) if each is None]
    found = {kind: each for kind, each in zip(kinds, lists, strict=True) if each is not None}
    _must_be_there(cluster, inputs, found)
    pods = await cluster.items(PODS) if set(kinds) & set(workloads.RESOURCES) else []
    return {
        "format": FORMAT,
        "incident": context.incident,
        "context": pinned(context.system).context,
        "namespace": cluster.namespace,
        "taken_at": taken_at,
        "inputs": inputs.model_dump(mode="json"),
        "absent": absent,
        "workloads": [each.model_dump(mode="json") for each in states.overview(found, pods)],
        "selectors": states.selectors(found),
        "objects": {
            kind: [states.kept(kind, each, vault) for each in objects]
            for kind, objects in found.items()
        },
    }


async def _objects(cluster: Cluster, kind: str, inputs: CaptureStateInputs) -> list[Object] | None:
    """Return the objects of a kind that are meant; None where the cluster has no such kind."""
    selector = labels.written(labels.parse(inputs.selector))
    try:
        found = await cluster.items(states.RESOURCES[kind], labels=selector)
    except NotFoundError:
        if kind not in states.CUSTOM:
            raise
        return None
    return [each for each in found if not inputs.names or states.name_of(each) in inputs.names]


def _must_be_there(cluster: Cluster, inputs: CaptureStateInputs, found: states.Objects) -> None:
    names = {states.name_of(each) for objects in found.values() for each in objects}
    kinds = listed(inputs.kinds, limit=20)
    if missing := [name for name in inputs.names if name not in names]:
        raise PermanentError(
            f"Namespace {cluster.namespace} has no {kinds} named {listed(missing)}: correct names, "
            "or leave them out."
        )
    if not names:
        which = f" with {inputs.selector}" if inputs.selector else ""
        raise PermanentError(
            f"Namespace {cluster.namespace} has no {kinds}{which}, so there is nothing to keep: "
            "check connections.kubernetes and the selector."
        )


def _must_match(state: Object, inputs: CaptureStateInputs, name: str) -> None:
    if state.get("inputs") != inputs.model_dump(mode="json"):
        raise PermanentError(
            f"{name} was kept for other inputs, and evidence is never replaced: give the step "
            "another id, or the inputs of before."
        )


def _kept(state: Object, stored: Stored, how: str) -> Holds:
    counts = {kind: len(objects) for kind, objects in state["objects"].items()}
    output = CaptureStateOutput(
        evidence=stored.name,
        sha256=stored.sha256,
        taken_at=state["taken_at"],
        counts=counts,
        absent=state["absent"],
        workloads=state["workloads"],
        selectors=state["selectors"],
    )
    return Holds(
        summary=f"{_told(counts)} {how} {stored.name}",
        output=output.model_dump(mode="json"),
    )


def _told(counts: dict[str, int]) -> str:
    told: Sequence[str] = [f"{number} {kind}" for kind, number in counts.items() if number]
    return f"{count(sum(counts.values()), 'object')} ({listed(told, limit=20)})"
