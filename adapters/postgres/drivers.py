"""The wire to one PostgreSQL: the only module that knows psycopg.

Called by `sessions`.  Every call is bounded from this side, too: a server that is silent ends with
its socket, because a statement's own limit is kept by nobody but the server.
"""

import asyncio
import contextlib
import importlib
import os
import socket
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from flows.actions import PermanentError

Row = tuple[Any, ...]
Parameters = Mapping[str, str | int]
T = TypeVar("T")

CONNECT_SECONDS = 5
PATIENCE = 3.0
"""Seconds beyond a statement's own limit until the server counts as silent."""
# A peer that went away without a word is noticed in 15 s.
KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3}


class ServerError(Exception):
    """The server answered with an error.  `state` is its SQLSTATE."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


class LostError(Exception):
    """The connection broke, or there was no answer in time."""


class ConnectError(Exception):
    """There was no connection to begin with."""


class Wire:
    """One connection.  `seconds` is how long the server itself lets a statement run."""

    def __init__(self, connection: Any, psycopg: Any) -> None:
        self._connection = connection
        self._psycopg = psycopg
        self.seconds = 10.0

    async def rows(
        self, text: str, values: Sequence[Any] | None = None, *, prepared: bool = False
    ) -> list[Row]:
        """Run a statement and return its rows.

        With `prepared` the text can't hold more than one statement.  Raises `ServerError` and
        `LostError`.
        """
        return await self._bounded(self._rows(text, values, prepared))

    async def _rows(self, text: str, values: Sequence[Any] | None, prepared: bool) -> list[Row]:
        try:
            done = await self._connection.execute(text, values, prepare=prepared or None)
            return list(await done.fetchall()) if done.description else []
        except self._psycopg.Error as error:
            if error.sqlstate:
                message = error.diag.message_primary or str(error)
                raise ServerError(error.sqlstate, message) from error
            raise LostError(_first_line(error)) from error

    async def _bounded(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for it; where nobody waits any more, cut the connection instead of the coroutine.

        Cancelling it would make psycopg talk to the server once more.
        """
        task = asyncio.ensure_future(work)
        seconds = self.seconds + PATIENCE
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            await self._cut(task)
            raise
        if not done:
            await self._cut(task)
            raise LostError(f"no answer within {seconds:g} s")
        return task.result()

    async def _cut(self, task: "asyncio.Future[Any]") -> None:
        with contextlib.suppress(OSError, self._psycopg.Error):
            handle = os.dup(self._connection.fileno())
            with socket.socket(fileno=handle) as line:
                line.shutdown(socket.SHUT_RDWR)
        await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Close it; what was not committed is not kept."""
        await self._connection.close()


async def connect(parameters: Parameters) -> Wire:
    """Connect.  Raises `ConnectError` in libpq's words, which name no password."""
    psycopg = await _load()
    # A DSN may set its own keepalives; how long we wait is ours to say.
    settings = {**KEEPALIVES, **parameters, "connect_timeout": CONNECT_SECONDS}
    try:
        connection = await psycopg.AsyncConnection.connect(**settings, autocommit=True)
    except psycopg.Error as error:
        raise ConnectError(_first_line(error)) from None
    return Wire(connection, psycopg)


async def parsed(dsn: str) -> dict[str, str]:
    """Return a DSN's parts; raise `ValueError`, without a word of it, where it is none."""
    psycopg = await _load()
    try:
        parts: dict[str, str] = psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.Error:
        raise ValueError("no libpq URI") from None
    return parts


async def _load() -> Any:
    try:
        return await asyncio.to_thread(importlib.import_module, "psycopg")
    except ImportError as error:
        raise PermanentError(
            "PostgreSQL's driver is not installed: pip install 'backout[postgres]'."
        ) from error


def _first_line(error: Exception) -> str:
    lines = [each.strip() for each in str(error).splitlines() if each.strip()]
    return lines[0] if lines else type(error).__name__
