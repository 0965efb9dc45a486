"""The arithmetic of a rolling update: how many pods each ReplicaSet should have next.

Pure, called by `deployments` whenever something about a Deployment changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sandbox.estate.values import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A ReplicaSet as the arithmetic sees it."""

    name: str
    replicas: int
    available: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many pods may be there above, and missing below, the wanted number."""

    surge: int
    unavailable: int


def limits(deployment: Object) -> Limits:
    """Return the limits of a Deployment's strategy, percentages resolved."""
    wanted = int(deployment["spec"].get("replicas", 1))
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    surge = _resolve(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = _resolve(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1  # as the real controller: a rollout must be able to move
    return Limits(surge=surge, unavailable=unavailable)


def _resolve(value: object, wanted: int, *, up: bool) -> int:
    text = str(value)
    if not text.endswith("%"):
        return int(text)
    share = wanted * int(text[:-1]) / 100
    return math.ceil(share) if up else math.floor(share)


def next_sizes(
    wanted: int, new: Group, old: list[Group], limit: Limits, *, recreate: bool
) -> dict[str, int]:
    """Return the sizes that differ from now, by ReplicaSet name."""
    if recreate:
        return _recreate(wanted, new, old)
    sizes = {group.name: group.replicas for group in (new, *old)}
    sizes[new.name] = _new_size(wanted, new, old, limit)
    total = new.replicas + sum(group.replicas for group in old)
    unready = new.replicas - new.available
    spare = total - (wanted - limit.unavailable) - unready
    # Broken old pods go first: they serve nobody and hold up the rollout.
    for group in old:
        broken = min(max(spare, 0), group.replicas - group.available)
        sizes[group.name] -= broken
        spare -= broken
    available = new.available + sum(group.available for group in old)
    spare = available - (wanted - limit.unavailable)
    for group in old:
        down = min(max(spare, 0), sizes[group.name], group.available)
        sizes[group.name] -= down
        spare -= down
    return _changed(sizes, (new, *old))


def _new_size(wanted: int, new: Group, old: list[Group], limit: Limits) -> int:
    if new.replicas >= wanted:
        return wanted
    total = new.replicas + sum(group.replicas for group in old)
    room = max(0, wanted + limit.surge - total)
    return min(wanted, new.replicas + room)


def _recreate(wanted: int, new: Group, old: list[Group]) -> dict[str, int]:
    sizes = {group.name: 0 for group in old}
    sizes[new.name] = new.replicas if any(group.replicas for group in old) else wanted
    return _changed(sizes, (new, *old))


def _changed(sizes: dict[str, int], groups: tuple[Group, ...]) -> dict[str, int]:
    now = {group.name: group.replicas for group in groups}
    return {name: size for name, size in sizes.items() if size != now[name]}
