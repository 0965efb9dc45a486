"""Watches: the changes after a resource version, one JSON line each, for as long as asked."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from sandbox.estate.routing import Call
from sandbox.estate.selectors import Predicate
from sandbox.estate.statuses import gone
from sandbox.estate.store import Store
from sandbox.estate.values import Object

_LONGEST = 1800.0
_LOOK = 1.0  # seconds between looks whether the watcher is still there


async def watch(
    request: web.Request, store: Store, call: Call, selected: Predicate
) -> web.StreamResponse:
    """Stream what happens to the selected objects."""
    asked = request.query.get("resourceVersion", "")
    version = int(asked) if asked.isdigit() else 0
    if version and not store.remembers(version):
        raise gone(version)
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    stream = _Stream(response, store, call, selected)
    limit = float(request.query.get("timeoutSeconds") or _LONGEST)
    try:
        async with asyncio.timeout(limit):
            await stream.run(version, request)
    except (TimeoutError, ConnectionError):
        pass
    return response


class _Stream:
    def __init__(
        self, response: web.StreamResponse, store: Store, call: Call, selected: Predicate
    ) -> None:
        self._response = response
        self._store = store
        self._call = call
        self._selected = selected

    async def run(self, version: int, request: web.Request) -> None:
        if not version:
            version = self._store.version
            for item in self._store.list(self._call.resource, self._call.namespace):
                if self._covers(item):
                    await self._write("ADDED", item)
        while not self._store.closed and request.transport is not None:
            for change in self._store.since(version):
                version = change.version
                if change.resource == self._call.resource and self._covers(change.object):
                    await self._write(change.type, change.object)
            if version == self._store.version:
                await self._store.changed(_LOOK)

    def _covers(self, item: Object) -> bool:
        meta = item["metadata"]
        if self._call.name and meta["name"] != self._call.name:
            return False
        if self._call.namespace and meta.get("namespace") != self._call.namespace:
            return False
        return self._selected(item)

    async def _write(self, kind: str, item: Object) -> None:
        line = json.dumps({"type": kind, "object": item}, separators=(",", ":"))
        await self._response.write(line.encode() + b"\n")
