"""The port of the engine: what drives runs durably, whichever backend does it.

`bot` talks to it, `flows.journal` (SQLite) implements its store, `flows.driver` performs what
was queued.  What must hold is in `docs/architecture.md`: an event given twice counts once, and
what was queued with an event is performed at least once, whatever happens to the process.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flows.commands import Command
from flows.events import Actor, Event, IncidentDeclared, Recorded
from flows.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The run of a declaration; not `created` where one was open on the system already."""

    run: Run
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a keyed message to people went."""

    key: str
    channel: str
    ts: str


class Engine(Protocol):
    """Feeds events, answers questions about runs.  Every feed is one transaction."""

    def now(self) -> datetime:
        """Return the time (UTC) that the next event would be stamped with."""
        ...

    def declare(
        self,
        system: str,
        make: Callable[[str], IncidentDeclared],
        *,
        actor: Actor,
        event_id: str,
    ) -> Declared:
        """Open an incident; `make` gets its id.

        A second call with the same `event_id`, or while one is open on the system, returns the
        incident that is there.
        """
        ...

    def feed(self, incident: str, event: Event, *, actor: Actor, event_id: str) -> Run | None:
        """Record an event, decide, queue the commands.

        Return the run as it is now, or None where an event with this id was recorded before.
        Raises `UnknownIncidentError`.
        """
        ...

    def run(self, incident: str) -> Run | None:
        """Return a run, open or ended."""
        ...

    def runs(self, *, ended: bool = False) -> tuple[Run, ...]:
        """Return the open runs, oldest first; with `ended` also the others."""
        ...

    def unreviewed(self, system: str) -> tuple[Run, ...]:
        """Return the runs of a system, open or ended, that still owe a review, oldest first."""
        ...

    def run_of_channel(self, channel: str) -> Run | None:
        """Return the run whose channel this is."""
        ...

    def events(self, incident: str) -> tuple[Recorded, ...]:
        """Return an incident's events in order."""
        ...

    def listen(self, heard: Callable[[Run], None]) -> None:
        """Have `heard` called after every commit, with the run as it is now."""
        ...

    def delivery(self, key: str) -> Delivery | None:
        """Return where a keyed message went, or None."""
        ...

    def keep_delivery(self, delivery: Delivery) -> None:
        """Remember where a keyed message went."""
        ...


class UnknownIncidentError(Exception):
    """The journal has no incident of this id."""


class LaterError(Exception):
    """A command can't be performed now: try again after `delay` seconds."""

    def __init__(self, message: str, *, delay: float) -> None:
        super().__init__(message)
        self.delay = delay


Perform = Callable[[Run, Command], Awaitable[Iterable[Event]]]
"""Does a command and returns what came of it.  May be called again for the same command."""
