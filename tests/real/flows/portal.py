"""The school's public API as far as the six critical journeys use it; it forgets what is removed.

What is asked here is what service.yaml proposes: the document gives no address and no answer.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.servers import served

STUDENT, TEACHER, PASSWORD = "student@school.test", "teacher@school.test", "correct-horse-battery"
ROLES = {STUDENT: "student", TEACHER: "teacher"}
Json = Any


class Portal:
    """Who is logged in, and what is there now; `made` counts what there ever was."""

    def __init__(self) -> None:
        self.url = ""
        self.things: dict[str, Json] = {}
        self.made: list[str] = []
        self.refunded: list[str] = []
        self.broken = ""
        self._sessions: dict[str, str] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""
        return [
            web.post("/v1/sessions", self._log_in),
            web.post("/v1/registrations", self._register),
            web.get("/v1/users/{id}", self._user),
            web.get("/v1/dashboard", self._page),
            web.get("/v1/gradebook", self._page),
            web.post("/v1/assessments/synthetic/submissions", self._submit),
            web.post("/v1/payments", self._pay),
            web.post("/v1/payments/{id}/refund", self._refund),
            web.get("/v1/{kind}/{id}", self._thing),
            web.delete("/v1/{kind}/{id}", self._remove),
        ]

    async def _log_in(self, request: web.Request) -> web.Response:
        said = await request.json()
        if said["email"] not in ROLES or said["password"] != PASSWORD:
            return _answer({"error": "unknown"}, 401)
        return self._let_in(said["email"])

    async def _register(self, request: web.Request) -> web.Response:
        email = str((await request.json())["email"])
        made = self._make("user", {"status": "active", "email": email})
        return self._let_in(email, id=made)

    async def _user(self, request: web.Request) -> web.Response:
        who = self._who(request)
        if request.match_info["id"] == "me":
            return _answer({"email": who})
        return await self._thing(request)

    async def _page(self, request: web.Request) -> web.Response:
        if self.broken and self.broken in request.path:
            return _answer({"error": "it broke"}, 500)
        return _answer({"role": ROLES[self._who(request)]})

    async def _submit(self, request: web.Request) -> web.Response:
        self._who(request)
        return _answer({"id": self._make("submission", {"status": "received"})}, 201)

    async def _pay(self, request: web.Request) -> web.Response:
        self._who(request)
        assert (await request.json())["method"] == "test", "nobody's money"
        return _answer({"id": self._make("payment", {"status": "succeeded"})}, 201)

    async def _refund(self, request: web.Request) -> web.Response:
        self._who(request)
        self.refunded.append(request.match_info["id"])
        self.things.pop(request.match_info["id"])
        return _answer({}, 201)

    async def _thing(self, request: web.Request) -> web.Response:
        self._who(request)
        return _answer(self.things[request.match_info["id"]])

    async def _remove(self, request: web.Request) -> web.Response:
        self._who(request)
        self.things.pop(request.match_info["id"])
        return web.Response(status=204)

    def _make(self, kind: str, thing: Mapping[str, str]) -> str:
        name = f"{kind}-{secrets.token_hex(4)}"
        self.things[name] = dict(thing)
        self.made.append(kind)
        return name

    def _let_in(self, email: str, **more: str) -> web.Response:
        token = secrets.token_hex(8)
        self._sessions[token] = email
        return _answer({"token": token, **more}, 201)

    def _who(self, request: web.Request) -> str:
        return self._sessions[request.headers["Authorization"].removeprefix("Bearer ")]


def _answer(body: Json, status: int = 200) -> web.Response:
    return web.json_response(body, status=status)


@asynccontextmanager
async def opened() -> AsyncIterator[Portal]:
    """Serve it on the loopback while the block runs."""
    found = Portal()
    app = web.Application()
    app.add_routes(found.routes())
    async with served(app) as found.url:
        yield found
