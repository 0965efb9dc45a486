"""Stopped, frozen, refused: what is no crash, and must not become one."""

from __future__ import annotations

import time

import pytest

from flows.events import StepDoubted
from tests.conformance import kinds
from tests.conformance.conftest import Make
from tests.conformance.people import MOODS
from tests.conformance.systems import name_of
from tests.conformance.worlds import Setting, World

pytestmark = pytest.mark.crash


def doubted(world: World) -> list[str]:
    """Return the steps that were ever in doubt but for the one whose answer is always lost."""
    found = [each.event for name in world.reader.incidents() for each in world.reader.events(name)]
    return [e.step for e in found if isinstance(e, StepDoubted) and e.step != "alias"]


def test_a_stop_drains(make: Make) -> None:
    """SIGTERM again and again while runs are under way: each call ends first, nothing is in doubt.

    What waits goes on with the next bot, and no step is begun twice.
    """
    world = make(Setting(systems=3))
    for _ in range(6):
        world.play(seconds=world.chance.uniform(0.1, 0.6))
        for life in list(world.lives):
            world.stop(life)
    world.play()
    found = world.findings()
    assert found.all == [], world.told()
    assert doubted(world) == []
    assert found.repeated == 0


def test_a_frozen_bot_goes_on_when_it_is_thawed(make: Make) -> None:
    """SIGSTOP for a while and SIGCONT: one process has no others, so that nothing is lost."""
    world = make(Setting(systems=2))
    for _ in range(4):
        world.play(seconds=world.chance.uniform(0.05, 0.4))
        for life in world.lives:
            life.freeze()
        time.sleep(0.2)
        for life in world.lives:
            life.thaw()
    world.play()
    assert world.findings().all == [], world.told()


def test_a_second_process_on_one_folder_is_refused(make: Make, kind: str) -> None:
    """Also while the first one is frozen, and does not answer: nobody takes its journal."""
    if kind == kinds.SHARED:
        pytest.skip("replicas share: see the takeover below")
    world = make()
    first = world.bear()
    first.freeze()
    second = world.conceive()
    second.bury()
    world.lives.remove(second)
    assert "another Backout is running" in second.why
    first.thaw()
    world.play()
    assert world.findings().all == []


def test_a_frozen_replica_is_taken_over_and_changes_nothing_then(make: Make, kind: str) -> None:
    """SIGSTOP for longer than its lease; the other goes on; SIGCONT brings back a stranger."""
    if kind == kinds.EMBEDDED:
        pytest.skip("one process: nobody can take over")
    moods = {name_of(number): MOODS[number % 2] for number in range(1, 5)}
    world = make(Setting(systems=4, replicas=2, moods=moods))
    for number in range(1, 4):
        world.play(seconds=world.chance.uniform(0.1, 0.6), incidents=number)
        frozen = world.chance.choice(world.lives)
        frozen.freeze()
        world.play(seconds=2 * kinds.LEASE, incidents=number)
        frozen.thaw()
    world.play(incidents=3)
    assert world.findings().all == [], world.told()
