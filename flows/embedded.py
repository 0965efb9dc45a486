"""The engine on one machine: the journal in SQLite, guarded by an exclusive file lock.

Implements `flows.engine.Engine` for `bot`, and gives `flows.driver` the commands to perform.
Events, state and commands change in one transaction; a click costs one commit.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from flows.commands import Command, PerformStep, SetTimer, UndoStep
from flows.decisions import decide
from flows.engine import Declared, Delivery, UnknownIncidentError
from flows.events import BOT, Actor, BotResumed, Event, IncidentDeclared, Recorded
from flows.journal import Journal, Queued
from flows.runs import Run

log = logging.getLogger(__name__)
LOCK = "backout.lock"


class BusyError(Exception):
    """Another process drives this journal."""


class EmbeddedEngine:
    """One process, one journal."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / LOCK)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise BusyError(
                f"another Backout is running on {folder}: stop it, or set BACKOUT_DATA to "
                "another folder"
            ) from None
        self._journal = Journal.open(folder)
        self._clock = clock
        self._open: dict[str, Run] = {run.id: run for run in self._journal.runs(ended=False)}
        self._heard: list[Callable[[Run], None]] = []
        self.wake: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Close the journal and let the next process in."""
        self._journal.close()
        self._lock.release()

    def now(self) -> datetime:
        """Return the time (UTC)."""
        return self._clock()

    def listen(self, heard: Callable[[Run], None]) -> None:
        """Have `heard` called after every commit."""
        self._heard.append(heard)

    def declare(
        self,
        system: str,
        make: Callable[[str], IncidentDeclared],
        *,
        actor: Actor,
        event_id: str,
    ) -> Declared:
        """Open an incident, or return the one that is there."""
        with self._journal.transaction():
            known = self._journal.incident_of_event(event_id) or self._journal.open_on(system)
            run = (
                None if known else self._step(None, make(self._journal.next_id()), actor, event_id)
            )
        if run is None:
            found = self.run(known or "")
            if found is None:
                raise UnknownIncidentError(f"{known} is not in the journal")
            return Declared(run=found, created=False)
        self._committed(run)
        return Declared(run=run, created=True)

    def feed(self, incident: str, event: Event, *, actor: Actor, event_id: str) -> Run | None:
        """Record an event and decide; None where its id was recorded before."""
        run = self._known(incident)
        with self._journal.transaction():
            if self._journal.incident_of_event(event_id) is not None:
                return None
            run = self._step(run, event, actor, event_id)
        self._committed(run)
        return run

    def finish(self, queued: Queued, events: Iterable[Event]) -> None:
        """Record what came of a command and take it off the queue, all at once."""
        run = self._known(queued.incident)
        with self._journal.transaction():
            if not self._journal.finish(queued.id):
                return
            for number, event in enumerate(events):
                event_id = f"command:{queued.id}:{queued.tries}:{number}"
                run = self._step(run, event, BOT, event_id)
        self._committed(run)

    def postpone(self, queued: Queued, delay: float) -> None:
        """Put a command off by so many seconds."""
        with self._journal.transaction():
            self._journal.postpone(queued.id, self.now().timestamp() + delay)
        self.wake()

    def due(self, now: datetime | None = None) -> tuple[Queued, ...]:
        """Return the commands that are due now, or at the time given."""
        return self._journal.due((now or self.now()).timestamp())

    def next_due_in(self, after: datetime | None = None) -> float | None:
        """Return the seconds until the next command after now, or that time, is due, or None."""
        now = self.now()
        due = self._journal.next_due((after or now).timestamp())
        return None if due is None else max(0.0, due - now.timestamp())

    def announce_resumption(self) -> None:
        """Tell every open run that the bot was started again."""
        for run in self.runs():
            resumed = BotResumed(away_since=run.updated_at)
            event_id = f"resumed:{run.id}:{run.seq}"
            self.feed(run.id, resumed, actor=BOT, event_id=event_id)

    def run(self, incident: str) -> Run | None:
        """Return a run, open or ended."""
        return self._open.get(incident) or self._journal.run(incident)

    def runs(self, *, ended: bool = False) -> tuple[Run, ...]:
        """Return the open runs, oldest first; with `ended` all."""
        return self._journal.runs(ended=True) if ended else tuple(self._open.values())

    def unreviewed(self, system: str) -> tuple[Run, ...]:
        """Return the runs of a system, open or ended, that still owe a review, oldest first."""
        return self._journal.unreviewed(system)

    def run_of_channel(self, channel: str) -> Run | None:
        """Return the run whose channel this is."""
        incident = self._journal.of_channel(channel)
        return self.run(incident) if incident else None

    def events(self, incident: str) -> tuple[Recorded, ...]:
        """Return an incident's events in order."""
        return self._journal.events(incident)

    def delivery(self, key: str) -> Delivery | None:
        """Return where a keyed message went, or None."""
        return self._journal.delivery(key)

    def keep_delivery(self, delivery: Delivery) -> None:
        """Remember where a keyed message went."""
        with self._journal.transaction():
            self._journal.keep_delivery(delivery)

    def _known(self, incident: str) -> Run:
        run = self.run(incident)
        if run is None:
            raise UnknownIncidentError(f"there is no incident {incident}")
        return run

    def _step(self, run: Run | None, event: Event, actor: Actor, event_id: str) -> Run:
        """Within a transaction: stamp, decide, append, store, queue."""
        now = max(self.now(), run.updated_at) if run else self.now()
        recorded = Recorded(seq=run.seq + 1 if run else 1, at=now, actor=actor, event=event)
        after, commands = decide(run, recorded)
        self._journal.append(after.id, event_id, recorded)
        self._journal.keep_run(after)
        for command in commands:
            # Not `now`: where the clock was set back, the run's own time is still to come.
            self._journal.queue(after.id, command, _due(command, self.now()))
        return after

    def _committed(self, run: Run) -> None:
        if run.ended:
            self._open.pop(run.id, None)
        else:
            self._open[run.id] = run
        self.wake()
        for heard in self._heard:
            try:
                heard(run)
            except Exception:
                log.exception("a view of %s failed; the run goes on", run.id)


def _due(command: Command, now: datetime) -> float:
    match command:
        case SetTimer(at=at):
            return at.timestamp()
        case PerformStep(after=after) | UndoStep(after=after):
            return (now + timedelta(seconds=after)).timestamp()
        case _:
            return now.timestamp()
