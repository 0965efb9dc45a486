"""A PostgreSQL for golden cases: statements are answered by name from what the case observed.

`postgres main roles` in `observed` holds the rows of the statement `roles` in the database `main`;
an object with `state` and `message` is the server's error, "cut" a lost connection.  A list under
`in turn` is answered one after the other.  What is asked for is kept with its values.
"""

import re
from collections.abc import Sequence
from typing import Any

import pytest

from adapters.postgres import drivers, statements
from adapters.postgres.drivers import ConnectError, LostError, Parameters, Row, ServerError
from tests.adapters.servers import Asked, ScriptedServer

Json = Any
SYSTEM = "7400000000000000001"
NAME = re.compile(r"/\* backout: (.+?) \*/", re.DOTALL)
QUIET = (statements.BEGIN_READ, statements.BEGIN_WRITE, statements.LIMITS.commented)
WHEN = "2026-11-21 11:00:00+00"
CONNECTIONS = {
    "main": {"dsn": "env:MAIN_DATABASE", "system_identifier": SYSTEM},
    "recovered": {"dsn": "env:RECOVERED_DATABASE", "hosts": ["*.restored.example"]},
}
SECRETS = {
    "MAIN_DATABASE": "postgresql://backout:database-secret@db.example:5432/main",
    "RECOVERED_DATABASE": "postgresql://backout:database-secret@db.example:5433/recovered",
}


class ScriptedWire:
    """Answers from a scripted server's observations."""

    def __init__(self, server: ScriptedServer, database: str) -> None:
        self._server = server
        self._database = database
        self.seconds = 10.0

    async def rows(
        self, text: str, values: Sequence[Any] | None = None, *, prepared: bool = False
    ) -> list[Row]:
        """Answer one statement."""
        if text in QUIET:
            return []
        named = NAME.match(text)
        name = named[1] if named else text
        line = f"postgres {self._database} {name}"
        found = self._server.observed.get(line)
        if name == "identity" and found is None:
            user, database = "backout", self._database
            return [(user, database, SYSTEM, 16384, False, 150018, WHEN)]
        self._server.asked.append(
            Asked(line=line, headers={}, body=list(values) if values else None)
        )
        if isinstance(found, dict) and "in turn" in found:
            turns = found["in turn"]
            found = turns.pop(0) if len(turns) > 1 else turns[0]
        if found == "cut":
            raise LostError("server closed the connection unexpectedly")
        if isinstance(found, dict):
            raise ServerError(found["state"], found["message"])
        return [tuple(each) for each in found or []]

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def install(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """Let every database be this one; `postgres main connect` may hold why it is not there."""

    async def connect(parameters: Parameters) -> ScriptedWire:
        database = str(parameters["dbname"])
        if why := server.observed.get(f"postgres {database} connect"):
            raise ConnectError(why)
        return ScriptedWire(server, database)

    monkeypatch.setattr(drivers, "connect", connect)
