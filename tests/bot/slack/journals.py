"""An engine with nothing behind it but what the posting parts ask of it."""

from collections.abc import Callable
from datetime import datetime

from flows.commands import Command
from flows.engine import Declared, Delivery, UnknownIncidentError
from flows.events import Actor, Event, IncidentDeclared, Recorded
from flows.moments import Moment
from flows.progress import Progress
from flows.runs import Run


class FakeEngine:
    """Knows the runs and deliveries that a test gives it; implements `flows.engine.Engine`."""

    exclusive = True
    leads = True

    def __init__(self, now: datetime, *runs: Run) -> None:
        self.time = now
        self.alone_since = now
        self.progress = Progress()
        self.known = {run.id: run for run in runs}
        self.deliveries: dict[str, Delivery] = {}

    def now(self) -> datetime:
        """Return the test's time."""
        return self.time

    def declare(
        self,
        system: str,
        make: Callable[[str], IncidentDeclared],
        *,
        actor: Actor,
        event_id: str,
    ) -> Declared:
        """Refuse: no test of posting declares."""
        raise UnknownIncidentError(system)

    def feed(
        self,
        incident: str,
        event: Event,
        *,
        actor: Actor,
        event_id: str,
        within: Command | None = None,
    ) -> Run | None:
        """Refuse: no test of posting feeds."""
        raise UnknownIncidentError(incident)

    def holds(self, incident: str, command: Command) -> bool:
        """Say yes: nobody else is there."""
        return True

    def run(self, incident: str) -> Run | None:
        """Return a run."""
        return self.known.get(incident)

    def runs(self, *, ended: bool = False) -> tuple[Run, ...]:
        """Return the runs."""
        return tuple(run for run in self.known.values() if ended or not run.ended)

    def unreviewed(self, system: str) -> tuple[Run, ...]:
        """Return the runs that owe a review."""
        return tuple(r for r in self.known.values() if r.system == system and r.debt is not None)

    def run_of_channel(self, channel: str) -> Run | None:
        """Return the run of a channel."""
        return next((run for run in self.known.values() if run.channel == channel), None)

    def events(self, incident: str) -> tuple[Recorded, ...]:
        """Return nothing."""
        return ()

    def listen(self, heard: Callable[[Run], None]) -> None:
        """Never call."""

    def witness(self, seen: Callable[[Moment], None]) -> None:
        """Never call."""

    def delivery(self, key: str) -> Delivery | None:
        """Return where a message went."""
        return self.deliveries.get(key)

    def keep_delivery(self, delivery: Delivery) -> None:
        """Remember it."""
        self.deliveries[delivery.key] = delivery
