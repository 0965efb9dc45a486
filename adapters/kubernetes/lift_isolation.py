"""`kubernetes.lift_isolation`: let pods speak again that an earlier step cut off."""

from contextlib import suppress
from typing import Any, ClassVar

from pydantic import Field

from adapters.kubernetes import access, policies
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.errors import ExistsError
from adapters.kubernetes.resources import NETWORK_POLICIES
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
    PermanentError,
    Permission,
    Preview,
    Refuted,
    TransientError,
    Verdict,
)

Object = dict[str, Any]


class LiftIsolationInputs(Model):
    """Whose policy is taken away."""

    from_step: Identifier = Field(
        description="The `kubernetes.isolate_network` step that cut the pods off."
    )


class LiftIsolationOutput(Model):
    """What is gone."""

    policy: str = Field(description="Name of the NetworkPolicy.")


class LiftIsolation(Action):
    """Delete the NetworkPolicy that an earlier `kubernetes.isolate_network` step made.

    Only that very policy, and only as Backout wrote it: it bears the incident, and says what the
    hash in its name stands for.  Other policies, also those of other steps, go on.

    Effect: changes (the pods speak to whom the remaining policies allow).  Undo makes the same
    policy again.  Units: policies.  Errors: permanent where the step recorded nothing, where
    somebody changed the policy or made another one of its name, and without a right; transient
    when the cluster does not answer.  Verified when there is no policy of that name.
    """

    uses: ClassVar[str] = "kubernetes.lift_isolation"
    settle: ClassVar[float | None] = ONE_REQUEST
    effect: ClassVar[Effect] = Effect.CHANGES
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = LiftIsolationInputs
    Output: ClassVar[type[Model]] = LiftIsolationOutput
    example: ClassVar[JsonObject] = {"from_step": "isolate"}

    def permissions(self, inputs: LiftIsolationInputs, system: System) -> tuple[Permission, ...]:
        """Read, delete and (for undo) make policies, whose names are not known before."""
        namespace = namespace_of(system)
        verbs = ("create", "delete", "get")
        return tuple(access.right(verb, NETWORK_POLICIES, namespace) for verb in verbs)

    async def preview(self, inputs: LiftIsolationInputs, context: Context) -> Preview:
        """Show the policy that would go, once the earlier step has made it."""
        cluster = await connect(context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        # The record can't drift; what is deleted must be what the step made, or it is refused.
        fingerprint = f"record of {inputs.from_step}"
        if context.captured(inputs.from_step) is None:
            return Preview(
                summary=f"Let the pods speak again that {inputs.from_step} will cut off",
                fingerprint=fingerprint,
                touches=1,
                warnings=doubts,
            )
        name = _name(inputs, context)
        found = await _ours(cluster, name, context)
        change = Change(subject=f"NetworkPolicy/{name}", before="cuts pods off", after=None)
        return Preview(
            summary=f"Delete NetworkPolicy {name}, which {inputs.from_step} made",
            fingerprint=fingerprint,
            changes=() if found is None else (change,),
            in_place=found is None,
            touches=0 if found is None else 1,
            warnings=doubts,
        )

    async def capture(self, inputs: LiftIsolationInputs, context: Context) -> JsonObject:
        """Record the policy as it is to be made again."""
        cluster, name = await connect(context), _name(inputs, context)
        found = await _ours(cluster, name, context)
        return {"policy": name, "before": None if found is None else _again(found)}

    async def apply(
        self, inputs: LiftIsolationInputs, captured: JsonObject, context: Context
    ) -> None:
        """Delete the policy that was looked at, unless it is gone."""
        cluster, name = await connect(context), _name(inputs, context)
        found = await _ours(cluster, name, context)
        if found is not None:
            await cluster.delete(NETWORK_POLICIES, name, uid=found["metadata"]["uid"])

    async def verify(
        self, inputs: LiftIsolationInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look whether it is gone."""
        cluster, name = await connect(context), _name(inputs, context)
        if await cluster.find(NETWORK_POLICIES, name) is not None:
            return Refuted(why=f"NetworkPolicy {name} is there")
        return Holds(
            summary=f"NetworkPolicy {name} of {inputs.from_step} is gone", output={"policy": name}
        )

    async def undo(
        self, inputs: LiftIsolationInputs, captured: JsonObject, context: Context
    ) -> str:
        """Make the policy again that this step deleted, and look."""
        cluster, name, before = await connect(context), captured["policy"], captured["before"]
        if before is None:
            return f"NetworkPolicy {name} was gone before this step"
        if await _ours(cluster, name, context) is None:
            with suppress(ExistsError):  # made at the same moment: is it what is wanted?
                await cluster.create(NETWORK_POLICIES, before)
            if await _ours(cluster, name, context) is None:
                raise TransientError(f"NetworkPolicy {name} is not there yet.")
        return f"NetworkPolicy {name} cuts the pods off again"


def _name(inputs: LiftIsolationInputs, context: Context) -> str:
    captured = context.captured(inputs.from_step)
    if captured is None:
        raise PermanentError(
            f"The step {inputs.from_step} recorded nothing in this run, so there is no policy to "
            "delete: look for NetworkPolicies of this incident by hand, or skip the step."
        )
    if not isinstance(name := captured.get("policy"), str):
        raise PermanentError(
            f"The record of {inputs.from_step} names no policy: name a step that uses "
            "kubernetes.isolate_network in `from_step`."
        )
    return name


async def _ours(cluster: Cluster, name: str, context: Context) -> Object | None:
    """Return the policy.  Raises `PermanentError` where it is another one, or was changed."""
    found = await cluster.find(NETWORK_POLICIES, name)
    if found is None:
        return None
    told = f"NetworkPolicy {name} in namespace {cluster.namespace}"
    if not policies.made_for(found, context.incident):
        raise PermanentError(f"{told} is not Backout's: see whose it is, and what it cuts off.")
    if not policies.as_made(found):
        raise PermanentError(
            f"Somebody changed {told}, so it is left as it is: see what it says now, and delete "
            "it by hand, then skip the step."
        )
    return found


def _again(found: Object) -> Object:
    """Return what makes the same policy: without what the server adds."""
    metadata = found["metadata"]
    kept = ("name", "labels", "annotations")
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": found["spec"],
    }
