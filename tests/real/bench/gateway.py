"""A proxy before the API server that keeps what clients ask, and breaks what a test wants broken.

It speaks TLS and has a kubeconfig of its own, so that the Python client, kubectl and Helm all go
through it. It runs in a thread: tests may block, clients may be processes. Made by the `gateway`
fixture of tests/real/conftest.py.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.real.bench import kubeconfigs
from tests.real.bench.certificates import Authority, Pair
from tests.real.bench.clusters import Cluster
from tests.real.bench.faults import Effect, Fault, Request, refusal

Json = Any

LOOK = 0.02
KEPT = 1 << 20  # bytes of an answer, above which it is not kept
# Of one connection only, or set anew by the proxy's own client and server.
OWN = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding", "upgrade")
STREAMS = ("watch=", "follow=")


class Gateway:
    """The proxy's controls.  Requests are in `requests`, in the order of their arrival."""

    def __init__(self, cluster: Cluster, pair: Pair, authority: Path) -> None:
        self.context = kubeconfigs.CONTEXT
        self.requests: list[Request] = []
        self.server = ""
        self._cluster = cluster
        self._pair = pair
        self._authority = authority
        self._faults: list[Fault] = []
        self._client: aiohttp.ClientSession

    # --- what a test does

    @property
    def kubeconfig(self) -> Path:
        """Return a kubeconfig of the administrator, through the gateway."""
        return self.kubeconfig_for(self._cluster.kubeconfig)

    def kubeconfig_for(self, other: Path) -> Path:
        """Return a kubeconfig like another one of the bench (`as_user`), through the gateway."""
        user = json.loads(other.read_text(encoding="utf-8"))["users"][0]["user"]
        return kubeconfigs.write(
            other.with_name(f"{other.name}-through-gateway"),
            server=self.server,
            authority=self._authority,
            user=user,
            namespace=self._cluster.namespace,
        )

    def answer(
        self,
        status: int,
        *,
        method: str = "",
        path: str = "",
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        message: str = "as the test wants it",
        body: Json = None,
    ) -> Fault:
        """Answer in the server's place: with a Status, or with `body` (JSON, or text)."""
        return self._add(
            Effect.ANSWER,
            method=method,
            path=path,
            times=times,
            status=status,
            headers=dict(headers or {}),
            body=refusal(status, message) if body is None else body,
        )

    def hang(self, *, method: str = "", path: str = "", times: int = 1) -> Fault:
        """Answer nothing until the client gives up; nothing reaches the server."""
        return self._add(Effect.HANG, method=method, path=path, times=times)

    def lose_answer(self, *, method: str = "", path: str = "", times: int = 1) -> Fault:
        """Let the server act, then cut the connection."""
        return self._add(Effect.LOSE_ANSWER, method=method, path=path, times=times)

    def before(
        self, act: Callable[[], object], *, method: str = "", path: str = "", times: int = 1
    ) -> Fault:
        """Do something just before a request is forwarded: somebody else was faster."""
        return self._add(Effect.BEFORE, method=method, path=path, times=times, act=act)

    def mend(self) -> None:
        """End all faults."""
        self._faults.clear()

    def asked(self, method: str = "", path: str = "") -> list[Request]:
        """Return the requests of a method whose path matches a regular expression."""
        wanted = Fault(effect=Effect.ANSWER, method=method, path=path)
        return [each for each in self.requests if wanted.meets(each.method, each.path)]

    def writes(self) -> list[Request]:
        """Return the requests that may have changed something: no reads, dry runs or reviews."""
        return [
            each
            for each in self.requests
            if each.method not in ("GET", "HEAD")
            and "dryRun=" not in each.path
            and "/apis/authorization.k8s.io/" not in each.path
        ]

    def _add(self, effect: Effect, **parts: Any) -> Fault:
        self._faults.append(fault := Fault(effect=effect, **parts))
        return fault

    # --- what the proxy does

    @contextmanager
    def running(self) -> Iterator[Gateway]:
        """Serve, in a thread, while the block runs."""
        started: Future[Callable[[], object]] = Future()
        thread = threading.Thread(target=asyncio.run, args=(self._serve(started),), name="gateway")
        thread.start()
        try:
            stop = started.result()
            try:
                yield self
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
        trust = ssl.create_default_context(cafile=str(self._cluster.bench.authority))
        async with aiohttp.ClientSession(
            self._cluster.server,
            connector=aiohttp.TCPConnector(ssl=trust),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
        ) as self._client:
            yield

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        serving.load_cert_chain(self._pair.certificate, self._pair.key)
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=serving).start()
            self.server = f"https://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()

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
        for each in self._faults:
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
            if any(word in request.raw_path for word in STREAMS):
                self.requests[number] = replace(self.requests[number], status=answer.status)
                await sent.prepare(request)
                with suppress(ConnectionError):  # a client leaves a watch when it has seen enough
                    async for part in answer.content.iter_any():
                        await sent.write(part)
                return sent
            body = await answer.read()
            self.requests[number] = replace(
                self.requests[number],
                status=answer.status,
                answer=_read(body) if len(body) <= KEPT else None,
            )
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
        self.requests[number] = replace(self.requests[number], status=101)
        downstream = web.WebSocketResponse(protocols=protocols)
        await downstream.prepare(request)
        both = (_pump(upstream, downstream), _pump(downstream, upstream))
        await asyncio.gather(*both)
        return downstream


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


@contextmanager
def opened(cluster: Cluster, authority: Authority) -> Iterator[Gateway]:
    """Run a gateway to the cluster while the block runs."""
    pair = authority.issue("gateway")
    with Gateway(cluster, pair, authority.certificate).running() as found:
        yield found
