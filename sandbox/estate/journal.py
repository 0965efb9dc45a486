"""Every request that reached the estate's servers, for tests and benchmarks to read."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass

from aiohttp import web

from sandbox.estate.values import Object

_KEPT = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request; `monotonic` compares with other processes of this machine."""

    number: int
    at: float
    monotonic: float
    server: str
    method: str
    path: str


class RequestLog:
    """The newest requests, numbered from 1."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=_KEPT)
        self._count = 0

    def note(self, server: str, request: web.Request) -> None:
        """Write a request down, before it is answered."""
        self._count += 1
        self.entries.append(
            Entry(
                number=self._count,
                at=time.time(),
                monotonic=time.monotonic(),
                server=server,
                method=request.method,
                path=request.path_qs,
            )
        )

    def since(self, number: int) -> list[Object]:
        """Return the requests after a number."""
        return [asdict(entry) for entry in self.entries if entry.number > number]
