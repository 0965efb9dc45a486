"""A door to Slack for each replica: who called what, and which replica Slack is away for.

The workspace can't tell replicas apart, as Slack can't: they have the same token.  Each replica of
`tests.scenario.replicas.crew` gets an address of its own, which leads to the same workspace.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.workspace.arguments import parse
from sandbox.workspace.client import shown

Json = dict[str, Any]
KEPT = ("Authorization", "Content-Type", "User-Agent")
TOLD = ("Content-Type", "Retry-After", "X-OAuth-Scopes")


@dataclass(slots=True, kw_only=True)
class Called:
    """One call of a replica, in the order in which Slack answered."""

    replica: str
    method: str
    args: Json
    answered: bool = False

    @property
    def words(self) -> str:
        """All that it wanted to show."""
        return f"{self.args.get('text', '')}\n{shown(self.args.get('blocks') or [])}"


@dataclass(slots=True, kw_only=True)
class Doors:
    """All doors.  `shut` are the replicas for which Slack is away.

    What a replica calls of a `caught` method waits at the door until `let_go`.
    """

    slack: str
    called: list[Called] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)
    caught: dict[tuple[str, str], asyncio.Event] = field(default_factory=dict)
    waiting: list[Called] = field(default_factory=list)
    _url: str = ""
    _runner: web.AppRunner | None = None
    _session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Listen on a free port of the loopback."""
        self._session = aiohttp.ClientSession(trust_env=False)
        app = web.Application()
        app.router.add_route("*", "/{replica}/api/{method}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Listen no more."""
        for door in self.caught.values():
            door.set()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    def of(self, replica: str) -> str:
        """Return the address of Slack's API for a replica."""
        return f"{self._url}/{replica}/api/"

    def catch(self, replica: str, method: str) -> None:
        """Let a replica's calls of a method wait at the door."""
        self.caught[replica, method] = asyncio.Event()

    def let_go(self, replica: str, method: str) -> None:
        """Let them pass."""
        self.caught.pop((replica, method)).set()

    def by(self, method: str, replica: str = "") -> list[Called]:
        """Return the answered calls of a method, of one replica or all."""
        return [
            each
            for each in self.called
            if each.answered and each.method == method and replica in ("", each.replica)
        ]

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        replica, method = request.match_info["replica"], request.match_info["method"]
        if replica in self.shut:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        given, _ = await parse(request)
        args = {name: _structured(value) for name, value in given.values.items()}
        call = Called(replica=replica, method=method, args=args)
        if door := self.caught.get((replica, method)):
            self.waiting.append(call)
            await door.wait()
        assert self._session is not None
        headers = {name: request.headers[name] for name in KEPT if name in request.headers}
        async with self._session.request(
            request.method,
            f"{self.slack}{method}",
            params=request.query,
            data=await request.read(),
            headers=headers,
        ) as answer:
            body = await answer.read()
            self.called.append(call)
            call.answered = answer.status == 200
            told = {name: answer.headers[name] for name in TOLD if name in answer.headers}
            return web.Response(status=answer.status, body=body, headers=told)


def _structured(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
    except ValueError:
        return value
