"""How a replica reaches its database: quickly, or not at all.

A connection that is half dead must be found out within seconds, because others take over what this
replica was doing; and one that holds a run's lock while its process is frozen is ended by the
server itself.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import Connection, conninfo, errors
from psycopg.rows import DictRow, dict_row

from flows.engine import AwayError

SCHEMA = "backout"
LOST = (psycopg.OperationalError, psycopg.InterfaceError)
AGAIN_AFTER = 0.5
ON_THE_WIRE: dict[str, Any] = {
    "application_name": "backout",
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 3,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 4_000,
}
IN_THE_SESSION = {
    "search_path": SCHEMA,
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "synchronous_commit": "on",
}


def conninfo_of(url: str) -> str:
    """Return what libpq takes: the address as given, and what every connection of ours needs."""
    given = conninfo.conninfo_to_dict(url)
    session = " ".join(f"-c {name}={value}" for name, value in IN_THE_SESSION.items())
    options = f"{given.pop('options', '') or ''} {session}".strip()
    return conninfo.make_conninfo("", **(ON_THE_WIRE | given), options=options)


def place_of(url: str) -> str:
    """Return where a database is, without who logs in and how."""
    given = conninfo.conninfo_to_dict(url)
    return f"{given.get('host', 'localhost')}:{given.get('port', 5432)}/{given.get('dbname', '')}"


class SlowError(AwayError):
    """The database answers, but too slowly."""


class Line:
    """One connection of one thread, made anew where it was lost.

    Raises `AwayError` for a database that does not answer: at once while it is known to be away,
    so that whoever waits for it here delays nobody else for long.
    """

    def __init__(self, url: str) -> None:
        self.place = place_of(url)
        self._conninfo = conninfo_of(url)
        self._connection: Connection[DictRow] | None = None
        self._within = False
        self._not_before = 0.0
        self.reconnects = 0

    @contextmanager
    def open(self) -> Iterator[Connection[DictRow]]:
        """Lend the connection; a database that is lost meanwhile is an `AwayError`."""
        connection = self._live()
        try:
            yield connection
        except (errors.QueryCanceled, errors.LockNotAvailable) as error:
            raise SlowError(f"the database {self.place} is too slow: {_first(error)}") from error
        except LOST as error:
            self.drop()
            raise self._away(_first(error)) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is done on the connection within, or nothing."""
        with self.open() as connection, connection.transaction():
            self._within = True
            try:
                yield
            finally:
                self._within = False

    def suspend(self, seconds: float) -> None:
        """Do not try for a while: somebody else has found the database away."""
        self._not_before = time.monotonic() + seconds

    def resume(self) -> None:
        """Try again at the next chance: somebody else has reached the database."""
        self._not_before = 0.0

    def _live(self) -> Connection[DictRow]:
        is_open = self._connection is not None and not self._connection.closed
        if self._within and not is_open:
            raise self._away("the connection was lost within a transaction")
        if time.monotonic() < self._not_before:
            raise self._away("it is away")
        if self._connection is None or not is_open:
            self._connect()
        assert self._connection is not None
        return self._connection

    def _connect(self) -> None:
        self.reconnects += self._connection is not None
        try:
            self._connection = psycopg.connect(
                self._conninfo, autocommit=True, row_factory=dict_row
            )
        except psycopg.Error as error:
            self.suspend(AGAIN_AFTER)
            raise self._away(_first(error)) from error

    def _away(self, why: str) -> AwayError:
        return AwayError(f"the database {self.place} does not answer ({why}); Backout keeps trying")

    def drop(self) -> None:
        """Leave a connection that is of no use any more."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()

    def close(self) -> None:
        """Close it for good."""
        self.drop()
        self._connection = None


def _first(error: Exception) -> str:
    """Return the first line of what libpq says: it names no password."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
