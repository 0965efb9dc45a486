"""A small service with accounts, sessions and tokens, as a journey meets one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import web

from tests.servers import served

PASSWORD = 'pass"word-of-synthetic'


@dataclass(slots=True)
class School:
    """`broken` maps a path to a status that it answers instead, or to `cut`."""

    url: str = ""
    accounts: set[str] = field(default_factory=set)
    sessions: dict[str, str] = field(default_factory=dict)
    broken: dict[str, int | str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    gone: int = 0

    @web.middleware
    async def note(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Keep the request, and break where the test says so."""
        self.requests.append(f"{request.method} {request.path}")
        broken = self.broken.get(request.path)
        if broken == "cut":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if isinstance(broken, int):
            return web.json_response({"error": await request.text()}, status=broken)
        return await handler(request)

    async def register(self, request: web.Request) -> web.Response:
        """Make an account once; show its password again, as no service should."""
        body = await request.json()
        if body["user"] in self.accounts or body["password"] != PASSWORD:
            return web.json_response({"user": body["user"]}, status=409)
        self.accounts.add(body["user"])
        return web.json_response({"id": f"u-{body['user']}", "echo": body}, status=201)

    async def log_in(self, request: web.Request) -> web.Response:
        """Open a session by form: a cookie and a token."""
        form = await request.post()
        if form["user"] not in self.accounts or form["password"] != PASSWORD:
            return web.json_response({"error": "no"}, status=401)
        token = uuid4().hex
        self.sessions[token] = str(form["user"])
        answer = web.json_response({"session": {"token": token, "expires": 60}})
        answer.set_cookie("session", token)
        return answer

    async def dashboard(self, request: web.Request) -> web.Response:
        """Answer who has both the cookie and the token."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.sessions or request.cookies.get("session") != token:
            return web.json_response({"error": "log in"}, status=401)
        user = self.sessions[token]
        return web.json_response({"student": {"name": user, "role": "synthetic", "courses": 3}})

    async def remove(self, request: web.Request) -> web.Response:
        """Remove an account."""
        self.accounts.discard(request.match_info["id"].removeprefix("u-"))
        self.gone += 1
        return web.Response(status=204)


@asynccontextmanager
async def opened() -> AsyncIterator[School]:
    """Serve while the block runs."""
    school = School()
    app = web.Application(middlewares=[school.note])
    app.router.add_post("/register", school.register)
    app.router.add_post("/login", school.log_in)
    app.router.add_get("/dashboard", school.dashboard)
    app.router.add_delete("/accounts/{id}", school.remove)
    async with served(app) as school.url:
        yield school


def journey(url: str, **changes: Any) -> dict[str, Any]:
    """Return registration, login and dashboard as a new test user each time."""
    user = "synthetic-${unique}"
    steps = [
        {
            "name": "register",
            "method": "POST",
            "url": f"{url}/register",
            "body": {"user": user, "password": "${password}"},
            "status": 201,
            "keep": {"account": "id"},
        },
        {
            "name": "log in",
            "method": "POST",
            "url": f"{url}/login",
            "form": {"user": user, "password": "${password}"},
            "keep": {"token": "session.token"},
        },
        {
            "name": "open the dashboard",
            "url": f"{url}/dashboard",
            "headers": {"Authorization": "Bearer ${token}"},
            "expect": {"student.role": "synthetic", "student.courses": 3, "student.name": user},
        },
    ]
    clear = {"name": "remove", "method": "DELETE", "url": f"{url}/accounts/${{account}}"}
    return {
        "journey": "registration",
        "identity": "tenant synthetic",
        "secrets": {"password": "env:PASSWORD"},
        "steps": steps,
        "cleanup": [{**clear, "status": 204}],
        **changes,
    }
