"""What every engine does with an event: stamp, decide, append, store, queue, in one transaction.

`RecordingEngine` is `flows.engine.Engine` on any `Store`; `flows.embedded` and `flows.shared` add
who may write, and who performs what was queued.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

from flows.commands import Command, PerformStep, SetTimer, UndoStep
from flows.engine import Declared, Delivery, Queued, UnknownIncidentError
from flows.events import BOT, Actor, BotResumed, Event, IncidentDeclared, Recorded
from flows.moments import Moment, moment
from flows.progress import Progress
from flows.runs import Run

log = logging.getLogger(__name__)
T = TypeVar("T")


class Store(Protocol):
    """A journal: what is read at any time, and what is written within a transaction."""

    def transaction(self) -> AbstractContextManager[None]:
        """Commit all that is written within, or nothing."""
        ...

    def declaring(self) -> None:
        """Within a transaction: let nobody else declare until it ends."""
        ...

    def incident_of_event(self, event_id: str) -> str | None:
        """Return the incident that has recorded this event id, or None."""
        ...

    def open_on(self, system: str) -> str | None:
        """Return the incident that is open on a system, or None."""
        ...

    def next_id(self) -> str:
        """Return the id of the next incident."""
        ...

    def append(self, incident: str, event_id: str, recorded: Recorded) -> None:
        """Add an event to its incident's chain."""
        ...

    def keep_run(self, run: Run) -> None:
        """Store a run's snapshot."""
        ...

    def queue(self, incident: str, command: Command, due: datetime) -> None:
        """Queue a command."""
        ...

    def finish(self, queued: Queued) -> bool:
        """Take a command off the queue; say whether it was this process's to finish."""
        ...

    def run(self, incident: str) -> Run | None:
        """Return a run, or None."""
        ...

    def runs(self, *, ended: bool) -> tuple[Run, ...]:
        """Return the open runs, and with `ended` all, oldest first."""
        ...

    def unreviewed(self, system: str) -> tuple[Run, ...]:
        """Return the runs of a system whose emergency nobody has reviewed yet, oldest first."""
        ...

    def of_channel(self, channel: str) -> str | None:
        """Return the newest incident of a channel, or None."""
        ...

    def events(self, incident: str) -> tuple[Recorded, ...]:
        """Return an incident's events in order."""
        ...

    def delivery(self, key: str) -> Delivery | None:
        """Return where a keyed message went, or None."""
        ...

    def keep_delivery(self, delivery: Delivery) -> None:
        """Remember where a keyed message went."""
        ...


class RecordingEngine:
    """Everything of an engine that does not depend on who else writes to its store."""

    def __init__(
        self, store: Store, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._store = store
        self._clock = clock
        self.alone_since = clock()
        self.wake: Callable[[], None] = lambda: None
        """Has whoever drives look at once for what is due; replicas look all the time."""
        self.progress = Progress()
        self._heard: list[Callable[[Run], None]] = []
        self._seen: list[Callable[[Moment], None]] = []
        self._written: list[Moment] = []
        self.timed: Callable[[float], None] = lambda _seconds: None

    def now(self) -> datetime:
        """Return the time (UTC)."""
        return self._clock()

    def listen(self, heard: Callable[[Run], None]) -> None:
        """Have `heard` called after every commit."""
        self._heard.append(heard)

    def witness(self, seen: Callable[[Moment], None]) -> None:
        """Have `seen` called with every event that this process records, after its commit."""
        self._seen.append(seen)

    def declare(
        self,
        system: str,
        make: Callable[[str], IncidentDeclared],
        *,
        actor: Actor,
        event_id: str,
    ) -> Declared:
        """Open an incident, or return the one that is there."""
        store = self._store
        with self._recording():
            store.declaring()
            known = store.incident_of_event(event_id) or store.open_on(system)
            run = None if known else self._step(None, make(store.next_id()), actor, event_id)
        if run is None:
            return Declared(run=self._known(known or ""), created=False)
        self._committed(run)
        return Declared(run=run, created=True)

    def feed(
        self,
        incident: str,
        event: Event,
        *,
        actor: Actor,
        event_id: str,
        within: Command | None = None,
    ) -> Run | None:
        """Record an event and decide; None where its id was recorded before."""
        with self._recording():
            run = self._locked(incident)
            if self._store.incident_of_event(event_id) is not None:
                return None
            if within is not None and not self.holds(incident, within):
                return None
            run = self._step(run, event, actor, event_id)
        self._committed(run)
        return run

    def finish(self, queued: Queued, events: Iterable[Event]) -> None:
        """Record what came of a command and take it off the queue, all at once."""
        with self._recording():
            run = self._locked(queued.incident)
            if not self._store.finish(queued):
                return
            for number, event in enumerate(events):
                run = self._step(run, event, BOT, outcome_id(queued, number))
        self._committed(run)

    def holds(self, incident: str, command: Command) -> bool:
        """Say whether a command that was begun is this process's to go on with."""
        return True

    def resume(self, run: Run, taken: str = "") -> None:
        """Tell a run that the bot was away, once for each death that it was `taken` over from."""
        resumed = BotResumed(away_since=run.updated_at)
        event_id = f"resumed:{run.id}:{taken or run.seq}"
        self.feed(run.id, resumed, actor=BOT, event_id=event_id)

    def run(self, incident: str) -> Run | None:
        """Return a run, open or ended."""
        return self._store.run(incident)

    def current(self, incident: str) -> Run | None:
        """Return a run as it was committed last: what is decided by, never what is only shown."""
        return self._store.run(incident)

    def runs(self, *, ended: bool = False) -> tuple[Run, ...]:
        """Return the open runs, oldest first; with `ended` all."""
        return self._store.runs(ended=ended)

    def unreviewed(self, system: str) -> tuple[Run, ...]:
        """Return the runs of a system, open or ended, that still owe a review, oldest first."""
        return self._store.unreviewed(system)

    def run_of_channel(self, channel: str) -> Run | None:
        """Return the run whose channel this is."""
        incident = self._store.of_channel(channel)
        return self.run(incident) if incident else None

    def events(self, incident: str) -> tuple[Recorded, ...]:
        """Return an incident's events in order."""
        return self._store.events(incident)

    def delivery(self, key: str) -> Delivery | None:
        """Return where a keyed message went, or None."""
        return self._store.delivery(key)

    def keep_delivery(self, delivery: Delivery) -> None:
        """Remember where a keyed message went."""
        with self._store.transaction():
            self._store.keep_delivery(delivery)

    @contextmanager
    def _recording(self) -> Iterator[None]:
        self._written.clear()  # of a transaction that failed
        began = time.monotonic()
        with self._store.transaction():
            yield
        self.timed(time.monotonic() - began)

    def _locked(self, incident: str) -> Run:
        """Within a transaction: return a run that nobody else changes until it ends."""
        return self._known(incident)

    def _known(self, incident: str) -> Run:
        run = self.run(incident)
        if run is None:
            raise UnknownIncidentError(f"there is no incident {incident}")
        return run

    def _step(self, run: Run | None, event: Event, actor: Actor, event_id: str) -> Run:
        """Within a transaction: stamp, decide, append, store, queue."""
        now = max(self.now(), run.updated_at) if run else self.now()
        recorded = Recorded(seq=run.seq + 1 if run else 1, at=now, actor=actor, event=event)
        told = moment(run, recorded)
        after = told.run
        self._store.append(after.id, event_id, recorded)
        self._store.keep_run(after)
        for command in told.commands:
            # Not `now`: where the clock was set back, the run's own time is still to come.
            self._store.queue(after.id, command, _due(command, self.now()))
        self._written.append(told)
        return after

    def _committed(self, run: Run) -> None:
        written, self._written = self._written, []
        for told in written:
            for seen in self._seen:
                _call(seen, told, run.id)
        self._tell(run)

    def _tell(self, run: Run) -> None:
        for heard in self._heard:
            _call(heard, run, run.id)


def _call(told: Callable[[T], None], what: T, incident: str) -> None:
    try:
        told(what)
    except Exception:
        log.exception("a view of %s failed; the run goes on", incident)


def outcome_id(queued: Queued, number: int) -> str:
    """Return the id of the n-th event that came of a command; no number is ever given twice."""
    return f"command:{queued.id}:{number}"


def _due(command: Command, now: datetime) -> datetime:
    match command:
        case SetTimer(at=at):
            return at
        case PerformStep(after=after) | UndoStep(after=after):
            return now + timedelta(seconds=after)
        case _:
            return now
