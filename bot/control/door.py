"""The door: HTTP over a Unix socket in the data folder, for the command line on this machine.

Opened by `bot.wiring` beside the running bot, whose journal nobody else can write.  It never
listens on a network.  Whoever comes in proves with a code who they are, and then the same rules
apply as in Slack.
"""

import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from pydantic import BaseModel, ValidationError

from bot.control.orders import LARGEST, RUNS, Answer, OpenRuns, Order, Word
from bot.control.performing import Orders
from flows.engine import AwayError

log = logging.getLogger(__name__)
PRIVATE = 0o600
NOT_PRIVATE = 0o177
CREDENTIALS = "3i"  # pid, uid and gid, as Linux gives them
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def opened(orders: Orders, path: Path) -> AsyncIterator[bool]:
    """Open the door at a path and close it at the end; yield whether that was possible.

    A bot without a door still does everything else, so what is in the way is only logged.
    """
    runner = web.AppRunner(application(orders), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        own = _bound(path)
    except OSError as error:
        log.warning("the command line can't reach this bot: %s: %s", path, error)
        await runner.cleanup()
        yield False
        return
    try:
        await web.SockSite(runner, own).start()
        yield True
    finally:
        await runner.cleanup()
        _unlinked(path)


def _bound(path: Path) -> socket.socket:
    """Return a socket at a path that nobody but this user can open, not even for a moment.

    What lies there is of a process that ended: this one holds the lock of the data folder.
    """
    _unlinked(path)
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(NOT_PRIVATE)
    try:
        own.bind(str(path))
        path.chmod(PRIVATE)
    except OSError:
        own.close()
        raise
    finally:
        os.umask(before)
    return own


def _unlinked(path: Path) -> None:
    path.unlink(missing_ok=True)


def application(orders: Orders) -> web.Application:
    """Return the web application behind the door."""

    async def runs(_: web.Request) -> web.Response:
        return _response(OpenRuns(runs=orders.open_runs()))

    def performing(word: Word) -> Handler:
        async def perform(request: web.Request) -> web.Response:
            order = Order.model_validate_json(await request.read())
            return _response(await orders.perform(word, order))

        return perform

    app = web.Application(client_max_size=LARGEST, middlewares=[_guarded])
    app.router.add_get(f"/{RUNS}", runs)
    for word in Word:
        app.router.add_post(f"/{word}", performing(word))
    return app


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only this user in, and answer what can't be read."""
    peer = peer_of(request)
    if peer is not None and peer != os.getuid():
        return _refused("run this as the user that the bot runs as", 403)
    try:
        return await handler(request)
    except ValidationError as error:
        places = sorted({str(each["loc"][0]) if each["loc"] else "it" for each in error.errors()})
        return _refused(f"the order can't be read, look at {', '.join(places)}", 400)
    except AwayError as error:
        return _refused(str(error), 503)
    except web.HTTPException as error:
        return _refused(error.reason, error.status)


def peer_of(request: web.Request) -> int | None:
    """Return the user id at the other end, or None where the system does not tell.

    Root could open the socket whatever its mode is.
    """
    end = request.transport.get_extra_info("socket") if request.transport else None
    if end is None or not hasattr(socket, "SO_PEERCRED"):
        return None
    size = struct.calcsize(CREDENTIALS)
    given = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(struct.unpack(CREDENTIALS, given)[1])


def _refused(why: str, status: int) -> web.Response:
    return _response(Answer(text=f"Nothing was done: {why}."), status)


def _response(body: BaseModel, status: int = 200) -> web.Response:
    return web.Response(text=body.model_dump_json(), status=status, content_type="application/json")
