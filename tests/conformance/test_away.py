"""Slack and PagerDuty away, and clocks that are set: nothing waits for them that must not."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Make
from tests.conformance.fates import Chance
from tests.conformance.worlds import Setting

pytestmark = pytest.mark.crash


def test_nobody_can_be_told_while_bots_die(make: Make, seed: str) -> None:
    """Messages wait, rollbacks don't; and each message comes once, and only once, later."""
    world = make(Setting(seed=seed, systems=2, replicas=1))
    world.estate.faults.away = True
    fate = Chance(world, 4, seed)
    while fate.left or not all(run.ended for run in world.runs()):
        world.play(seconds=0.2)
    assert world.estate.messages() == ()
    world.estate.faults.away = False
    world.play()
    assert world.findings().all == [], world.told()


def test_answers_of_messages_are_lost_while_bots_die(make: Make, seed: str) -> None:
    """What was said and not acknowledged is looked for before it is said again."""
    world = make(Setting(seed=seed, systems=2))
    world.estate.faults.silent = True
    fate = Chance(world, 4, seed)
    while fate.left:
        world.play(seconds=0.2)
    world.estate.faults.silent = False
    world.play()
    assert world.findings().all == [], world.told()


def test_a_clock_that_is_set_back_and_forth_while_bots_die(make: Make, seed: str) -> None:
    """Hours back and minutes forth: no step waits for the clock, and none is done twice."""
    world = make(Setting(seed=seed, systems=2))
    fate = Chance(world, 8, seed)
    steps = (-7200.0, 30.0, -40.0, 7000.0, -3.0, 5.0)
    for number in range(2 * len(steps)):
        world.clock.step(steps[number % len(steps)])
        world.play(seconds=0.3)
    fate.play()
    assert world.findings().all == [], world.told()
