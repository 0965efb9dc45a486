"""Socket Mode: single-use tickets, up to ten sockets, envelopes and their acknowledgements.

`apps.connections.open` asks for an address, the server routes `/link/` here, and `Delivery`
sends through it. Each payload goes to one of the open sockets.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import uuid
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from sandbox.workspace.delivery import ACK_SECONDS, EVENTS, Ack, Envelope
from sandbox.workspace.models import APP_ID
from sandbox.workspace.values import Clock, Json

MAX_SOCKETS = 10
WARNING_SECONDS = 10.0
CLOSED = Ack(ok=False, error="socket_closed")


@dataclass(slots=True, kw_only=True)
class _Link:
    socket: web.WebSocketResponse
    request: web.Request
    pending: dict[str, asyncio.Future[Ack]] = field(default_factory=dict)

    def settle(self, envelope_id: str, ack: Ack) -> None:
        future = self.pending.pop(envelope_id, None)
        if future is not None and not future.done():
            future.set_result(ack)


class Sockets:
    """All sockets of the app."""

    def __init__(self, *, clock: Clock) -> None:
        self.clock = clock
        self._tickets: set[str] = set()
        self._links: list[_Link] = []
        self._turn = itertools.count()

    def __len__(self) -> int:
        return len(self._links)

    def ticket(self) -> str:
        """Return a ticket that opens one socket."""
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return ticket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until either side closes it."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401, text="ticket unknown or used")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=None)
        await socket.prepare(request)
        if len(self._links) >= MAX_SOCKETS:
            await _tell(socket, {"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        link = _Link(socket=socket, request=request)
        self._links.append(link)
        try:
            await _tell(socket, _hello(len(self._links)))
            await self._read(link)
        finally:
            self._forget(link)
        return socket

    async def send(self, envelope: Envelope) -> Ack:
        """Deliver to one socket; without one the delivery has failed already."""
        if not self._links:
            return Ack(ok=False, error="no_socket")
        link = self._links[next(self._turn) % len(self._links)]
        envelope_id = str(uuid.uuid4())
        future = asyncio.get_running_loop().create_future()
        link.pending[envelope_id] = future
        try:
            await _tell(link.socket, _frame(envelope, envelope_id))
            async with asyncio.timeout(self.clock.scaled(ACK_SECONDS)):
                ack: Ack = await future
                return ack
        except TimeoutError:
            return Ack(ok=False, error="timeout")
        except ConnectionError:
            return CLOSED
        finally:
            link.pending.pop(envelope_id, None)

    async def refresh(self) -> None:
        """Ask every socket to reconnect as Slack does: warn, wait, then close."""
        links = list(self._links)
        for link in links:
            await _tell(link.socket, _disconnect("warning"))
        await asyncio.sleep(self.clock.scaled(WARNING_SECONDS))
        for link in links:
            if not link.socket.closed:
                await _tell(link.socket, _disconnect("refresh_requested"))
                await link.socket.close()

    def drop(self) -> int:
        """Cut every socket without a word; return how many there were."""
        links = list(self._links)
        for link in links:
            self._forget(link)
            if link.request.transport is not None:
                link.request.transport.abort()
        return len(links)

    async def close(self) -> None:
        """Close every socket at the end."""
        for link in list(self._links):
            await link.socket.close()

    async def _read(self, link: _Link) -> None:
        async for message in link.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                body = json.loads(message.data)
            except ValueError:
                continue
            if isinstance(body, dict) and "envelope_id" in body:
                link.settle(str(body["envelope_id"]), Ack(ok=True, body=body.get("payload")))

    def _forget(self, link: _Link) -> None:
        if link in self._links:
            self._links.remove(link)
        for envelope_id in list(link.pending):
            link.settle(envelope_id, CLOSED)


async def _tell(socket: web.WebSocketResponse, body: Json) -> None:
    await socket.send_str(json.dumps(body))


def _hello(count: int) -> Json:
    return {
        "type": "hello",
        "num_connections": count,
        "debug_info": {"host": "sandbox", "approximate_connection_time": 3600},
        "connection_info": {"app_id": APP_ID},
    }


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}


def _frame(envelope: Envelope, envelope_id: str) -> Json:
    frame: Json = {
        "envelope_id": envelope_id,
        "type": envelope.kind,
        "payload": envelope.payload,
        "accepts_response_payload": envelope.kind != EVENTS,
    }
    if envelope.kind == EVENTS:
        frame |= {"retry_attempt": envelope.attempt, "retry_reason": envelope.reason}
    return frame
