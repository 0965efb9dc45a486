"""What a step that cuts pods off is asked, makes and tells.  Pure.

Called by `isolate_network`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from adapters.kubernetes import labels, peers, policies
from adapters.kubernetes.probes import Answer, Probe
from adapters.values import count, listed, step_key
from config.models.base import Model
from flows.actions import Change, Context

OPEN = "Connections that are open already may stay open: that is up to the network."
Object = dict[str, Any]


class IsolateNetworkInputs(Model):
    """Which pods are cut off, and whom they may still speak to."""

    pods: labels.Selector = Field(
        default="", description="Label selector; empty takes every pod of the namespace."
    )
    directions: tuple[Literal["ingress", "egress"], ...] = Field(
        default=("ingress", "egress"), min_length=1, description="What is cut: in, out or both."
    )
    allow_from: tuple[peers.Peer, ...] = Field(default=(), description="Who may still come in.")
    allow_to: tuple[peers.Peer, ...] = Field(
        default=(), description="Where to they may still go out."
    )
    dns: bool = Field(
        default=False, description="They may still resolve names, by DNS in kube-system."
    )
    probes: tuple[Probe, ...] = Field(
        default=(),
        max_length=10,
        description="Commands in pods that show it.  They run before the change, too.",
    )

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.allow_from and "ingress" not in self.directions:
            raise ValueError("allow_from is about ingress, which directions does not cut")
        if (self.allow_to or self.dns) and "egress" not in self.directions:
            raise ValueError("allow_to and dns are about egress, which directions does not cut")
        return self


class ProbeOutput(Model):
    """What a probe showed."""

    pod: str = Field(description="Where it was tried.")
    refused: bool
    got_through_before: bool | None = Field(
        description="Whether it did before the change; None where that is not known."
    )


class IsolateNetworkOutput(Model):
    """What was seen."""

    policy: str = Field(description="Name of the NetworkPolicy.")
    pods: int = Field(description="How many pods it takes now.")
    enforced: bool | None = Field(
        description="True where a probe got through before and is refused now; None where no "
        "probe shows it."
    )
    others: tuple[str, ...] = Field(
        description="NetworkPolicies that let traffic through to the same pods."
    )
    probes: tuple[ProbeOutput, ...]


def policy(inputs: IsolateNetworkInputs, context: Context) -> Object:
    """Return the policy of a step."""
    kinds = [name for side, name in policies.SIDES.items() if side in inputs.directions]
    allowed_to = (*inputs.allow_to, *((peers.DNS,) if inputs.dns else ()))
    spec: Object = {"podSelector": labels.parse(inputs.pods), "policyTypes": kinds}
    if inputs.allow_from:
        spec["ingress"] = [peers.rule(each, "from") for each in inputs.allow_from]
    if allowed_to:
        spec["egress"] = [peers.rule(each, "to") for each in allowed_to]
    step = step_key(context.key).partition("/")[2]
    return policies.manifest(spec, incident=context.incident, step=step)


def which(inputs: IsolateNetworkInputs) -> str:
    """Name the pods."""
    return f"pods with {inputs.pods}" if inputs.pods else "all pods"


def told(inputs: IsolateNetworkInputs) -> str:
    """Say who is still let through: `nothing in; out only to 10.20.0.0/16 at 5432`."""
    sides = {
        "ingress": ("in", "from", inputs.allow_from),
        "egress": ("out", "to", (*inputs.allow_to, *((peers.DNS,) if inputs.dns else ()))),
    }
    return "; ".join(
        f"{word} only {towards} {peers.told(allowed)}" if allowed else f"nothing {word}"
        for side, (word, towards, allowed) in sides.items()
        if side in inputs.directions
    )


def changes(
    wanted: Object, inputs: IsolateNetworkInputs, pods: list[Object], others: dict[str, Object]
) -> tuple[Change, ...]:
    """Show the policy, and what it is to the pods."""
    before = f"as {listed(sorted(others))} allows" if others else "as without this policy"
    names = listed(sorted(str(pod["metadata"]["name"]) for pod in pods)) or "none now"
    excepted = inputs.allow_from or inputs.allow_to or inputs.dns
    return (
        Change(
            subject=f"NetworkPolicy/{wanted['metadata']['name']}",
            before=None,
            after=f"{which(inputs)}: {told(inputs)}",
        ),
        Change(
            subject=f"{count(len(pods), 'pod')}: {names}",
            before=before,
            after="cut off, with the policy's exceptions" if excepted else "cut off",
        ),
    )


def warnings(
    inputs: IsolateNetworkInputs, pods: list[Object], others: dict[str, Object]
) -> tuple[str, ...]:
    """Say what cuts less off than it seems."""
    found = [OPEN]
    if not any(each.refused for each in inputs.probes):
        found.append(
            "A cluster whose network does not enforce NetworkPolicies cuts nothing off; without "
            "a probe that must be refused nobody sees whether this one does."
        )
    if others:
        found.append(
            f"Policies add up: what {listed(sorted(others))} allows to these pods stays allowed."
        )
    on_nodes = [p["metadata"]["name"] for p in pods if p["spec"].get("hostNetwork")]
    if on_nodes:
        found.append(f"{listed(on_nodes)} use their node's network and are not cut off.")
    return tuple(found)


def wrong(asked: Sequence[Probe], answers: Sequence[Answer]) -> str:
    """Name the probes that don't show what they must; nothing where all is well."""
    pairs = zip(asked, answers, strict=True)
    return "; ".join(a.told for p, a in pairs if a.through is None or a.through is p.refused)


def shown(
    asked: Sequence[Probe],
    answers: Sequence[Answer],
    before: Sequence[bool | None],
) -> tuple[ProbeOutput, ...]:
    """Return what the probes show now and showed `before`, where that was looked at."""
    earlier = before if len(before) == len(asked) else [None] * len(asked)
    return tuple(
        ProbeOutput(pod=a.pod, refused=not a.through, got_through_before=was)
        for a, was in zip(answers, earlier, strict=True)
    )


def output(
    name: str,
    pods: Sequence[Object],
    others: Mapping[str, Object],
    found: tuple[ProbeOutput, ...],
) -> IsolateNetworkOutput:
    """Return what was seen."""
    proved = any(each.refused and each.got_through_before for each in found)
    return IsolateNetworkOutput(
        policy=name,
        pods=len(pods),
        enforced=True if proved else None,
        others=tuple(sorted(others)),
        probes=found,
    )


def seen(found: IsolateNetworkOutput, inputs: IsolateNetworkInputs) -> str:
    """Say what was seen, and what was not."""
    head = f"NetworkPolicy {found.policy} takes {count(found.pods, 'pod')}"
    if found.others:
        head += f"; what {listed(found.others)} allows stays allowed"
    refused = count(sum(each.refused for each in inputs.probes), "probe")
    if found.enforced:
        return f"{head}; {refused} refused, which got through before"
    if any(each.refused for each in inputs.probes):
        return (
            f"{head}; {refused} refused, but it is not known that they got through before: "
            "nothing shows that the network enforces it"
        )
    return f"{head}; no probe shows whether the network enforces it"
