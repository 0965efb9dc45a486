"""The journal: SQLite through sqlite-utils, and all SQL there is.

Append-only events with a hash chain an incident, the snapshots that they fold to, the commands
that wait, and where keyed messages went.  `flows.embedded` writes it, `backout audit` and
`backout show` read it beside the running bot, as Datasette can.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from flows import codec, migrating
from flows.commands import Command
from flows.engine import Delivery, JournalError, Queued
from flows.events import Recorded
from flows.plans import canonical
from flows.replay import replay
from flows.runs import Run

log = logging.getLogger(__name__)
FILE = "journal.db"
ADD_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
LAST_HASH = "SELECT hash FROM events WHERE incident = ? ORDER BY seq DESC LIMIT 1"
INCIDENT_OF_EVENT = "SELECT incident FROM events WHERE id = ?"
EVENTS_OF = "SELECT * FROM events WHERE incident = ? ORDER BY seq"
INCIDENTS = "SELECT incident FROM runs ORDER BY number"
KEEP_RUN = """
INSERT INTO runs VALUES (:incident, :number, :system, :channel, :state, :ended, :snapshot)
ON CONFLICT (incident) DO UPDATE SET
    channel = :channel, state = :state, ended = :ended, snapshot = :snapshot
"""
RUN = "SELECT snapshot FROM runs WHERE incident = ?"
RUNS = "SELECT snapshot FROM runs WHERE NOT ended OR ? ORDER BY number"
OPEN_ON = "SELECT incident FROM runs WHERE system = ? AND NOT ended"
UNREVIEWED = """
SELECT snapshot FROM runs WHERE system = ? AND json_extract(snapshot, '$.debt') IS NOT NULL
    AND json_extract(snapshot, '$.debt.paid_at') IS NULL ORDER BY number
"""
OF_CHANNEL = "SELECT incident FROM runs WHERE channel = ? ORDER BY number DESC LIMIT 1"
NEXT_NUMBER = "SELECT coalesce(max(number), 0) + 1 AS number FROM runs"
QUEUE = "INSERT INTO commands (incident, kind, body, due) VALUES (?, ?, ?, ?)"
DUE = "SELECT * FROM commands WHERE due <= ? ORDER BY due, id"
NEXT_DUE = "SELECT min(due) AS due FROM commands WHERE due > ?"
FINISH = "DELETE FROM commands WHERE id = ?"
POSTPONE = "UPDATE commands SET due = ?, tries = tries + 1 WHERE id = ?"
DELIVERY = "SELECT * FROM deliveries WHERE key = ?"
KEEP_DELIVERY = "INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?)"
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Where a chain is broken, and how."""

    incident: str
    seq: int
    why: str


class Journal:
    """One SQLite file.  Not thread-safe: used from the event loop's thread only."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._unreadable: set[int] = set()

    @classmethod
    def open(cls, folder: Path) -> "Journal":
        """Open the journal of a data folder for writing, making it where there is none."""
        folder.mkdir(parents=True, exist_ok=True)
        database = Database(folder / FILE, execute_plugins=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        journal = cls(database)
        journal._migrate(folder / FILE)
        return journal

    @classmethod
    def read(cls, folder: Path) -> "Journal":
        """Open it for reading beside a running bot.  Raises `JournalError` without one."""
        path = folder / FILE
        if not path.exists():
            raise JournalError(f"{path} is not there: is BACKOUT_DATA right?")
        database = Database(path, execute_plugins=False)
        database.execute("PRAGMA query_only=on").fetchall()
        return cls(database)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _migrate(self, path: Path) -> None:
        """Bring the schema up to date; one process has the folder, so nobody is in the way."""
        version, newest = self._one("PRAGMA user_version")["user_version"], migrating.latest(path)
        if version > newest:
            raise JournalError(
                f"the journal has schema {version}, this Backout knows {newest}: "
                "start the newer version again"
            )
        if version < newest:
            migrating.migrate(path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the write lock from the first statement on; all or nothing.

        `BEGIN IMMEDIATE`: a deferred one that reads and then writes fails at once against
        another writer, whatever the busy timeout says.
        """
        self._db.conn.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.conn.execute("COMMIT")
        except BaseException:
            self._db.conn.rollback()
            raise

    def declaring(self) -> None:
        """Do nothing: a transaction has the whole journal for itself."""

    @contextmanager
    def _one_moment(self) -> Iterator[None]:
        """Have every look see the same moment, whatever a running bot writes meanwhile."""
        self._db.conn.execute("BEGIN")
        try:
            yield
        finally:
            self._db.conn.rollback()

    def _all(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return list(self._db.query(sql, values))

    def _one(self, sql: str, *values: object) -> dict[str, Any]:
        rows = self._all(sql, *values)
        return rows[0] if rows else {}

    def append(self, incident: str, event_id: str, recorded: Recorded) -> None:
        """Add an event to its incident's chain."""
        prev = self._one(LAST_HASH, incident).get("hash", GENESIS)
        row = {
            "incident": incident,
            "seq": recorded.seq,
            "id": event_id,
            "at": recorded.at.isoformat(),
            "actor": codec.encode(recorded.actor),
            "kind": type(recorded.event).__name__,
            "body": codec.encode(recorded.event),
            "prev": prev,
        }
        self._db.conn.execute(ADD_EVENT, (*row.values(), _hash(row)))

    def incident_of_event(self, event_id: str) -> str | None:
        """Return the incident that has recorded this event id, or None."""
        return self._one(INCIDENT_OF_EVENT, event_id).get("incident")

    def events(self, incident: str) -> tuple[Recorded, ...]:
        """Return an incident's events in order."""
        return tuple(
            Recorded(
                seq=row["seq"],
                at=datetime.fromisoformat(row["at"]),
                actor=codec.decode_actor(row["actor"]),
                event=codec.decode_event(row["kind"], row["body"]),
            )
            for row in self._all(EVENTS_OF, incident)
        )

    def keep_run(self, run: Run) -> None:
        """Store a run's snapshot."""
        values = {
            "incident": run.id,
            "number": number_of(run.id),
            "system": run.system,
            "channel": run.channel,
            "state": run.state,
            "ended": int(run.ended),
            "snapshot": codec.snapshot(run),
        }
        self._db.conn.execute(KEEP_RUN, values)

    def run(self, incident: str) -> Run | None:
        """Return a run, or None."""
        row = self._one(RUN, incident)
        return codec.decode_run(row["snapshot"]) if row else None

    def runs(self, *, ended: bool) -> tuple[Run, ...]:
        """Return the open runs, and with `ended` all, oldest first."""
        return tuple(codec.decode_run(row["snapshot"]) for row in self._all(RUNS, ended))

    def unreviewed(self, system: str) -> tuple[Run, ...]:
        """Return the runs of a system whose emergency nobody has reviewed yet, oldest first."""
        return tuple(codec.decode_run(row["snapshot"]) for row in self._all(UNREVIEWED, system))

    def open_on(self, system: str) -> str | None:
        """Return the incident that is open on a system, or None."""
        return self._one(OPEN_ON, system).get("incident")

    def of_channel(self, channel: str) -> str | None:
        """Return the newest incident of a channel, or None."""
        return self._one(OF_CHANNEL, channel).get("incident")

    def next_id(self) -> str:
        """Return the id of the next incident."""
        return f"INC-{self._one(NEXT_NUMBER)['number']}"

    def queue(self, incident: str, command: Command, due: datetime) -> None:
        """Queue a command."""
        row = (incident, type(command).__name__, codec.encode(command), due.timestamp())
        self._db.conn.execute(QUEUE, row)

    def due(self, now: float) -> tuple[Queued, ...]:
        """Return the commands that are due, without those that can't be read."""
        found = (self._queued(row) for row in self._all(DUE, now))
        return tuple(queued for queued in found if queued is not None)

    def _queued(self, row: Mapping[str, Any]) -> Queued | None:
        """Read a command; one that a newer version queued must not keep the others waiting."""
        number = row["id"]
        try:
            command = codec.decode_command(row["kind"], row["body"])
        except (codec.CodecError, ValueError):
            if number not in self._unreadable:
                log.exception("command %s of %s stays queued", number, row["incident"])
                self._unreadable.add(number)
            return None
        return Queued(
            id=number,
            incident=row["incident"],
            command=command,
            tries=row["tries"],
            due=row["due"],
        )

    def next_due(self, now: float) -> float | None:
        """Return when the next command after now is due, or None."""
        due: float | None = self._one(NEXT_DUE, now).get("due")
        return due

    def finish(self, queued: Queued) -> bool:
        """Take a command off the queue; say whether it was there."""
        return self._db.conn.execute(FINISH, (queued.id,)).rowcount == 1

    def postpone(self, command: int, due: float) -> None:
        """Put a command off."""
        self._db.conn.execute(POSTPONE, (due, command))

    def delivery(self, key: str) -> Delivery | None:
        """Return where a keyed message went, or None."""
        row = self._one(DELIVERY, key)
        return Delivery(**row) if row else None

    def keep_delivery(self, delivery: Delivery) -> None:
        """Remember where a keyed message went."""
        self._db.conn.execute(KEEP_DELIVERY, (delivery.key, delivery.channel, delivery.ts))

    def incidents(self) -> tuple[str, ...]:
        """Return the ids of all incidents, oldest first."""
        return tuple(row["incident"] for row in self._all(INCIDENTS))

    def export(self, incident: str) -> Iterator[str]:
        """Yield an incident's events as JSON lines."""
        for row in self._all(EVENTS_OF, incident):
            row["actor"], row["body"] = json.loads(row["actor"]), json.loads(row["body"])
            yield canonical(row)

    def verify(self, incident: str) -> Break | None:
        """Return the first place where an incident's record is not whole, or None.

        The chain must hold, and the events must fold to the stored run.
        """
        with self._one_moment():
            return self._broken(incident)

    def _broken(self, incident: str) -> Break | None:
        broken = self._broken_link(incident)
        if broken is not None:
            return broken
        run, history = self.run(incident), self.events(incident)
        if run is None or codec.encode(replay(history)) == codec.encode(run):
            return None
        return Break(incident=incident, seq=run.seq, why="its events fold to another state")

    def _broken_link(self, incident: str) -> Break | None:
        prev = GENESIS
        for expected, row in enumerate(self._all(EVENTS_OF, incident), start=1):
            stored = row.pop("hash")
            if row["seq"] != expected:
                return Break(incident=incident, seq=expected, why="an event is missing")
            if row["prev"] != prev:
                return Break(incident=incident, seq=expected, why="it does not follow the last one")
            if _hash(row) != stored:
                return Break(incident=incident, seq=expected, why="its content was changed")
            prev = stored
        return None


def _hash(row: Mapping[str, Any]) -> str:
    return sha256(canonical(row).encode()).hexdigest()


def number_of(incident: str) -> int:
    """Return the number in an incident's id."""
    return int(incident.removeprefix("INC-"))
