"""The implementations of the engine's port: how each is opened, and read from outside.

`embedded` is one process on SQLite, its place a folder; `shared` is several replicas on PostgreSQL,
its place a URL.  A third one needs no more than another case here and in `hooks`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from flows import codec, migrating, opening
from flows.engine import AwayError, JournalError
from flows.events import Recorded
from flows.journal import Journal
from flows.plans import canonical
from flows.replay import replay
from flows.runs import Run
from flows.shared.connections import Line
from flows.shared.journal import SharedJournal

EMBEDDED, SHARED = "embedded", "shared"
KINDS = (EMBEDDED, SHARED)
LEASE = 1.5  # seconds; short, so that suites are, and so that busy machines lapse it now and then
ROWS = "SELECT * FROM events WHERE incident = {} ORDER BY seq"
GENESIS = "0" * 64
UNREADABLE = (AwayError, JournalError, sqlite3.OperationalError)
"""What reading a journal raises that is not there, or not made to its end, or away."""
Clock = Callable[[], datetime]
Json = Any


def real_time() -> datetime:
    """Return the time (UTC)."""
    return datetime.now(UTC)


def open_engine(kind: str, place: str, clock: Clock = real_time, lease: float = LEASE) -> Json:
    """Open the engine of a bot."""
    if kind == EMBEDDED:
        return opening.open_engine(opening.Place(folder=Path(place)), clock=clock)
    where = opening.Place(folder=Path("/nowhere"), url=place, lease=lease)
    return opening.open_engine(where, clock=clock)


def prepare(kind: str, place: str) -> None:
    """Make a journal where a bot does not make it by itself."""
    if kind == SHARED:
        migrating.migrate(place)


class Reader:
    """Reads a journal from outside, beside whoever writes it.  Raises what is `UNREADABLE`."""

    def __init__(self, kind: str, place: str) -> None:
        self._kind, self._place = kind, place
        self._journal: Json = None

    @property
    def journal(self) -> Json:
        """Return the journal, opened where that was not possible before."""
        if self._journal is None:
            embedded = self._kind == EMBEDDED
            place = self._place
            self._journal = Journal.read(Path(place)) if embedded else SharedJournal(Line(place))
        return self._journal

    def close(self) -> None:
        """Let go of it."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def incidents(self) -> tuple[str, ...]:
        """Return the ids of all incidents."""
        found: tuple[str, ...] = self.journal.incidents()
        return found

    def runs(self) -> tuple[Run, ...]:
        """Return all incidents."""
        found: tuple[Run, ...] = self.journal.runs(ended=True)
        return found

    def run(self, incident: str) -> Run:
        """Return an incident."""
        found: Run = self.journal.run(incident)
        return found

    def events(self, incident: str) -> tuple[Recorded, ...]:
        """Return what has happened."""
        found: tuple[Recorded, ...] = self.journal.events(incident)
        return found

    def rows(self, incident: str) -> list[dict[str, Json]]:
        """Return what has happened, as it is stored."""
        sign = "?" if self._kind == EMBEDDED else "%s"
        found: list[dict[str, Json]] = self.journal._all(ROWS.format(sign), incident)
        return found

    def broken(self, incident: str) -> str:
        """Say what is wrong with an incident's record, or nothing: its chain, and its fold."""
        while True:
            seq = self.run(incident).seq
            found = self._broken(incident)
            if self.run(incident).seq == seq:  # else somebody wrote meanwhile
                return found

    def _broken(self, incident: str) -> str:
        before = GENESIS
        for number, row in enumerate(self.rows(incident), start=1):
            stored = row.pop("hash")
            if row["seq"] != number or row["prev"] != before:
                return f"event {number} does not follow the one before"
            if sha256(canonical(row).encode()).hexdigest() != stored:
                return f"event {number} was changed"
            before = stored
        same = codec.encode(replay(self.events(incident))) == codec.encode(self.run(incident))
        return "" if same else "its events fold to another state"

    def event_ids(self) -> set[str]:
        """Return the ids of all events of all incidents."""
        rows = (self.rows(incident) for incident in self.incidents())
        return {row["id"] for found in rows for row in found}
