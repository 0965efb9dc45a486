"""Bots with a fault put in are caught: else nobody would know what the other tests are worth."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conformance.checks import Findings
from tests.conformance.conftest import Make
from tests.conformance.fates import after_each
from tests.conformance.people import Mood
from tests.conformance.systems import name_of
from tests.conformance.worlds import Setting

pytestmark = pytest.mark.crash
DEATHS = 12
Faulty = Callable[..., Findings]


@pytest.fixture
def faulty(make: Make) -> Faulty:
    """Kill bots that have a fault at these moments, by turns; return what was found."""

    def played(fault: str, moments: tuple[str, ...], mood: Mood = Mood.PLAIN) -> Findings:
        moods = {name_of(1): mood, name_of(2): mood}
        world = make(Setting(systems=2, brief=True, forgets=fault, moods=moods))
        found = Findings()
        for each in after_each(world, moments, DEATHS):
            found = each
            if found.lost or found.doubled or found.unapproved:
                break
        return found

    return played


def test_one_that_repeats_what_it_finds_begun_is_caught(faulty: Faulty) -> None:
    """No look, no fence: what can't be taken back is done twice."""
    found = faulty("doubts", ("call: after strike", "commit: before finish PerformStep"))
    assert any("drop was done" in each for each in found.doubled), found


def test_one_that_forgets_what_is_queued_is_caught(faulty: Faulty) -> None:
    """A command that is taken off the queue before it is done: its run stands still for ever."""
    found = faulty("commands", ("call: before put", "commit: after finish GatherFacts"))
    assert any("never ended" in each for each in found.lost), found


def test_one_that_asks_nobody_is_caught(faulty: Faulty) -> None:
    """A plan that begins with one approval of two: its steps are named as unapproved."""
    found = faulty("approvals", (), Mood.ALONE)
    assert any("plan was approved by ['emily']" in each for each in found.unapproved), found
