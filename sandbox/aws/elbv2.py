"""Elastic Load Balancing: refuse forward actions that AWS refuses, and moto takes; try targets.

A registered target is `initial` while its health is tried, `unhealthy` when that is let
fail, and `unused` for as long as no listener forwards to its group.  To moto all are healthy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.aws.patches import Patches, arguments
from sandbox.aws.progress import Progress

TARGET = "elbv2:Target"
HEAVIEST = 999
MOST_GROUPS = 5
WRITES = ("create_listener", "create_rule", "modify_listener", "modify_rule")


def tighten(patches: Patches, progress: Progress) -> None:
    """Check the actions of listeners and rules wherever they are set, and targets' health."""
    from moto.elbv2.models import ELBv2Backend

    _health(patches, progress)

    def write(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
        given = arguments(original, backend, values, named)
        _check(backend, given.get("actions") or ())
        return original(backend, *values, **named)

    for name in WRITES:
        patches.around(ELBv2Backend, name, write)


def _health(patches: Patches, progress: Progress) -> None:
    from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

    def register(original: Any, group: Any, targets: Any) -> Any:
        for each in targets:
            progress.begin(TARGET, each["Id"])
        return original(group, targets)

    def describe(original: Any, backend: Any, arn: str, targets: Any) -> Any:
        found = original(backend, arn, targets)
        for each in targets or backend.target_groups[arn].targets.values():
            progress.look(TARGET, each["Id"])
        if _forwarded(backend, arn):
            return [_tried(each) for each in found]
        why = ("unused", "Target.NotInUse", "Target group is not in use by a load balancer")
        return [FakeHealthStatus(e.instance_id, e.port, e.health_check_port, *why) for e in found]

    def _tried(found: Any) -> Any:
        operation = progress.find(TARGET, found.instance_id)
        if found.status != "healthy" or operation is None or operation.done:
            return found
        why = ("initial", "Elb.InitialHealthChecking", "Health checks are in progress")
        if operation.state == "failed":
            why = ("unhealthy", "Target.Timeout", "Request timed out")
        return FakeHealthStatus(found.instance_id, found.port, found.health_check_port, *why)

    patches.around(FakeTargetGroup, "register", register)
    patches.around(ELBv2Backend, "describe_target_health", describe)


def _forwarded(backend: Any, arn: str) -> bool:
    listeners = [e for b in backend.load_balancers.values() for e in b.listeners.values()]
    rules = [rule for each in listeners for rule in each.rules.values()]
    actions = [a for each in listeners for a in each.default_actions]
    actions += [a for each in rules for a in each.actions]
    return any(arn in str(each.data) for each in actions)


def _check(backend: Any, actions: Iterable[dict[str, Any]]) -> None:
    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import FakeAction

    for action in actions:
        groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
        if len(groups) > MOST_GROUPS:
            raise ELBClientError(
                "TooManyTargetGroups", f"An action takes {MOST_GROUPS} target groups at most."
            )
        for group in groups:
            if not 0 <= int(group.get("Weight", 1)) <= HEAVIEST:
                raise ELBClientError(
                    "ValidationError",
                    f"The weight '{group['Weight']}' of target group"
                    f" '{group['TargetGroupArn']}' must be between 0 and {HEAVIEST}",
                )
    # moto's own check of types and target groups, which it forgets for listeners
    backend._validate_actions([FakeAction(dict(each)) for each in actions])
