"""Serve the browser page: its files, its first state, and its live feed.

The files are in `sandbox/page/`; the page acts through the control API. Routed by the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

from aiohttp import WSMsgType, web

from sandbox.workspace.context import Context
from sandbox.workspace.models import BOT_USER
from sandbox.workspace.values import Json

FILES = Path(__file__).resolve().parent.parent / "page"
BANNER = "Simulation: everything here runs on this machine and touches nothing real."
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_TYPES |= {".svg": "image/svg+xml", ".png": "image/png"}


class Page:
    """The page of one workspace."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def add_routes(self, app: web.Application) -> None:
        """Register the page's routes."""
        app.router.add_get("/", self.index)
        app.router.add_get("/archives/{channel}/{mark}", self.index)
        app.router.add_get("/page/boot", self.boot)
        app.router.add_get("/page/ws", self.live)
        app.router.add_get("/page/{name:[a-z0-9_./-]+}", self.file)

    async def index(self, _request: web.Request) -> web.StreamResponse:
        """Serve the page itself."""
        return _file("index.html")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Serve one of its files."""
        return _file(request.match_info["name"])

    async def boot(self, _request: web.Request) -> web.Response:
        """Return everything that the page needs to draw itself."""
        return web.json_response(self._state())

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Send the state, then every change, until the browser goes away."""
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        with self.ctx.store.feed.listen() as queue:
            await socket.send_str(json.dumps({"kind": "state", **self._state()}))
            sender = asyncio.create_task(_send(socket, queue))
            try:
                async for message in socket:
                    if message.type is WSMsgType.ERROR:
                        break
            finally:
                sender.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sender
        return socket

    def _state(self) -> Json:
        return {
            "banner": BANNER,
            "bot": BOT_USER,
            "app_name": self.ctx.access.app_name,
            "shortcuts": self.ctx.access.shortcuts,
            "commands": sorted(self.ctx.access.commands),
            **self.ctx.store.dump(),
        }


async def _send(socket: web.WebSocketResponse, queue: asyncio.Queue[Json | None]) -> None:
    with contextlib.suppress(ConnectionError):
        while (change := await queue.get()) is not None:
            await socket.send_str(json.dumps(change))
        await socket.close()


def _file(name: str) -> web.StreamResponse:
    path = (FILES / name).resolve()
    if not path.is_relative_to(FILES) or not path.is_file() or path.suffix not in _TYPES:
        return web.Response(status=404, text="no such file")
    response = web.FileResponse(path)
    response.content_type = _TYPES[path.suffix]
    response.headers["Cache-Control"] = "no-cache"
    return response
