"""The load balancer: which version gets how much of the traffic, or what is answered instead.

Called by `part`, to seed it and to see what users feel of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.aws.elbv2 import TARGET
from sandbox.aws.names import ACCOUNT, BALANCER, NEW, REGION, STABLE, TARGETS
from sandbox.aws.progress import Progress
from sandbox.estate.values import Object
from sandbox.parts import ALL, QUIET, Disturbance, FixedAnswer

TITLES = {NEW: "New version", STABLE: "Stable version"}
ERRORS, SLOWER = 0.037, 2.9  # of the new version: share of its requests, and seconds
HEALTHY = "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one version gets, in per cent, and who answers for it."""

    group: str
    percent: float
    healthy: int
    targets: int

    def view(self) -> Object:
        """Return it as the panel shows it."""
        return {
            "group": self.group,
            "title": TITLES.get(self.group, self.group),
            "percent": round(self.percent),
            "healthy": self.healthy,
            "targets": self.targets,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What stands at the listener."""

    shares: tuple[Share, ...] = ()
    fixed: FixedAnswer | None = None

    def disturbance(self) -> Disturbance:
        """Return what users feel: the new version is slow, and nobody answers without targets."""
        if self.fixed is not None:
            return Disturbance(shut=1.0)
        new = sum(each.percent for each in self.shares if each.group == NEW) / 100
        lost = sum(each.percent for each in self.shares if not each.healthy) / 100
        if not new and not lost:
            return QUIET
        return Disturbance(errors={ALL: ERRORS * new}, latency=SLOWER * new, shut=min(1.0, lost))


def seed(subnets: list[str], network: str) -> str:
    """Make the balancer with its groups; return the listener's ARN."""
    backend = _backend()
    for number, name in enumerate(TITLES):
        group = backend.create_target_group(
            name, protocol="HTTP", port="80", vpc_id=network, target_type="ip"
        )
        targets = [{"Id": f"10.0.{number}.{n}", "Port": 80} for n in range(11, 11 + TARGETS)]
        backend.register_targets(group.arn, targets)
    balancer = backend.create_load_balancer(BALANCER, [], subnets)
    balancer.state = "active"
    made = backend.create_listener(
        balancer.arn, "HTTP", "80", None, None, [_forward(backend, new=0, stable=100)]
    )
    return str(made.arn)


def shift(listener: str, *, new: int) -> None:
    """Give the new version this many per cent, and the stable one the rest."""
    backend = _backend()
    backend.modify_listener(listener, actions=[_forward(backend, new=new, stable=100 - new)])


def look(listener: str, progress: Progress) -> Edge:
    """Return what stands at the listener now; never waits."""
    backend = _backend()
    progress.look(TARGET)
    found = _listener(backend, listener)
    if found is None:
        return Edge()
    shares: dict[str, float] = dict.fromkeys(TITLES, 0.0)
    fixed = None
    for action in found.default_actions:
        config = action.data.get("FixedResponseConfig")
        if action.type == "fixed-response" and config:
            fixed = FixedAnswer(
                status=int(config["StatusCode"]),
                content_type=config.get("ContentType") or "text/plain",
                body=config.get("MessageBody") or "",
            )
        shares |= _weights(backend, action.data)
    return Edge(
        shares=tuple(_share(backend, progress, *each) for each in shares.items()), fixed=fixed
    )


def _weights(backend: Any, action: Object) -> dict[str, float]:
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    if not groups and action.get("TargetGroupArn"):
        groups = [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
    total = sum(int(each["Weight"]) for each in groups)
    return {
        each.name: 100 * int(group["Weight"]) / total if total else 0.0
        for group in groups
        if (each := backend.target_groups.get(group["TargetGroupArn"]))
    }


def _share(backend: Any, progress: Progress, name: str, percent: float) -> Share:
    groups = list(backend.target_groups.values())
    targets = [each for g in groups if g.name == name for each in list(g.targets.values())]
    tried = [progress.find(TARGET, each["Id"]) for each in targets]
    healthy = sum(each is None or each.done for each in tried)
    return Share(group=name, percent=percent, healthy=healthy, targets=len(targets))


def _forward(backend: Any, **weights: int) -> Object:
    known = {each.name: each.arn for each in backend.target_groups.values()}
    shares = ((known[NEW], weights["new"]), (known[STABLE], weights["stable"]))
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in shares]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def _listener(backend: Any, arn: str) -> Any:
    balancers = list(backend.load_balancers.values())
    return next((each.listeners[arn] for each in balancers if arn in each.listeners), None)


def _backend() -> Any:
    from moto.elbv2.models import elbv2_backends

    return elbv2_backends[ACCOUNT][REGION]
