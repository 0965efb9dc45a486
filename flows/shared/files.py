"""Files in the database that replicas share: what one keeps, every other has.

Implements `flows.files.Records`; made by `bot.stores`.  Each call opens a short connection of its
own: none is kept open for what is seldom asked, and calls from several threads never wait for one
another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, errors
from psycopg.rows import DictRow

from flows.engine import JournalError
from flows.files import FilesError, Held, Kept, proper
from flows.shared.connections import Line, place_of

PATIENCE = "SET LOCAL statement_timeout = '2min'"  # a large file on a slow way
PUT = "INSERT INTO files (name, content) VALUES (%s, %b) ON CONFLICT (name) DO NOTHING"
FIND = "SELECT sha256, octet_length(content) AS size FROM files WHERE name = %s"
READ = "SELECT content FROM files WHERE name = %s"
HOLD = f"{READ} FOR UPDATE"
REPLACE = """
INSERT INTO files (name, content) VALUES (%s, %b)
ON CONFLICT (name) DO UPDATE SET content = excluded.content, at = excluded.at
"""
BELOW = "SELECT name FROM files WHERE starts_with(name, %s) ORDER BY name"
REMOVE = "DELETE FROM files WHERE name = %s"


class TableFiles:
    """The files of one kind, such as `evidence`: their names in the table begin with it."""

    def __init__(self, url: str, kind: str) -> None:
        self._url = url
        self._kind = kind

    @property
    def place(self) -> str:
        """The database."""
        return f"the database {place_of(self._url)}"

    def put(self, name: str, content: bytes) -> bool:
        """Keep it where the name is free, and say whether it was."""
        with self._open() as connection:
            return connection.execute(PUT, (self._name(name), content)).rowcount == 1

    def find(self, name: str) -> Kept | None:
        """Return what is under a name, or None."""
        row = self._row(FIND, name)
        return None if row is None else Kept(name=name, sha256=row["sha256"], size=row["size"])

    def read(self, name: str) -> bytes | None:
        """Return the content, or None where there is none."""
        row = self._row(READ, name)
        return None if row is None else bytes(row["content"])

    def names(self, below: str = "") -> tuple[str, ...]:
        """Return the names below a folder, or all, sorted."""
        folder = self._name(below) if below else self._kind
        with self._open() as connection:
            rows = connection.execute(BELOW, (f"{folder}/",)).fetchall()
        return tuple(row["name"].removeprefix(f"{self._kind}/") for row in rows)

    @contextmanager
    def held(self, name: str) -> Iterator[Held]:
        """Lend a file to one at a time, of all replicas: its row is locked."""
        with self._open() as connection:
            row = connection.execute(HOLD, (self._name(name),), binary=True).fetchone()
            held = Held(content=None if row is None else bytes(row["content"]))
            yield held
            if held.after is not None:
                connection.execute(REPLACE, (self._name(name), held.after))

    def remove(self, name: str) -> bool:
        """Forget a file, and say whether it was there."""
        with self._open() as connection:
            return connection.execute(REMOVE, (self._name(name),)).rowcount == 1

    def _name(self, name: str) -> str:
        return f"{self._kind}/{proper(name)}"

    def _row(self, sql: str, name: str) -> dict[str, Any] | None:
        with self._open() as connection:
            return connection.execute(sql, (self._name(name),), binary=True).fetchone()

    @contextmanager
    def _open(self) -> Iterator[Connection[DictRow]]:
        """Lend a connection for one transaction.  Raises `AwayError` where there is none."""
        line = Line(self._url)
        try:
            with line.transaction(), line.open() as connection:
                connection.execute(PATIENCE)
                yield connection
        except errors.UndefinedTable as error:
            raise JournalError(
                f"{self.place} has no table of files yet: run `backout migrate`"
            ) from error
        except psycopg.Error as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise FilesError(f"{self.place} refuses: {said[:200]}") from error
        finally:
            line.close()
