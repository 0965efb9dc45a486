"""Keep other web pages away: only loopback hosts, and no foreign Origin.

A page on the internet could otherwise post to this port, or reach it under its own name by
rebinding DNS. Installed by the server as the outermost middleware.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what does not come from this machine's own page or programs."""
    if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
        return web.Response(status=403, text="only loopback hosts are served")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        return web.Response(status=403, text="foreign origin")
    return await handler(request)


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every page of ours carries."""
    response.headers.setdefault("Content-Security-Policy", CSP)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
