"""A Redis for golden cases: commands are answered from what the case observed.

`redis DBSIZE` in `observed` holds the answer of a command; `{"in turn": […]}` are answers one after
the other, `{"refused": "NOPERM …"}` is an error, "cut" a lost connection.
"""

from typing import Any

import pytest

from adapters.redis import drivers
from adapters.redis.drivers import LostError, RefusedError
from tests.adapters.servers import Asked, ScriptedServer

Json = Any
CONNECTIONS = {"main": {"url": "env:MAIN_CACHE"}}
SECRETS = {"MAIN_CACHE": "rediss://:cache-secret@cache.example:6379/0"}


class ScriptedLine:
    """Answers from a scripted server's observations."""

    def __init__(self, server: ScriptedServer, number: int) -> None:
        self._server = server
        self.number = number

    async def send(self, *words: str | int) -> Json:
        """Answer one command."""
        line = f"redis {' '.join(map(str, words))}"
        self._server.asked.append(Asked(line=line, headers={}, body=None))
        found = self._server.observed.get(line)
        if isinstance(found, dict) and "in turn" in found:
            turns = found["in turn"]
            found = turns.pop(0) if len(turns) > 1 else turns[0]
        if found == "cut":
            raise LostError("Connection closed by server.")
        if isinstance(found, dict):
            raise RefusedError(found["refused"])
        return found

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def install(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> None:
    """Let every cache be this one; `redis connect` may hold why it is not there."""

    async def connect(url: str, *, number: int | None, authority: str | None) -> ScriptedLine:
        if why := server.observed.get("redis connect"):
            raise LostError(why)
        return ScriptedLine(server, number or 0)

    monkeypatch.setattr(drivers, "connect", connect)
