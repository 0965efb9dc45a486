"""The Web API endpoint: parse, log, apply faults, check access and limits, run the method.

Routed at `/api/{method}` by the server. Every call is kept in `Api.calls` with the times of its
arrival and of its effect, for assertions and benchmarks.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from sandbox.workspace.arguments import Arguments, parse
from sandbox.workspace.context import Context
from sandbox.workspace.faults import Fault, Faults
from sandbox.workspace.limits import Limits
from sandbox.workspace.methods import METHODS, Method
from sandbox.workspace.values import Json, SlackError

_STRUCTURES = ("blocks", "view", "metadata", "files", "attachments")


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of the app: `t` is its arrival, `done` its effect (seconds since the epoch)."""

    method: str
    args: Json
    t: float
    done: float = 0.0
    status: int = 0
    ok: bool = False
    error: str = ""

    def public(self) -> Json:
        """Return it for the control API."""
        return asdict(self)


class Api:
    """Answer Web API calls."""

    def __init__(self, ctx: Context, *, limits: Limits, faults: Faults) -> None:
        self.ctx = ctx
        self.limits = limits
        self.faults = faults
        self.calls: deque[Call] = deque(maxlen=100_000)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one call."""
        name = request.match_info["method"]
        try:
            args, token = await parse(request)
        except SlackError as error:
            return self._reply(error=error)
        call = Call(method=name, args=_readable(args), t=self.ctx.clock.now())
        self.calls.append(call)
        fault = self.faults.take(name, args.values)
        await self._pause(fault)
        response = self._faulty(fault) or self._run(name, args, token, call)
        call.done, call.status = self.ctx.clock.now(), response.status
        if fault is not None and (fault.drop or fault.lose_reply):
            call.error = call.error or ("dropped" if fault.drop else "")
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _pause(self, fault: Fault | None) -> None:
        delay = self.faults.delay_ms + (fault.delay_ms if fault else 0)
        if delay:
            await asyncio.sleep(delay / 1000)

    def _faulty(self, fault: Fault | None) -> web.Response | None:
        if fault is None:
            return None
        if fault.drop:
            return web.Response()
        if fault.retry_after:
            return self._reply(error=_limited(fault.retry_after))
        if fault.status:
            body = {"ok": False, "error": fault.error or "internal_error"}
            return web.json_response(body, status=fault.status)
        return self._reply(error=SlackError(fault.error)) if fault.error else None

    def _run(self, name: str, args: Arguments, token: str | None, call: Call) -> web.Response:
        try:
            method = METHODS.get(name)
            if method is None:
                raise SlackError("unknown_method", req_method=name)
            self._admit(method, args, token)
            body = method.run(self.ctx, args)
        except SlackError as error:
            call.error = error.code
            return self._reply(error=error)
        call.ok = True
        return self._reply(body={"ok": True, **body}, method=method)

    def _admit(self, method: Method, args: Arguments, token: str | None) -> None:
        if method.name != "api.test":
            self.ctx.access.check_token(token, app_level=method.app_level)
        if not method.app_level:
            self.ctx.access.need(method.scopes)
        wait = self.limits.wait(method.name, method.tier, args.text("channel"))
        if wait:
            raise _limited(wait)

    def _reply(
        self,
        *,
        body: Json | None = None,
        error: SlackError | None = None,
        method: Method | None = None,
    ) -> web.Response:
        headers = {"X-OAuth-Scopes": ",".join(sorted(self.ctx.access.scopes))}
        if method is not None:
            headers["X-Accepted-OAuth-Scopes"] = ",".join(sorted(method.scopes))
        if error is None:
            return web.json_response(body or {}, headers=headers)
        extra = dict(error.extra)
        wait = extra.pop("retry_after", 0)
        if wait:
            headers["Retry-After"] = str(wait)
        answer = {"ok": False, "error": error.code, **extra}
        return web.json_response(answer, status=429 if wait else 200, headers=headers)


def _limited(wait: int) -> SlackError:
    return SlackError("ratelimited", retry_after=wait)


def _readable(args: Arguments) -> Json:
    return {key: _structured(key, value) for key, value in args.values.items()}


def _structured(key: str, value: Any) -> Any:
    if key not in _STRUCTURES or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
