"""The proxy beneath `gateway`: it forwards requests to the API server, keeps them, plays faults.

It runs in a thread of its own: tests may block, clients may be processes.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.real.bench.certificates import Pair
from tests.real.bench.faults import Effect, Fault, Request, refusal

Json = Any

LOOK = 0.02
KEPT = 1 << 20  # bytes of an answer, above which it is not kept
LARGEST = 1 << 26  # bytes of a request
# Of one connection only, or set anew by the proxy's own client and server.
OWN = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding", "upgrade")
STREAMS = ("watch=", "follow=")


class Proxy:
    """A TLS reverse proxy on 127.0.0.1; `requests` is what came, `faults` what is to be played."""

    def __init__(self, upstream: str, *, authority: Path, pair: Pair) -> None:
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.server = ""
        self._upstream = upstream
        self._trust = ssl.create_default_context(cafile=str(authority))
        self._serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._serving.load_cert_chain(pair.certificate, pair.key)
        self._client: aiohttp.ClientSession

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve while the block runs."""
        started: Future[Callable[[], object]] = Future()
        thread = threading.Thread(target=asyncio.run, args=(self._serve(started),), name="gateway")
        thread.start()
        try:
            stop = started.result()
            try:
                yield
            finally:
                stop()
        finally:
            thread.join()

    async def _serve(self, started: Future[Callable[[], object]]) -> None:
        """Serve until the function is called that `started` gets."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with self._connected(), self._listening():
                started.set_result(lambda: loop.call_soon_threadsafe(over.set))
                await over.wait()
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[None]:
        sockets: list[socket.socket] = []

        def opened(address: Any) -> socket.socket:
            sockets.append(socket.socket(*address[:3]))
            return sockets[-1]

        async with aiohttp.ClientSession(
            self._upstream,
            connector=aiohttp.TCPConnector(ssl=self._trust, socket_factory=opened),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        ) as self._client:
            yield
        await closed(*sockets)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=LARGEST)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._serving).start()
            self.server = f"https://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            served = runner.server.connections if runner.server else ()
            transports = [each.transport for each in served if each.transport]
            sockets = [each.get_extra_info("socket") for each in transports]
            await runner.cleanup()
            for each in transports:
                each.abort()  # a client that keeps its connection says no goodbye for half a minute
            await closed(*sockets)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()
        kept = Request(
            method=request.method,
            path=request.raw_path,
            content_type=request.content_type if data else "",
            body=_read(data),
        )
        number = len(self.requests)
        self.requests.append(kept)
        fault = self._fault(kept)
        if fault is None or fault.effect is Effect.BEFORE:
            if fault and fault.act:
                await asyncio.to_thread(fault.act)
            return await self._forward(request, data, number)
        if fault.effect is Effect.ANSWER:
            self.requests[number] = replace(kept, status=fault.status, answer=fault.body)
            return _answered(fault)
        if fault.effect is Effect.HANG:
            while request.transport and not request.transport.is_closing():
                await asyncio.sleep(LOOK)
            return web.Response()
        async with self._ask(request, data) as answer:
            await answer.read()
        if request.transport:
            request.transport.abort()
        return web.Response()

    def _fault(self, request: Request) -> Fault | None:
        for each in self.faults:
            if each.meets(request.method, request.path):
                each.hits += 1
                return each
        return None

    def _ask(self, request: web.Request, data: bytes) -> Any:
        headers = {
            name: value for name, value in request.headers.items() if name.lower() not in OWN
        }
        headers["Accept-Encoding"] = "identity"  # answers are kept, and passed on, as they are
        return self._client.request(
            request.method, request.rel_url, headers=headers, data=data or None
        )

    async def _forward(self, request: web.Request, data: bytes, number: int) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._tunnel(request, number)
        async with self._ask(request, data) as answer:
            sent = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in OWN:
                    sent.headers.add(name, value)
            self.requests[number] = replace(self.requests[number], status=answer.status)
            if any(word in request.raw_path for word in STREAMS):
                await sent.prepare(request)
                with suppress(ConnectionError):  # a client leaves a watch when it has seen enough
                    async for part in answer.content.iter_any():
                        await sent.write(part)
                return sent
            body = await answer.read()
            if len(body) <= KEPT:
                self.requests[number] = replace(self.requests[number], answer=_read(body))
            sent.content_length = len(body)
            await sent.prepare(request)
            await sent.write(body)
            return sent

    async def _tunnel(self, request: web.Request, number: int) -> web.StreamResponse:
        """Pass a websocket through: a command in a container."""
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        protocols = tuple(each.strip() for each in offered.split(",") if each)
        headers = {"Authorization": request.headers.get("Authorization", "")}
        try:
            upstream = await self._client.ws_connect(
                request.rel_url, protocols=protocols, headers=headers
            )
        except aiohttp.WSServerHandshakeError as error:
            self.requests[number] = replace(self.requests[number], status=error.status)
            return web.json_response(refusal(error.status, error.message), status=error.status)
        inner = upstream.get_extra_info("socket")
        self.requests[number] = replace(self.requests[number], status=101)
        downstream = web.WebSocketResponse(protocols=protocols)
        await downstream.prepare(request)
        await asyncio.gather(_pump(upstream, downstream), _pump(downstream, upstream))
        await closed(inner)
        return downstream


async def closed(*sockets: Any) -> None:
    """Wait until the loop has closed these sockets: TLS says goodbye after all else is done.

    A connection that broke has none any more.
    """
    while any(each.fileno() >= 0 for each in sockets if each is not None):
        await asyncio.sleep(LOOK)


async def _pump(source: Any, sink: Any) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
    await sink.close()


def _answered(fault: Fault) -> web.Response:
    is_text = isinstance(fault.body, str)
    return web.Response(
        status=fault.status,
        headers=fault.headers,
        text=fault.body if is_text else json.dumps(fault.body),
        content_type="text/plain" if is_text else "application/json",
    )


def _read(data: bytes) -> Json:
    """Return JSON, or the text that is none; None for nothing."""
    if not data:
        return None
    with suppress(ValueError):
        return json.loads(data)
    return data.decode(errors="replace")
