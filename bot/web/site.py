"""The web server: health and metrics for whoever watches, `/slack/events` in HTTP mode.

Made by `bot.wiring`; webhooks add their own paths.  It stays up while the bot drains, so that
whoever asks learns that it does.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import cache

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from slack_bolt.adapter.aiohttp import to_aiohttp_response

from bot.slack.entrance import Entrance
from bot.web import bodies
from bot.web.health import Health, Part

EVENTS_PATH = "/slack/events"
MOST_BYTES = 1024 * 1024
IDLE = 30.0
"""Seconds without a whole request, from the connection's first byte on, that end a connection."""

Page = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Makes the page of metrics for an Accept header: its bytes and their type."""


class ListenError(Exception):
    """The address can't be listened on.  The message says what to do."""


class Site:
    """What is served."""

    def __init__(self, health: Health, page: Page | None = None) -> None:
        self._health = health
        self._page = page
        self.app = web.Application(client_max_size=MOST_BYTES)
        self.app.router.add_get("/healthz", self._healthz)
        self.app.router.add_get("/readyz", self._readyz)
        if page is not None:
            self.app.router.add_get("/metrics", self._metrics)

    def take_events(self, entrance: Entrance) -> None:
        """Let Slack deliver to `/slack/events`."""

        async def events(request: web.Request) -> web.Response:
            body = await bodies.read(request, MOST_BYTES)
            return await to_aiohttp_response(
                await entrance.posted(body, request.query_string, request.headers)
            )

        self.app.router.add_post(EVENTS_PATH, events)

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _answer("alive", await self._health.dead())

    async def _readyz(self, _request: web.Request) -> web.Response:
        return _answer("ready", await self._health.parts())

    async def _metrics(self, request: web.Request) -> web.Response:
        assert self._page is not None
        body, kind = await self._page(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": kind})


def _answer(said: str, parts: tuple[Part, ...]) -> web.Response:
    """Answer 200 where every part is well, else 503 with what is wrong."""
    wrong = [part for part in parts if not part.ok]
    body = {
        said: not wrong,
        "why": " ".join(f"{part.name}: {part.why}" for part in wrong),
        "parts": {part.name: {"ok": part.ok, "why": part.why} for part in parts},
    }
    return web.json_response(body, status=503 if wrong else 200)


class _OurFaults(logging.Filter):
    """Passes over what is no HTTP: anybody could fill the log with it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a record is about a fault of ours."""
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError)


@cache
def _quiet() -> logging.Logger:
    logger = logging.getLogger("bot.web.server")
    logger.addFilter(_OurFaults())
    return logger


async def serve(app: web.Application, *, host: str, port: int) -> web.AppRunner:
    """Listen; `await runner.cleanup()` ends it.  Raises `ListenError`."""
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=IDLE, logger=_quiet())
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ListenError(
            f"{host}:{port} can't be listened on ({error.strerror or error}): set BACKOUT_PORT "
            "and BACKOUT_HOST to an address of this machine that is free"
        ) from error
    return runner
