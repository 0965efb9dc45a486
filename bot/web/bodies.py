"""Bodies of requests, bounded in size and in time.  Used by every door of the web server."""

import asyncio

from aiohttp import web

READ_WITHIN = 10.0
"""Seconds in which a body must have arrived; whoever sends slower is answered and cut off."""


async def read(request: web.Request, most: int) -> bytes:
    """Return a body of at most `most` bytes.

    Raises what aiohttp answers with 408 or 413.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_WITHIN):
            async for part in request.content.iter_any():
                size += len(part)
                if size > most:
                    raise web.HTTPRequestEntityTooLarge(most, size, text="too large\n")
                parts.append(part)
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="too slow\n") from None
    return b"".join(parts)
