"""Bad days on request: errors, delays, cut connections and lost replies of each server.

Tests and the page's control routes add them; `server` passes every request through `around`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web

from sandbox.estate.statuses import ApiStatusError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Target(StrEnum):
    """The servers that can have a bad day."""

    KUBERNETES = "kubernetes"
    PROMETHEUS = "prometheus"
    WEB = "web"
    STATUSPAGE = "statuspage"


class Effect(StrEnum):
    """What goes wrong."""

    STATUS = "status"  # answers with an error code
    DELAY = "delay"  # answers late
    DOWN = "down"  # cuts the connection without an answer
    LOST_REPLY = "lost_reply"  # does what was asked, then cuts the connection


@dataclass(slots=True, kw_only=True)
class Fault:
    """One kind of trouble; `times` counts down, `None` means until it is cleared."""

    target: Target
    effect: Effect
    status: int = 500
    delay: float = 0.0  # real seconds
    times: int | None = None
    method: str = "*"
    path: str = ""  # a part of the path
    headers: dict[str, str] = field(default_factory=dict)

    def covers(self, target: Target, request: web.Request) -> bool:
        """Tell whether this request is hit."""
        if self.target is not target or self.times == 0:
            return False
        return self.method in ("*", request.method) and self.path in request.path


class Faults:
    """The faults that hold now."""

    def __init__(self) -> None:
        self.active: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let a fault hold from now on."""
        self.active.append(fault)

    def reset(self) -> None:
        """Clear all faults."""
        self.active.clear()

    async def around(
        self, target: Target, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Answer a request, with the first fault that covers it."""
        fault = next((item for item in self.active if item.covers(target, request)), None)
        if fault is None:
            return await handler(request)
        if fault.times is not None:
            fault.times -= 1
        if fault.delay:
            await asyncio.sleep(fault.delay)
        match fault.effect:
            case Effect.STATUS:
                return _error(fault)
            case Effect.DELAY:
                return await handler(request)
            case Effect.LOST_REPLY:
                await handler(request)
                return _cut(request)
            case Effect.DOWN:
                return _cut(request)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


_REASONS = {
    429: ("TooManyRequests", "Too many requests, please try again later."),
    500: ("InternalError", "Internal error occurred: etcdserver: request timed out"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
}


def _error(fault: Fault) -> web.Response:
    reason, message = _REASONS.get(fault.status, ("", f"simulated error {fault.status}"))
    if fault.target is Target.KUBERNETES:
        body = ApiStatusError(fault.status, reason, message).body()
    elif fault.target is Target.PROMETHEUS:
        body = {"status": "error", "errorType": "internal", "error": message}
    else:
        body = {"error": message}
    return web.json_response(body, status=fault.status, headers=fault.headers)
