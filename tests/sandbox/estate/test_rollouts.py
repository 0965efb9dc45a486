"""The rolling update's arithmetic never leaves its limits, and gets there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.estate.controllers.rollouts import Group, Limits, limits, next_sizes
from sandbox.estate.values import Object


def _deployment(replicas: int, **rolling: object) -> Object:
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return {"spec": {"replicas": replicas, "strategy": strategy}}


def test_percentages_round_as_kubernetes_rounds() -> None:
    """Surge rounds up, unavailability down, so that three pods at 25 % mean one and none."""
    assert limits(_deployment(3)) == Limits(surge=1, unavailable=0)
    assert limits(_deployment(8, maxUnavailable="50%")) == Limits(surge=2, unavailable=4)


def test_a_rollout_can_always_move() -> None:
    """Both limits zero become one unavailable pod."""
    none = _deployment(3, maxSurge=0, maxUnavailable=0)
    assert limits(none) == Limits(surge=0, unavailable=1)


def test_recreate_waits_for_the_old_pods() -> None:
    """Recreate starts nothing while old pods are wanted."""
    new = Group(name="new", replicas=0, available=0)
    old = [Group(name="old", replicas=2, available=2)]
    limit = Limits(surge=1, unavailable=0)
    assert next_sizes(2, new, old, limit, recreate=True) == {"old": 0}
    gone = [Group(name="old", replicas=0, available=0)]
    assert next_sizes(2, new, gone, limit, recreate=True) == {"new": 2}


@given(st.integers(1, 12), st.integers(0, 4), st.integers(0, 4), st.data())
def test_a_rollout_stays_within_its_limits_and_ends(
    wanted: int, surge: int, unavailable: int, data: st.DataObject
) -> None:
    """However pods become ready, there are never too many, nor too few available ones."""
    limit = limits(_deployment(wanted, maxSurge=surge, maxUnavailable=unavailable))
    sizes = {"new": 0, "old": wanted}
    ready = {"new": 0, "old": wanted}
    for _ in range(20 * wanted):
        groups = {
            name: Group(name=name, replicas=sizes[name], available=ready[name]) for name in sizes
        }
        change = next_sizes(wanted, groups["new"], [groups["old"]], limit, recreate=False)
        sizes |= change
        ready["old"] = min(ready["old"], sizes["old"])
        assert sum(sizes.values()) <= wanted + limit.surge
        assert sum(ready.values()) >= wanted - limit.unavailable
        if not change and ready["new"] < sizes["new"]:
            ready["new"] += data.draw(st.integers(1, sizes["new"] - ready["new"]))
    assert sizes == {"new": wanted, "old": 0}
