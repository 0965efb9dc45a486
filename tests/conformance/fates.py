"""When bots die: at every named moment once, or at moments drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle
from random import Random
from typing import Any

from tests.conformance.checks import Findings
from tests.conformance.kinds import EMBEDDED
from tests.conformance.worlds import World

Json = Any
LONGEST_LIFE = 60  # moments
MOST_INCIDENTS = 8
STILL = 5.0  # seconds; what takes so long in a world of two brief runs does not move
AT_FIRST = ("commit: before migration", "commit: after migration")
"""Moments that come once in the life of a journal."""


class EveryPoint:
    """Each life ends at the first moment that it passes at which none has ended before."""

    def __init__(self, world: World) -> None:
        self._world = world
        migrates = world.place.kind == EMBEDDED  # where it does not, `backout migrate` does
        self._at_first = AT_FIRST if migrates else ()
        world.deadly = self._deadly

    @property
    def left(self) -> list[str]:
        """Return the moments that were passed, and at which nobody has died."""
        known = dict.fromkeys((*self._at_first, *self._world.seen()))
        return [each for each in known if each not in self._world.deaths]

    def _deadly(self) -> Json:
        left = self.left
        return {"names": left} if left else None

    def play(self) -> int:
        """Play incident after incident until there is none left; return how many it took."""
        for number in range(1, MOST_INCIDENTS + 1):
            self._world.play(incidents=number)
            for life in list(self._world.lives):  # so that the next ones know of all that is left
                self._world.kill(life)
            if number > 1 and not self.left:
                return number
        return MOST_INCIDENTS


class Chance:
    """Each life ends at a moment that is drawn, until there were so many deaths."""

    def __init__(self, world: World, deaths: int, seed: str) -> None:
        self._world, self._deaths = world, deaths
        self._chance = Random(f"{seed}/deaths")
        world.deadly = self._deadly

    @property
    def left(self) -> int:
        """Return how many deaths are still to come."""
        return self._deaths - self._world.deaths.total()

    def _deadly(self) -> Json:
        if self.left <= 0:
            return None
        return {"nth": self._chance.randint(1, LONGEST_LIFE)}

    def play(self) -> None:
        """Play incident after incident until all have died who are to."""
        number = 0
        while number == 0 or self.left > 0:
            number += 1
            self._world.play(incidents=number)


def after_each(world: World, moments: tuple[str, ...], deaths: int) -> Iterator[Findings]:
    """Play until nothing moves, killing at these moments by turns; yield what is found so far."""
    turns = cycle(moments)
    world.deadly = lambda: {"names": [next(turns)]} if moments else None
    for number in range(1, deaths + 1):
        world.play(incidents=number, seconds=STILL)
        with suppress(AssertionError):  # a bot whose fault made it end by itself
            for life in list(world.lives):
                world.kill(life)
        yield world.findings()
