"""The simulated cluster on TLS, as the bench needs it: tests prepare and look at it as usual."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from random import Random
from ssl import Purpose, create_default_context
from typing import Any

from aiohttp import web

from sandbox.estate.access import TOKEN, Access
from sandbox.estate.clock import Clock, Timers
from sandbox.estate.cluster import Cluster as SimulatedCluster
from sandbox.estate.controllers.nodes import new_nodes
from sandbox.estate.kubernetes import KubernetesApi
from sandbox.estate.resources import NAMESPACES, NODES
from tests.real.bench.api import Api
from tests.real.bench.certificates import Authority, Pair
from tests.real.bench.clusters import Bench
from tests.servers import served

Json = Any

SPEED = 25.0  # its pods take seconds to start, the bench's tenths


class TranslatedApi(Api):
    """Says `sandbox/` where the bench says `bench/`: the annotations that pods behave by."""

    def apply(self, namespace: str, given: Json) -> Json:
        """Make an object as the bench describes it."""
        return super().apply(
            namespace, json.loads(json.dumps(given).replace('"bench/', '"sandbox/'))
        )


@contextmanager
def simulated(folder: Path, authority: Authority) -> Iterator[tuple[Bench, Access]]:
    """Serve a simulated cluster while the block runs; `Access` takes rights away."""
    pair, access = authority.issue("simulated"), Access()
    started: Future[tuple[str, Callable[[], object]]] = Future()
    thread = threading.Thread(target=asyncio.run, args=(_serve(pair, access, started),))
    thread.start()
    try:
        server, stop = started.result()
        try:
            bench = Bench(
                server=server, authority=authority.certificate, token=TOKEN, folder=folder
            )
            bench.api.close()
            bench.api = TranslatedApi(server, authority=authority.certificate, token=TOKEN)
            with closing(bench.api):
                yield bench, access
        finally:
            stop()
    finally:
        thread.join()


async def _serve(
    pair: Pair, access: Access, started: Future[tuple[str, Callable[[], object]]]
) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    clock = Clock(speed=SPEED)
    timers = Timers(clock)
    cluster = SimulatedCluster(clock, timers, Random(7))
    for name in ("default", "kube-system"):
        cluster.store.put(NAMESPACES, {"metadata": {"name": name}, "spec": {}})
    for node in new_nodes():
        cluster.store.put(NODES, node)
    moving = asyncio.create_task(timers.run())
    try:
        async with _listening(KubernetesApi(cluster, access), pair) as server:
            started.set_result((server, lambda: loop.call_soon_threadsafe(over.set)))
            await over.wait()
    except Exception as error:
        if started.done():
            raise
        started.set_exception(error)
    finally:
        cluster.store.close()
        moving.cancel()
        with suppress(asyncio.CancelledError):
            await moving


@asynccontextmanager
async def _listening(api: KubernetesApi, pair: Pair) -> AsyncIterator[str]:
    context = create_default_context(Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    async with served(app, context) as url:
        yield url
