"""The journal in SQLite, through sqlite-utils; what it shares with PostgreSQL is in `flows.tables`.

Append-only events with a hash chain an incident, the snapshots that they fold to, the commands
that wait, and where keyed messages went.  `flows.embedded` writes it, `backout audit` and
`backout show` read it beside the running bot, as Datasette can.
"""

import logging
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from flows import codec, migrating
from flows.commands import Command
from flows.engine import AwayError, JournalError, Queued
from flows.runs import Run
from flows.tables import Tables

log = logging.getLogger(__name__)
FILE = "journal.db"
KEEP_RUN = """
INSERT INTO runs VALUES (:incident, :number, :system, :channel, :state, :ended, :snapshot)
ON CONFLICT (incident) DO UPDATE SET
    channel = :channel, state = :state, ended = :ended, snapshot = :snapshot
"""
RUN = "SELECT snapshot FROM runs WHERE incident = ?"
RUNS = "SELECT snapshot FROM runs WHERE NOT ended OR ? ORDER BY number"
UNREVIEWED = """
SELECT snapshot FROM runs WHERE system = ? AND json_extract(snapshot, '$.debt') IS NOT NULL
    AND json_extract(snapshot, '$.debt.paid_at') IS NULL ORDER BY number
"""
QUEUE = "INSERT INTO commands (incident, kind, body, due) VALUES (?, ?, ?, ?)"
DUE = "SELECT * FROM commands WHERE due <= ? ORDER BY due, id"
NEXT_DUE = "SELECT min(due) AS due FROM commands WHERE due > ?"
FINISH = "DELETE FROM commands WHERE id = ?"
DROP = "DELETE FROM commands WHERE incident = ?"
POSTPONE = "UPDATE commands SET due = ?, tries = tries + 1 WHERE id = ?"
HASTEN = "UPDATE commands SET due = ? WHERE due > ? AND kind <> 'SetTimer'"


class Journal(Tables):
    """One SQLite file.  Not thread-safe: used from the event loop's thread only."""

    mark = "?"

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

    @staticmethod
    def copy(folder: Path, file: Path) -> None:
        """Copy the journal of a data folder into a new file, whole, beside a running bot.

        Raises `JournalError` where there is none, and for a file that is there already.
        """
        if file.exists():
            raise JournalError(f"{file} is there already, and a backup is never replaced")
        source = Journal.read(folder)
        partial = file.with_name(f"{file.name}.partial")
        partial.unlink(missing_ok=True)
        try:
            target = Database(partial, execute_plugins=False)
            source._db.conn.backup(target.conn)
            target.conn.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, no other
            target.close()
            partial.rename(file)
        finally:
            partial.unlink(missing_ok=True)
            source.close()

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
        except sqlite3.OperationalError as error:
            self._db.conn.rollback()
            raise AwayError(
                f"the journal can't be written ({error}), and nothing was recorded: is there room "
                "on the disk of BACKOUT_DATA?"
            ) from error
        except BaseException:
            self._db.conn.rollback()
            raise

    def declaring(self) -> None:
        """Do nothing: a transaction has the whole journal for itself."""

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Have every look see the same moment, whatever a running bot writes meanwhile."""
        self._db.conn.execute("BEGIN")
        try:
            yield
        finally:
            self._db.conn.rollback()

    def _all(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return list(self._db.query(sql, values))

    def _do(self, sql: str, values: Any) -> None:
        self._db.conn.execute(sql, values)

    def _has_tombstones(self) -> bool:
        version: int = self._one("PRAGMA user_version")["user_version"]
        return version > 1

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

    def hasten(self, now: float) -> None:
        """Let nothing wait any longer but timers."""
        self._db.conn.execute(HASTEN, (now, now))

    def drop_commands(self, incident: str) -> None:
        """Take what waits for an incident off the queue."""
        self._do(DROP, (incident,))


def number_of(incident: str) -> int:
    """Return the number in an incident's id."""
    return int(incident.removeprefix("INC-"))
