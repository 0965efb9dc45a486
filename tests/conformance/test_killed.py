"""SIGKILL: whatever a bot was doing, the next one goes on; nothing is lost, nothing done twice."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Make
from tests.conformance.fates import Chance, EveryPoint
from tests.conformance.people import MOODS, Mood
from tests.conformance.systems import name_of
from tests.conformance.worlds import Setting

pytestmark = pytest.mark.crash
EVERYBODY = {name_of(number): mood | Mood.TALKS for number, mood in enumerate(MOODS, start=1)}


def test_a_whole_run_without_a_death(make: Make) -> None:
    """What the others are measured against: every step once, every word, every message."""
    world = make(Setting(moods=EVERYBODY, systems=len(MOODS)))
    world.play()
    assert world.findings().all == []
    assert world.findings().repeated == 0


def test_killed_at_every_moment_that_has_a_name(make: Make) -> None:
    """Before and after each commit by its name, each call, and in its middle."""
    world = make(Setting(moods=EVERYBODY, systems=len(MOODS)))
    fate = EveryPoint(world)
    fate.play()
    print("\n".join(f"killed at: {name}" for name in sorted(world.deaths)))  # noqa: T201
    assert fate.left == [], "nobody was killed there"
    assert world.findings().all == [], world.told()


def test_killed_at_random_under_load(make: Make, seed: str) -> None:
    """Several incidents at once, and bots that live for some commits each."""
    moods = {name_of(number): MOODS[number % len(MOODS)] for number in range(1, 7)}
    world = make(Setting(seed=seed, systems=6, moods=moods))
    Chance(world, 25, seed).play()
    assert world.findings().all == [], world.told()
