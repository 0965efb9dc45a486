"""The port of the engine: what drives runs durably, whichever backend does it.

`bot` talks to it; `flows.opening` chooses what implements it: one process on SQLite
(`flows.embedded`), or several replicas on PostgreSQL (`flows.shared`).  What must hold is in
`docs/architecture.md`: an event given twice counts once, and what was queued with an event is
performed at least once, whatever happens to a process.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from flows.commands import Command
from flows.events import Actor, Event, IncidentDeclared, Recorded
from flows.moments import Moment
from flows.progress import Progress
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A command that waits, or is being performed for the `tries`-th time after its first.

    `due` is when it was to begin, in seconds since the epoch.
    """

    id: int
    incident: str
    command: Command
    tries: int
    due: float = 0.0


class Engine(Protocol):
    """Feeds events, answers questions about runs.  Every feed is one transaction."""

    @property
    def exclusive(self) -> bool:
        """Whether no other process can be driving these runs."""
        ...

    @property
    def leads(self) -> bool:
        """Whether this process does now what only one may do: draw cards, watch the systems."""
        ...

    @property
    def alone_since(self) -> datetime:
        """Since when (UTC) nobody but this process can have done what a command of its asks."""
        ...

    @property
    def progress(self) -> Progress:
        """What running steps say of themselves, wherever they run."""
        ...

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

    def feed(
        self,
        incident: str,
        event: Event,
        *,
        actor: Actor,
        event_id: str,
        within: Command | None = None,
    ) -> Run | None:
        """Record an event, decide, queue the commands.

        Return the run as it is now, or None where an event with this id was recorded before, or
        where the command `within` which it happened is not this process's any more.
        Raises `UnknownIncidentError`, and `AwayError` where nothing can be recorded now.
        """
        ...

    def holds(self, incident: str, command: Command) -> bool:
        """Say whether a command that this process began is still its own, by a fresh look."""
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
        """Have `heard` called after every commit of any process, with the run as it is now."""
        ...

    def witness(self, seen: Callable[[Moment], None]) -> None:
        """Have `seen` called once for each event, after its commit, where it was recorded."""
        ...

    def delivery(self, key: str) -> Delivery | None:
        """Return where a keyed message went, or None."""
        ...

    def keep_delivery(self, delivery: Delivery) -> None:
        """Remember where a keyed message went."""
        ...


class UnknownIncidentError(Exception):
    """The journal has no incident of this id."""


class AwayError(Exception):
    """The journal does not answer.  The message says what to do; nothing was recorded."""


class JournalError(Exception):
    """The journal can't be used as it is.  The message says what to do."""


class LaterError(Exception):
    """A command can't be performed now: try again after `delay` seconds."""

    def __init__(self, message: str, *, delay: float) -> None:
        super().__init__(message)
        self.delay = delay


Perform = Callable[[Run, Command], Awaitable[Iterable[Event]]]
"""Does a command and returns what came of it.  May be called again for the same command."""
