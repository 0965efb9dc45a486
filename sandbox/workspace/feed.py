"""The live feed: every change of the workspace, as the browser page and tests hear of it.

`store.Store` publishes; the page's WebSocket and the control API's waiters subscribe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.workspace.values import Json

# A browser tab that is this far behind is stuck; it reconnects and gets the whole state.
BACKLOG = 2_000


class Feed:
    """Fan one stream of changes out to any number of listeners."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Json | None]] = set()

    def publish(self, kind: str, **body: object) -> None:
        """Tell every listener; one whose queue is full is cut off with None."""
        change: Json = {"kind": kind, **body}
        for queue in list(self._queues):
            if queue.qsize() < BACKLOG:
                queue.put_nowait(change)
            else:
                self._queues.discard(queue)
                queue.put_nowait(None)

    def close(self) -> None:
        """Tell every listener that nothing more will come."""
        for queue in self._queues:
            queue.put_nowait(None)
        self._queues.clear()

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Json | None]]:
        """Yield a queue of changes; None ends it."""
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
