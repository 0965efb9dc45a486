"""yoyo's two backends, as Backout needs them.  Imported by `flows.migrating` when it is needed.

What they change: a lock dies with whoever holds it (yoyo's own row would outlive a killed
process), a data source may be all that libpq understands, what was applied can be looked at
without writing, and no name service is asked who is migrating.
"""

import socket
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from yoyo.backends.base import DatabaseBackend
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.backends.core.sqlite3 import SQLiteBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table as TABLE  # noqa: N812 a constant all along

from flows.migrating import MigrationError, UnreachableError
from flows.migrations import queues

SCHEMA = "backout"
LOCK = 7_190_214  # any number that nothing else in this database takes as its advisory lock
PATIENCE = "10s"
# What a server says that answers, and will say again: to wait for it does not help.
REFUSED = ("authentication failed", "does not exist", "pg_hba.conf", "permission denied")
NOTES = (TABLE, "_yoyo_log", "_yoyo_version")


class Backend(DatabaseBackend):  # type: ignore[misc]  # yoyo has no types
    """What both stores share."""

    def noted(self) -> bool:
        """Say whether it is noted here what was applied."""
        return TABLE in self.list_tables()

    def applied(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names of what was applied, oldest first; changes nothing."""
        if not self.noted():
            return tuple(names[: self.unnoted_version()])
        rows = self.execute(f"SELECT migration_id FROM {TABLE} ORDER BY migration_id")  # noqa: S608 a constant
        return tuple(row[0] for row in rows.fetchall())

    def unnoted_version(self) -> int:
        """Return the version of a store whose migrations were never noted."""
        return 0

    def prepare(self) -> None:
        """Make what the first migration stands on."""

    def clear(self) -> None:
        """Remove the notes, once there is nothing to note."""
        for table in NOTES:
            self.execute(f"DROP TABLE IF EXISTS {table}")

    def queue_missing(self) -> tuple[str, ...]:
        """Return the changes that the queue's tables lack."""
        return ()

    def queue_bring(self) -> None:
        """Make the queue's tables, or bring them up to date."""

    def queue_remove(self) -> None:
        """Drop the queue's tables."""

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> dict[str, Any]:
        """Say what was done, when, and on which machine."""
        return {
            "id": str(uuid.uuid4()),
            "migration_id": migration.id,
            "migration_hash": migration.hash,
            "username": "backout",
            "hostname": socket.gethostname(),
            "created_at_utc": datetime.now(UTC).replace(tzinfo=None),
            "operation": operation,
        }


class Sqlite(Backend, SQLiteBackend):  # type: ignore[misc]  # yoyo has no types
    """A SQLite file.  Whoever migrates it has the data folder for itself."""

    def __init__(self, path: str) -> None:
        super().__init__(DatabaseURI("sqlite", None, None, None, None, path, {}), TABLE)

    def connect(self, dburi: Any) -> sqlite3.Connection:
        """Connect to the path as it is, whatever characters it has."""
        return sqlite3.connect(
            dburi.database, isolation_level=None, detect_types=sqlite3.PARSE_DECLTYPES
        )

    def unnoted_version(self) -> int:
        """Return what the file itself says."""
        version: int = self.execute("PRAGMA user_version").fetchone()[0]
        return version

    def begin(self) -> None:
        """Take the write lock at once: a deferred one may fail in the middle."""
        self._in_transaction = True
        self.execute("BEGIN IMMEDIATE")

    @contextmanager
    def lock(self, timeout: int = 10) -> Iterator[None]:
        """Rely on whoever has the data folder."""
        yield


class Postgres(Backend, PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """A schema of its own in a PostgreSQL database."""

    def __init__(self, url: str) -> None:
        self._held = False
        super().__init__(DatabaseURI("postgresql", None, None, None, None, url, {}), TABLE)

    def connect(self, dburi: Any) -> Any:
        """Connect by what the configuration says."""
        return connected(dburi.database)

    def init_connection(self, connection: Any) -> None:
        """Keep what `connected` has set: a rollback does not undo it."""

    def list_tables(self, **kwargs: Any) -> list[str]:
        """List the tables of our schema, also where there is none yet."""
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = :schema"
        return [row[0] for row in self.execute(sql, {"schema": SCHEMA}).fetchall()]

    @contextmanager
    def lock(self, timeout: int = 10) -> Iterator[None]:
        """Let one process migrate at a time."""
        if self._held:
            yield
            return
        self.execute(f"SELECT pg_advisory_lock({LOCK})")
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self.execute(f"SELECT pg_advisory_unlock({LOCK})")

    def prepare(self) -> None:
        """Make our schema; where somebody has made it for us, no right to make one is needed."""
        sql = "SELECT 1 FROM pg_namespace WHERE nspname = :schema"
        if self.execute(sql, {"schema": SCHEMA}).fetchone() is None:
            self.execute(f"CREATE SCHEMA {SCHEMA}")

    def queue_missing(self) -> tuple[str, ...]:
        """Return the changes that the queue's tables lack."""
        there = "queue_versions" in self.list_tables()
        return queues.missing(self.connection) if there else queues.names()

    def queue_bring(self) -> None:
        """Make the queue's tables, or bring them up to date."""
        queues.bring(self.connection)

    def queue_remove(self) -> None:
        """Drop the queue's tables."""
        queues.remove(self.connection)


def connected(url: str) -> Any:
    """Return a connection to our schema that commits each statement."""
    import psycopg

    try:
        connection = psycopg.connect(
            url, autocommit=True, connect_timeout=10, application_name="backout migrate"
        )
    except psycopg.Error as error:
        raise _not_connected(error) from None
    connection.execute(f"SET search_path TO {SCHEMA}")
    connection.execute(f"SET lock_timeout TO '{PATIENCE}'")
    return connection


def _not_connected(error: Exception) -> MigrationError:
    """Say what libpq said last; what it says first may repeat parts of a mistyped address."""
    import psycopg

    if isinstance(error, psycopg.ProgrammingError):
        return MigrationError(
            "BACKOUT_DATABASE_URL is no address of a PostgreSQL database: write "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        )
    first, failed, last = str(error).strip().rpartition(" failed: ")
    why = last.splitlines()[0] if failed and first else type(error).__name__
    if why.startswith("FATAL") and any(word in why for word in REFUSED):
        return MigrationError(
            f"the database of BACKOUT_DATABASE_URL does not let Backout in: {why}. Correct the "
            "address, or the rights there"
        )
    return UnreachableError(f"the database of BACKOUT_DATABASE_URL is not reached: {why}")


@contextmanager
def told() -> Iterator[None]:
    """Turn what a driver says into a sentence.  Only PostgreSQL's errors where it is loaded."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise MigrationError(f"the journal can't be migrated: {error}") from error
    except Exception as error:
        sentence = _of_postgres(error)
        if sentence is None:
            raise
        raise sentence from error


def _of_postgres(error: Exception) -> MigrationError | None:
    try:
        from psycopg import Error, OperationalError, errors
    except ImportError:
        return None
    match error:
        case errors.LockNotAvailable():
            return MigrationError(
                f"somebody else holds the tables for longer than {PATIENCE}, perhaps another "
                "`backout migrate`: try again"
            )
        case OperationalError():
            return UnreachableError("the connection to the database broke: try again")
        case Error():
            return MigrationError(f"the database refuses the migration: {error}")
        case _:
            return None
