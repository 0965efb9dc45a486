"""The driver: claims due commands, performs them side by side, feeds what came of them.

One a process, started by `bot.wiring`.  Nothing is marked while a command is performed: a
command that is still queued at the next start was perhaps begun, and whoever performs it looks
at the run to find out.
"""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import datetime

from flows.commands import SetTimer
from flows.embedded import EmbeddedEngine
from flows.engine import AwayError, LaterError, Perform, Queued
from flows.events import Event, TimerFired
from flows.recording import RecordingEngine

log = logging.getLogger(__name__)
LONGEST_DELAY = 60.0
LONGEST_SLEEP = 30.0
SET_BACK = 1.0  # seconds that the clock must lag behind to count as set back
AFTER_A_FAULT = 5.0
AFTER_AWAY = 1.0
GRACE = 10.0


class Driver:
    """Performs commands until told to stop.  One process alone has no lease that could end."""

    alive = True
    lease_age: float | None = None

    def __init__(self, engine: EmbeddedEngine, perform: Perform) -> None:
        self._engine = engine
        self._perform = perform
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._looked = engine.now(), time.monotonic()
        self._came_round = time.monotonic()
        engine.wake = self._wake.set

    async def drive(self) -> None:
        """Perform what is due, sleep until something is, until `stop`."""
        while not self._stopping:
            self._wake.clear()
            seconds = self._begin()
            self._came_round = time.monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    def _begin(self) -> float:
        """Begin what is due; return for how many seconds there is nothing to do.

        One time for both looks at the queue: what came due in between would be seen by neither.
        The sleep is bounded, because the clock may be set while it lasts.
        """
        now = self._engine.now()
        try:
            if self._is_set_back(now):
                self._engine.hasten()
            for queued in self._engine.due(now):
                if queued.id not in self._tasks:
                    self._start(queued)
            left = self._engine.next_due_in(now)
        except Exception:
            log.exception("the queue can't be read; again in %.0f s", AFTER_A_FAULT)
            return AFTER_A_FAULT
        return LONGEST_SLEEP if left is None else min(left, LONGEST_SLEEP)

    def _is_set_back(self, now: datetime) -> bool:
        """Say whether the clock was set back since the last look: pauses would last for ever."""
        at = time.monotonic()
        (before, looked), self._looked = self._looked, (now, at)
        return (now - before).total_seconds() < at - looked - SET_BACK

    def _start(self, queued: Queued) -> None:
        task = asyncio.create_task(self._do(queued), name=f"command-{queued.id}")
        self._tasks[queued.id] = task
        task.add_done_callback(lambda _: self._ended(queued.id))

    def _ended(self, command: int) -> None:
        self._tasks.pop(command, None)
        self._wake.set()

    @property
    def idle(self) -> float:
        """How many seconds ago the loop last came round; half a minute is the most in health."""
        return time.monotonic() - self._came_round

    @property
    def performing(self) -> int:
        """How many commands are being performed right now."""
        return len(self._tasks)

    def neglected(self, since: datetime) -> tuple[Queued, ...]:
        """Return the commands that were due at a time already and have not been begun."""
        return tuple(each for each in self._engine.due(since) if each.id not in self._tasks)

    async def _do(self, queued: Queued) -> None:
        """Do a command and record it; where it can't be recorded, wait before it is done again."""
        try:
            await self._perform_and_record(queued)
        except Exception:
            log.exception("command %s can't be recorded; again in %.0f s", queued.id, AFTER_A_FAULT)
            await asyncio.sleep(AFTER_A_FAULT)

    async def _perform_and_record(self, queued: Queued) -> None:
        try:
            events = await outcome(self._engine, self._perform, queued)
        except LaterError as error:
            self._engine.postpone(queued, error.delay)
        else:
            self._engine.finish(queued, events)

    async def stop(self, grace: float = GRACE) -> None:
        """Start nothing more, give what runs `grace` seconds, then leave it to the next start."""
        self._stopping = True
        self._wake.set()
        running = list(self._tasks.values())
        if running:
            _, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


async def outcome(engine: RecordingEngine, perform: Perform, queued: Queued) -> tuple[Event, ...]:
    """Perform a command and return what came of it.

    Raises `LaterError` for whatever went wrong: every command is performed until it is recorded.
    """
    command = queued.command
    if isinstance(command, SetTimer):
        return (TimerFired(timer=command.timer, generation=command.generation),)
    try:
        run = engine.current(queued.incident)
    except AwayError as error:
        raise LaterError(str(error), delay=AFTER_AWAY) from error
    if run is None:
        log.error("command %s belongs to no run and stays queued", queued.id)
        raise LaterError("it belongs to no run", delay=LONGEST_DELAY)
    try:
        return tuple(await perform(run, command))
    except LaterError as error:
        log.info("%s: %s waits %.1f s: %s", run.id, command, error.delay, error)
        raise
    except AwayError as error:
        log.warning("%s: %s waits for the journal: %s", run.id, command, error)
        raise LaterError(str(error), delay=AFTER_AWAY) from error
    except Exception as error:
        delay = min(LONGEST_DELAY, 2.0**queued.tries)
        log.exception("%s: %s failed; again in %.0f s", run.id, command, delay)
        raise LaterError(str(error), delay=delay) from error
