"""Elastic Load Balancing: refuse forward actions that AWS refuses, and moto takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.real.services.aws.patches import Patches, arguments
from tests.real.services.aws.progress import Progress

HEAVIEST = 999
MOST_GROUPS = 5
WRITES = ("create_listener", "create_rule", "modify_listener", "modify_rule")


def tighten(patches: Patches, _: Progress) -> None:
    """Check the actions of listeners and rules wherever they are set."""
    from moto.elbv2.models import ELBv2Backend

    def write(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
        given = arguments(original, backend, values, named)
        _check(backend, given.get("actions") or ())
        return original(backend, *values, **named)

    for name in WRITES:
        patches.around(ELBv2Backend, name, write)


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
