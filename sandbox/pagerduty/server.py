"""PagerDuty as one object: its servers' doors on one TLS port, its desk, and its webhooks.

`sandbox.world` starts it beside the workspace and the estate; tests start it alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox.pagerduty import certificates, events
from sandbox.pagerduty.accounts import ROUTING_KEY
from sandbox.pagerduty.incidents import Desk
from sandbox.pagerduty.rest import Rest
from sandbox.pagerduty.webhooks import PAUSES, Webhooks
from sandbox.wall import Wall

EVENTS_A_MINUTE = 120


class PagerDuty:
    """An account of PagerDuty on 127.0.0.1.  `url` serves Events v2 and REST alike."""

    def __init__(
        self,
        *,
        data: Path,
        wall: Wall | None = None,
        webhook: str = "",
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._data = data
        self._runner: web.AppRunner | None = None
        self.wall = wall or Wall()
        self.webhooks = Webhooks(webhook, pauses)
        self.desk = Desk(self.wall, self.webhooks.tell)
        self.rest = Rest(self.desk)
        self.allowance = events.Allowance(EVENTS_A_MINUTE)
        self.url = ""
        self.authority = data / "authority.crt"

    async def start(self) -> None:
        """Listen on a free port; `url` is known from here on."""
        self.authority, tls = certificates.make(self._data)
        site = web.Application(client_max_size=2 * events.MOST_BYTES)
        site.router.add_post("/v2/enqueue", self._enqueue)
        site.add_routes(self.rest.routes())
        self._runner = web.AppRunner(site, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening and telling; safe to call twice."""
        await self.webhooks.stop()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> PagerDuty:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    async def _enqueue(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return _invalid(["Content-Type must be application/json"])
        body = await request.read()
        if len(body) > events.MOST_BYTES:
            return web.json_response(_said("request too large", "Event is too large"), status=413)
        try:
            event: Any = json.loads(body)
        except ValueError:
            return _invalid(["the body is not JSON"])
        if found := events.problems(event):
            return _invalid(found)
        if left := self.allowance.wait():
            said = _said("throttle exceeded", f"Requests for {ROUTING_KEY[:4]}… come too often")
            headers = {"Retry-After": str(int(left) + 1)}
            return web.json_response(said, status=429, headers=headers)
        done = _said("success", "Event processed") | {"dedup_key": self.desk.take(event)}
        return web.json_response(done, status=202)


def _said(status: str, message: str) -> dict[str, Any]:
    return {"status": status, "message": message}


def _invalid(errors: list[str]) -> web.Response:
    said = _said("invalid event", "Event object is invalid")
    return web.json_response(said | {"errors": errors}, status=400)
