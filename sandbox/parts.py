"""What an estate can have beside its cluster: an account of AWS, a database, feature flags.

`sandbox.world` puts them together.  Each part has servers and state of its own, ways to break it,
and something to show in the page's panel; what it does to the users goes through `Disturbance`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.estate.values import Object

ALL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way to break something, as the panel offers it; `story` is the flow it is played with."""

    id: str
    title: str
    breaks: str
    story: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """What users feel of a part right now.

    `errors` is the share of a service's requests that fail besides, by its name, or `*` for all;
    `latency` is added to the p95 response time, in seconds; `shut` is the share of all requests
    that never come as far as the services; `refused` is the share of the services' connections to
    the database that fail.
    """

    errors: Mapping[str, float] = field(default_factory=dict)
    latency: float = 0.0
    shut: float = 0.0
    refused: float = 0.0


QUIET = Disturbance()


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedAnswer:
    """What a load balancer answers by itself."""

    status: int
    content_type: str
    body: str


class Part:
    """A part of the estate; a real one overrides what it has."""

    name = ""
    scenarios: tuple[Scenario, ...] = ()

    async def start(self) -> None:
        """Start serving."""

    async def stop(self) -> None:
        """Stop serving; safe to call twice."""

    async def reset(self) -> None:
        """Bring it back to a healthy state."""

    async def break_it(self, scenario: str) -> None:
        """Break it in one of its ways; a second press changes nothing."""

    def disturbance(self) -> Disturbance:
        """Return what users feel of it now."""
        return QUIET

    def answer(self) -> FixedAnswer | None:
        """Return what is answered in place of the services, if anything."""
        return None

    def state(self) -> Object | list[Object] | None:
        """Return what the panel shows under the part's name; None where there is nothing."""
        return None

    def addresses(self) -> Mapping[str, str]:
        """Return where it is and what opens it, once started."""
        return {}


class Parts:
    """All parts of an estate."""

    def __init__(self) -> None:
        self.all: list[Part] = []

    async def start(self) -> None:
        """Start all of them side by side, or none."""
        ends = await asyncio.gather(*(part.start() for part in self.all), return_exceptions=True)
        failed = next((end for end in ends if isinstance(end, BaseException)), None)
        if failed is not None:
            await self.stop()
            raise failed

    async def stop(self) -> None:
        """Stop all of them; safe to call twice."""
        for part in reversed(self.all):
            await part.stop()

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Return all their scenarios."""
        return tuple(scenario for part in self.all for scenario in part.scenarios)

    async def reset(self) -> None:
        """Bring all of them back to a healthy state."""
        for part in self.all:
            await part.reset()

    async def break_it(self, scenario: str) -> None:
        """Break whichever has this scenario."""
        for part in self.all:
            if any(each.id == scenario for each in part.scenarios):
                await part.break_it(scenario)

    def disturbances(self) -> tuple[Disturbance, ...]:
        """Return what users feel of each."""
        return tuple(part.disturbance() for part in self.all)

    def answer(self) -> FixedAnswer | None:
        """Return what is answered in place of the services, if anything."""
        return next((found for part in self.all if (found := part.answer())), None)

    def state(self) -> Object:
        """Return what the panel shows of each, by its name."""
        views = ((part.name, part.state()) for part in self.all)
        return {name: view for name, view in views if view is not None}
