"""`kubernetes.isolate_network`: cut pods off from the network, and leave them running."""

import asyncio
from typing import Any, ClassVar

from adapters.kubernetes import access, isolations, labels, policies, probes
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.connections import connect, namespace_of
from adapters.kubernetes.errors import ExistsError
from adapters.kubernetes.isolations import IsolateNetworkInputs, IsolateNetworkOutput
from adapters.kubernetes.resources import NETWORK_POLICIES, PODS
from adapters.values import fingerprint_of
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    TransientError,
    Verdict,
)

OVER = ("Succeeded", "Failed")
LOOK_AGAIN = 2.0
Object = dict[str, Any]


class IsolateNetwork(Action):
    """Cut pods off by a NetworkPolicy: they go on running, and what they hold stays as evidence.

    The policy is named by incident, step and a hash of what it says.  Policies add up: what
    another one allows to the same pods stays allowed, and the preview names those.  A cluster
    whose network does not enforce policies cuts nothing off; only `probes` show whether it does.
    Pods in their node's network are not cut off, nor is their own node kept from them.

    Effect: interrupts (an outage of these pods).  Undo deletes this very policy; not where
    somebody changed it.  Units: pods.  Errors: permanent where no pod has these labels, where
    somebody else's policy has the name, and without a right; transient when the cluster does
    not answer.  Verified when the policy is there and every probe shows what it must.
    """

    uses: ClassVar[str] = "kubernetes.isolate_network"
    settle: ClassVar[float | None] = ONE_REQUEST
    effect: ClassVar[Effect] = Effect.INTERRUPTS
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = IsolateNetworkInputs
    Output: ClassVar[type[Model]] = IsolateNetworkOutput
    example: ClassVar[JsonObject] = {
        "pods": "app in (user-service, payment-service)",
        "allow_from": [{"namespaces": ["forensics"]}],
        "allow_to": [{"cidr": "10.20.0.0/16", "ports": ["5432"]}],
        "probes": [{"pods": "app=checkout", "command": ["nc", "-zw2", "user-service", "80"]}],
    }

    def permissions(self, inputs: IsolateNetworkInputs, system: System) -> tuple[Permission, ...]:
        """Make, read and delete policies, whose names are not known before; see pods."""
        namespace = namespace_of(system)
        verbs = ("create", "delete", "get", "list")
        # A command in a pod is a GET that servers since 1.35 ask the right to create for, too.
        tries = ("create", "get") if inputs.probes else ()
        return (
            *(access.right(verb, NETWORK_POLICIES, namespace) for verb in verbs),
            access.right("list", PODS, namespace),
            *(access.right(verb, PODS, namespace, sub="exec") for verb in tries),
        )

    async def preview(self, inputs: IsolateNetworkInputs, context: Context) -> Preview:
        """Show the policy, the pods that it takes and what others allow them."""
        cluster, wanted = await connect(context), isolations.policy(inputs, context)
        doubts = await access.require(cluster, self.permissions(inputs, context.system))
        in_place = await _there(cluster, wanted)
        pods, others = await _surroundings(cluster, inputs, wanted)
        if inputs.pods and not pods and not in_place:
            raise PermanentError(
                f"No pod of namespace {cluster.namespace} has {inputs.pods}, so nothing would be "
                "cut off: check the selector."
            )
        if not in_place:
            await cluster.create(NETWORK_POLICIES, wanted, dry_run=True)
        return Preview(
            summary=f"Cut {isolations.which(inputs)} off: {isolations.told(inputs)}",
            fingerprint=_fingerprint(wanted, others),
            changes=() if in_place else isolations.changes(wanted, inputs, pods, others),
            in_place=in_place,
            touches=max(len(pods), 1),
            warnings=(*doubts, *isolations.warnings(inputs, pods, others)),
        )

    async def capture(self, inputs: IsolateNetworkInputs, context: Context) -> JsonObject:
        """Record whether the policy was there, and what the probes show without it."""
        cluster, wanted = await connect(context), isolations.policy(inputs, context)
        name = wanted["metadata"]["name"]
        found = await cluster.find(NETWORK_POLICIES, name)
        if found is not None:
            return {"policy": name, "uid": found["metadata"]["uid"], "probes": []}
        answers = await probes.ask(cluster, inputs.probes)
        return {"policy": name, "uid": None, "probes": [each.through for each in answers]}

    async def apply(
        self, inputs: IsolateNetworkInputs, captured: JsonObject, context: Context
    ) -> None:
        """Make the policy, unless it is there."""
        cluster, wanted = await connect(context), isolations.policy(inputs, context)
        if await _there(cluster, wanted):
            return
        try:
            await cluster.create(NETWORK_POLICIES, wanted)
        except ExistsError:
            await _there(cluster, wanted)  # made at the same moment: is it what is wanted?

    async def verify(
        self, inputs: IsolateNetworkInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look for the policy, then try the probes."""
        cluster, wanted = await connect(context), isolations.policy(inputs, context)
        name = wanted["metadata"]["name"]
        found = await cluster.find(NETWORK_POLICIES, name)
        if found is None:
            return Refuted(why=f"there is no NetworkPolicy {name}")
        if not policies.unchanged(found, wanted):
            return Refuted(why=f"NetworkPolicy {name} does not say what this step wrote")
        pods, others = await _surroundings(cluster, inputs, wanted)
        answers = await probes.ask(cluster, inputs.probes)
        if wrong := isolations.wrong(inputs.probes, answers):
            return NotYet(progress=f"NetworkPolicy {name} is there, but {wrong}", after=LOOK_AGAIN)
        shown = isolations.shown(inputs.probes, answers, captured.get("probes") or ())
        output = isolations.output(name, pods, others, shown)
        summary = isolations.seen(output, inputs)
        return Holds(summary=summary, output=output.model_dump(mode="json"))

    async def undo(
        self, inputs: IsolateNetworkInputs, captured: JsonObject, context: Context
    ) -> str:
        """Delete the policy that this step made, and look."""
        cluster, wanted = await connect(context), isolations.policy(inputs, context)
        name = wanted["metadata"]["name"]
        found = await cluster.find(NETWORK_POLICIES, name)
        if found is None:
            return f"NetworkPolicy {name} is gone"
        uid = found["metadata"]["uid"]
        if uid == captured.get("uid"):
            return f"NetworkPolicy {name} was there before this step, and is left"
        _refuse_foreign(cluster, found, wanted)
        await cluster.delete(NETWORK_POLICIES, name, uid=uid)
        if await cluster.find(NETWORK_POLICIES, name) is not None:
            raise TransientError(f"NetworkPolicy {name} is not gone yet.")
        return f"NetworkPolicy {name} is gone"


async def _there(cluster: Cluster, wanted: Object) -> bool:
    """Say whether the policy is in place.  Raises `PermanentError` where it is another one."""
    found = await cluster.find(NETWORK_POLICIES, wanted["metadata"]["name"])
    if found is not None:
        _refuse_foreign(cluster, found, wanted)
    return found is not None


def _refuse_foreign(cluster: Cluster, found: Object, wanted: Object) -> None:
    name = f"NetworkPolicy {found['metadata']['name']} in namespace {cluster.namespace}"
    if not policies.is_ours(found, wanted):
        raise PermanentError(f"{name} is not Backout's: see whose it is, and rename or delete it.")
    if not policies.unchanged(found, wanted):
        raise PermanentError(
            f"Somebody changed {name}, so it is left as it is: see what it says now, and delete "
            "it by hand."
        )


async def _surroundings(
    cluster: Cluster, inputs: IsolateNetworkInputs, wanted: Object
) -> tuple[list[Object], dict[str, Object]]:
    """Return the pods that are taken, and, by name, other policies that let traffic through."""
    selector = labels.written(labels.parse(inputs.pods))
    pods, found = await asyncio.gather(
        cluster.items(PODS, labels=selector), cluster.items(NETWORK_POLICIES)
    )
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in OVER]
    own = wanted["metadata"]["name"]
    others = [each for each in found if each["metadata"]["name"] != own]
    kinds = wanted["spec"]["policyTypes"]
    return running, policies.openings(others, running, kinds)


def _fingerprint(wanted: Object, others: dict[str, Object]) -> str:
    """Cover what the policy says and what others allow beside it.

    Not those of the same incident: an earlier step of the plan makes them.
    """
    foreign = {
        name: each["spec"]
        for name, each in others.items()
        if not policies.of_incident(each, wanted)
    }
    return fingerprint_of([policies.digest_of(wanted["spec"]), foreign])
