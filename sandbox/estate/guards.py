"""Who may talk to the estate: programs on this machine, and pages that it served itself.

A page from elsewhere must not reach the estate through the reader's browser (by a form, or by
a name that resolves to loopback), so Host is checked everywhere and Origin where things change.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def check_host(request: web.Request) -> None:
    """Refuse a request that was meant for another host."""
    if _hostname(f"//{request.host}") not in _LOOPBACK:
        raise web.HTTPForbidden(text="The sandbox answers on 127.0.0.1 and localhost only.\n")


def check_origin(request: web.Request) -> None:
    """Refuse a request from a page that isn't the sandbox's own."""
    check_host(request)
    origin = request.headers.get("Origin")
    if origin is None:
        return
    if urlsplit(origin).netloc != request.host or _hostname(origin) not in _LOOPBACK:
        raise web.HTTPForbidden(text="Only the sandbox's own page may control the sandbox.\n")


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
