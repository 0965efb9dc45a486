"""A look at ourselves, once a minute: does everything move that should, and who is told if not.

What stands still is told in the incident's channel, once.  While nothing does, an outside monitor
can be called: when the calls stop, Backout is dead, cut off, or stuck, and somebody should look.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import aiohttp

from flows.engine import Engine, Queued
from flows.events import BOT, StallNoticed
from flows.plans import PlannedStep
from flows.runs import Run, StepRecord
from flows.states import StepState

log = logging.getLogger(__name__)
EVERY = 60.0
GRACE = timedelta(seconds=60)
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """Something of an incident that does not move; `key` tells it from other stalls."""

    incident: str
    key: str
    why: str


class Neglecting(Protocol):
    """Whoever performs commands, and may fail to."""

    def neglected(self, since: datetime) -> tuple[Queued, ...]:
        """Return the commands that were due at a time already and have not been begun."""
        ...


class Watchman:
    """Looks, tells, and calls the monitor."""

    def __init__(
        self, engine: Engine, driver: Neglecting, beat: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._engine = engine
        self._driver = driver
        self._beat = beat

    async def watch(self) -> None:
        """Look again and again, until cancelled; not before a start has had its time."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.round()
            except Exception:
                log.exception("the look at ourselves failed; again in %.0f s", EVERY)

    async def round(self) -> tuple[Stall, ...]:
        """Look once: tell what stands still, or call the monitor where nothing does."""
        found = tuple(self._look())
        for stall in found:
            self._tell(stall)
        if not found and self._beat is not None:
            await self._beat()
        return found

    def _look(self) -> Iterator[Stall]:
        now = self._engine.now()
        for queued in self._driver.neglected(now - GRACE):
            what = type(queued.command).__name__
            why = f"{what} was due more than {GRACE.seconds} s ago and has not begun"
            yield Stall(incident=queued.incident, key=f"command:{queued.id}", why=why)
        for run in self._engine.runs():
            for step, record in _running(run):
                allowed = timedelta(seconds=max(step.budget, step.within) + step.settle) + GRACE
                begun = max(filter(None, (record.asked_at, run.resumed_at)), default=now)
                if now - begun > allowed:
                    key = f"step:{step.id}:{record.attempt}"
                    why = f"“{step.title}” has run for longer than it may, and has not ended"
                    yield Stall(incident=run.id, key=key, why=why)

    def _tell(self, stall: Stall) -> None:
        log.error("%s: %s", stall.incident, stall.why, extra={"incident": stall.incident})
        noticed = StallNoticed(why=stall.why)
        event_id = f"stall:{stall.incident}:{stall.key}"
        self._engine.feed(stall.incident, noticed, actor=BOT, event_id=event_id)


def _running(run: Run) -> Iterator[tuple[PlannedStep, StepRecord]]:
    for step in run.plan.steps if run.plan else ():
        record = run.steps[step.id]
        if record.state is StepState.RUNNING:
            yield step, record


def heartbeat(url: str) -> Callable[[], Awaitable[None]]:
    """Return what calls a monitor's address.  The address may hold a secret: it is never logged."""

    async def beat() -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.get(url, allow_redirects=False) as answer,
            ):
                if not answer.ok:
                    log.warning("the monitor answered %d to the heartbeat", answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("the monitor was not reached: %s", type(error).__name__)

    return beat
