"""The workspace as one object: wires the parts, listens on loopback, stops cleanly.

`python -m sandbox` and the scenario tests start it. `app` exists from the constructor on, so
that the estate can add its own routes before `start()`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.workspace import responses
from sandbox.workspace.access import SIGNING_SECRET, Access
from sandbox.workspace.api import Api
from sandbox.workspace.context import Context
from sandbox.workspace.control import Control
from sandbox.workspace.delivery import RETRY_SECONDS, Delivery
from sandbox.workspace.events import Events
from sandbox.workspace.faults import Faults
from sandbox.workspace.feed import Feed
from sandbox.workspace.guard import guard, harden
from sandbox.workspace.limits import Limits
from sandbox.workspace.methods.extras import file_type
from sandbox.workspace.models import BOT_USER, User
from sandbox.workspace.page import Page
from sandbox.workspace.people import bot_user, default_channels, default_groups, default_people
from sandbox.workspace.requests import Requests
from sandbox.workspace.sockets import Sockets
from sandbox.workspace.store import Store
from sandbox.workspace.triggers import Triggers
from sandbox.workspace.values import Clock, Json

HOST = "127.0.0.1"
UPLOAD_BYTES = 32 * 1024 * 1024
CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a workspace behaves; the defaults are Slack's."""

    request_url: str = ""
    rate_limits: bool = True
    manifest: Json | None = None
    retry_seconds: Sequence[float] = field(default=RETRY_SECONDS)


class Workspace:
    """A Slack workspace on 127.0.0.1; `speed` 10 lets its clocks run ten times as fast.

    `wall` is the time of day that messages carry.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        speed: float = 1.0,
        wall: Callable[[], float] = time.time,
        people: Sequence[User] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._port = port
        self._settings = settings or Settings()
        self._runner: web.AppRunner | None = None
        clock = Clock(speed=speed, wall=wall)
        self.sockets = Sockets(clock=clock)
        self.http = Requests(clock=clock, secret=SIGNING_SECRET)
        self.context = self._wire(clock)
        self._populate(people)
        self.api = Api(
            self.context,
            limits=Limits(clock=clock, enabled=self._settings.rate_limits),
            faults=Faults(),
        )
        self.control = Control(self.context, api=self.api, http=self.http)
        self.app = self._application()

    @property
    def url(self) -> str:
        """Return the address of the browser page, with a slash at its end."""
        return self.context.base_url

    @property
    def api_url(self) -> str:
        """Return the base address of the Web API, with a slash at its end."""
        return f"{self.url}api/"

    async def start(self) -> None:
        """Listen; `url` is known from here on."""
        self._runner = web.AppRunner(self.app, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.context.base_url = f"http://{HOST}:{port}/"
        self.context.triggers.base_url = self.context.base_url

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        await self.context.delivery.stop()
        self.context.store.feed.close()
        await self.sockets.close()
        await self.http.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Workspace:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    def _wire(self, clock: Clock) -> Context:
        access = Access()
        if self._settings.manifest is not None:
            access.install(self._settings.manifest)
        store = Store(clock=clock, feed=Feed())
        delivery = Delivery(
            clock=clock,
            sockets=self.sockets,
            http=self.http,
            retry_seconds=self._settings.retry_seconds,
        )
        delivery.use_http = bool(self._settings.request_url)
        self.http.url = self._settings.request_url
        return Context(
            clock=clock,
            store=store,
            access=access,
            delivery=delivery,
            events=Events(store=store, access=access, delivery=delivery),
            sockets=self.sockets,
            triggers=Triggers(clock=clock),
        )

    def _populate(self, people: Sequence[User] | None) -> None:
        users = list(people) if people is not None else default_people()
        if not any(user.id == BOT_USER for user in users):
            users.append(bot_user())
        self.context.store.fill(users, default_channels(users), default_groups())

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[guard], client_max_size=UPLOAD_BYTES)
        app[CONTEXT] = self.context
        app.on_response_prepare.append(harden)
        app.router.add_route("*", "/api/{method}", self.api.handle)
        app.router.add_get("/link/", self.sockets.handle)
        app.router.add_post("/response/{key}", self._respond)
        app.router.add_post("/upload/{file}", self._upload)
        app.router.add_get("/files/{file}", self._download)
        app.router.add_post("/control/{act}", self.control.act)
        app.router.add_get("/control/{what}", self.control.read)
        Page(self.context).add_routes(app)
        return app

    async def _respond(self, request: web.Request) -> web.Response:
        return await responses.handle(self.context, request)

    async def _upload(self, request: web.Request) -> web.Response:
        upload = self.context.uploads.get(request.match_info["file"])
        body = await request.read()
        if upload is None or len(body) != upload["length"]:
            return web.Response(status=400, text="unknown upload, or not the announced length")
        upload["body"] = body
        return web.Response(text=f"OK - {len(body)}")

    async def _download(self, request: web.Request) -> web.Response:
        upload = self.context.uploads.get(request.match_info["file"])
        if upload is None or upload["body"] is None:
            return web.Response(status=404)
        return web.Response(
            body=upload["body"],
            content_type=file_type(upload["body"]),
            headers={"Content-Disposition": "attachment"},
        )
