"""The engine of one replica among several: `flows.engine.Engine` on PostgreSQL.

Any replica records what people do; commands are performed by whoever claims them
(`flows.shared.driver`).  What a process does within a command is recorded only while nobody has
taken it for dead, so that one that was frozen and comes back changes nothing any more.
"""

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from flows import migrating
from flows.commands import Command
from flows.engine import AwayError, Queued, UnknownIncidentError
from flows.recording import RecordingEngine
from flows.runs import Run
from flows.shared.connections import Line, SlowError
from flows.shared.journal import Claim, SharedJournal

LEASE = 3.0


class SharedEngine(RecordingEngine):
    """One replica.  `lease` seconds without a sign of life, and others take over."""

    exclusive = False

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        lease: float = LEASE,
    ) -> None:
        migrating.require(url)
        self.url = url
        self.lease = lease
        self.replica = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._line = Line(url)
        self._journal = SharedJournal(self._line, replica=self.replica, clock=clock)
        super().__init__(self._journal, clock=clock)
        self._leads_until = 0.0
        self._journal.runs(ended=False)

    def close(self) -> None:
        """Close the connection; whoever drives has stopped."""
        self._journal.close()

    @property
    def leads(self) -> bool:
        """Whether this replica has the lease of what only one may do."""
        return time.monotonic() < self._leads_until

    @property
    def reconnects(self) -> int:
        """How often the database was reached again after it was lost."""
        return self._line.reconnects

    def size(self) -> int:
        """Return how many bytes the journal and its queue take.  Raises `AwayError`."""
        return self._journal.size()

    def away(self, seconds: float) -> None:
        """Take note that the database does not answer: nobody waits for it meanwhile."""
        self._line.suspend(seconds)

    def back(self) -> None:
        """Take note that the database answers."""
        self._line.resume()

    def doubt(self) -> None:
        """Take note that what is asked now may have been done elsewhere already."""
        self.alone_since = self.now()

    def lead(self, until: float) -> None:
        """Take note that this replica leads until a time of the monotonic clock."""
        self._leads_until = until

    def feed(self, incident: str, *args: object, **options: object) -> Run | None:
        """Record an event; a connection that has died since its last use is made anew, once."""
        try:
            return super().feed(incident, *args, **options)  # type: ignore[arg-type]  # as given
        except SlowError:
            raise
        except AwayError:
            return super().feed(incident, *args, **options)  # type: ignore[arg-type]

    def holds(self, incident: str, command: Command) -> bool:
        """Say whether a command that was begun is still this replica's, by a look at the queue."""
        claims = tuple(self._journal.claims.values())
        mine = (c for c in claims if c.incident == incident and c.command == command)
        return any(self._journal.is_held(claim) for claim in mine)

    def due(self, now: datetime | None = None, *, begun: bool = True) -> tuple[Queued, ...]:
        """Return the commands that are due now, or at the time given; `begun` ones, too."""
        ahead = datetime.now(UTC) - self.now()
        return self._journal.due((now or self.now()) + ahead, begun=begun)

    @contextmanager
    def claiming(self, claim: Claim) -> Iterator[None]:
        """Know a command as this replica's while it is performed."""
        self._journal.claims[claim.job, claim.attempts] = claim
        try:
            yield
        finally:
            del self._journal.claims[claim.job, claim.attempts]

    def announce_resumption(self) -> None:
        """Tell every open run that nobody was there, unless another replica was.

        Of several that start at once, the first tells it.
        """
        if self._journal.anybody(self.lease):
            return
        just_now = self.now() - timedelta(seconds=self.lease)
        for run in self.runs():
            if run.resumed_at is None or run.resumed_at < just_now:
                self.resume(run)

    def run(self, incident: str) -> Run | None:
        """Return a run; an open one as it was last known while the database is away."""
        try:
            return super().run(incident)
        except AwayError:
            known = {run.id: run for run in self._journal.last_known()}
            if incident in known:
                return known[incident]
            raise

    def runs(self, *, ended: bool = False) -> tuple[Run, ...]:
        """Return the open runs, oldest first; as last known while the database is away."""
        try:
            return super().runs(ended=ended)
        except AwayError:
            if ended:
                raise
            return self._journal.last_known()

    def hear(self, incident: str) -> None:
        """Tell the views of a commit of another replica."""
        run = self.run(incident)
        if run is not None:
            self._tell(run)

    def _locked(self, incident: str) -> Run:
        run = self._journal.locked(incident)
        if run is None:
            raise UnknownIncidentError(f"there is no incident {incident}")
        return run

    def _committed(self, run: Run) -> None:
        self._journal.remember(run)
        super()._committed(run)
