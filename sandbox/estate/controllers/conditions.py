"""Conditions in a status: a new one keeps the times of the old one as long as it says the same."""

from __future__ import annotations

from sandbox.estate.clock import stamp
from sandbox.estate.values import Object


def condition(
    old: list[Object], kind: str, status: str, reason: str, message: str, *, updates: bool = False
) -> Object:
    """Return a condition; `updates` adds when its reason or message last changed."""
    before = next((item for item in old if item["type"] == kind), None)
    now = stamp()
    kept = before is not None and before["status"] == status
    found: Object = {"type": kind, "status": status, "reason": reason, "message": message}
    found["lastTransitionTime"] = before["lastTransitionTime"] if before and kept else now
    if updates:
        same = before and kept and before["reason"] == reason
        found["lastUpdateTime"] = before["lastUpdateTime"] if before and same else now
    return found


def without_zeros(numbers: dict[str, int], always: tuple[str, ...] = ()) -> Object:
    """Return counts as statuses hold them: zeros are left out, but for those that never are."""
    return {key: value for key, value in numbers.items() if value or key in always}
