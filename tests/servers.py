"""Web applications of tests, served on the loopback."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

HOST = "127.0.0.1"


@asynccontextmanager
async def served(app: web.Application, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve on a free port while the block runs; lend the address, without a slash at its end.

    Unlike aiohttp's own server for tests, it goes on with a request whose client is gone.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0, ssl_context=tls).start()
        yield f"{'https' if tls else 'http'}://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
