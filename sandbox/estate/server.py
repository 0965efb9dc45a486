"""The simulated estate in one object: its servers, its state, and the ways to break it.

`sandbox.world` starts it beside the workspace; tests start it alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from random import Random

from aiohttp import web

from sandbox.estate import releases
from sandbox.estate.access import TOKEN, Access
from sandbox.estate.clock import Clock, Timers
from sandbox.estate.cluster import Cluster
from sandbox.estate.control import Control
from sandbox.estate.customers import Customers
from sandbox.estate.faults import Faults, Handler, Target
from sandbox.estate.guards import check_host
from sandbox.estate.images import ImageRule
from sandbox.estate.journal import RequestLog
from sandbox.estate.kubernetes import KubernetesApi
from sandbox.estate.programs import install_helm, write_kubeconfig
from sandbox.estate.prometheus import PrometheusApi
from sandbox.estate.state import cluster_view, history_view, traffic_view
from sandbox.estate.statuspage import PAGE, Statuspage
from sandbox.estate.statuspage import TOKEN as STATUSPAGE_TOKEN
from sandbox.estate.traffic import Traffic
from sandbox.estate.values import Object
from sandbox.estate.website import Website
from sandbox.parts import Parts
from sandbox.wall import Wall

_TICK = 0.5  # simulated seconds between measurements, within real limits:
_TICK_LIMITS = (0.02, 0.25)


class Estate:
    """Kubernetes with Helm releases, Prometheus, a web service and a status page, on loopback."""

    kubernetes_token = TOKEN
    statuspage_token = STATUSPAGE_TOKEN
    statuspage_page = PAGE

    def __init__(self, *, data: Path, seed: int = 7, speed: float = 1.0, port: int = 0) -> None:
        self._data = data
        self._port = port
        self.clock = Clock(speed=speed)
        self.wall = Wall(speed=speed)
        self._timers = Timers(self.clock)
        random = _random(seed)
        self.cluster = Cluster(self.clock, self._timers, random)
        self.parts = Parts()
        self.traffic = Traffic(self.cluster, self.parts, self.clock, _random(seed + 1))
        self.website = Website(self.cluster, self.parts, self.traffic, _random(seed + 2))
        self.statuspage = Statuspage(_random(seed + 3), stamp=self.wall.stamp)
        self.access = Access()
        self.faults = Faults()
        self.requests = RequestLog()
        self.control = Control(self)
        self.broken_at: float | None = None
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Seed the estate, serve it, and write the kubeconfig and the `helm` command."""
        self.reset()
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._data.mkdir(parents=True, exist_ok=True)
        write_kubeconfig(self.kubeconfig, server=self.kubernetes_url, token=TOKEN)
        install_helm(self.helm_dir)
        self._tasks = [
            asyncio.create_task(self._timers.run(), name="estate timers"),
            asyncio.create_task(self._measure(), name="estate traffic"),
        ]

    async def stop(self) -> None:
        """Stop serving; safe to call twice."""
        self.cluster.store.close()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> Estate:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    def add_routes(self, app: web.Application) -> None:
        """Let another application of the sandbox serve the control routes and the status page."""
        app.add_routes(self.control.routes())
        app.add_routes(Customers(self.statuspage).routes())

    @property
    def url(self) -> str:
        """The base address; known once started."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def kubernetes_url(self) -> str:
        """The API server's address."""
        return f"{self.url}/kubernetes"

    @property
    def prometheus_url(self) -> str:
        """Prometheus' base address, before `/api/v1/query`."""
        return f"{self.url}/prometheus"

    @property
    def health_url(self) -> str:
        """The public health endpoint."""
        return f"{self.url}/health"

    @property
    def statuspage_url(self) -> str:
        """Statuspage's base address, before `/v1/pages`."""
        return self.url

    @property
    def kubeconfig(self) -> Path:
        """The file that gives access to the simulated cluster."""
        return self._data / "kubeconfig"

    @property
    def helm_dir(self) -> Path:
        """The folder to put first on PATH, with the simulated `helm`."""
        return self._data / "bin"

    def reset(self) -> None:
        """Bring everything back to a healthy estate; the speed stays."""
        self.faults.reset()
        self.access.reset()
        self.cluster.reset()
        releases.seed(self.cluster)
        self.traffic.reset()
        self.statuspage.reset()
        self.broken_at = None

    def break_release(self) -> int:
        """Ship the bad release and return its revision; a second press changes nothing."""
        shipped = releases.bad_revision(self.cluster)
        if shipped is not None:
            return shipped
        self.note_break()
        return releases.ship(self.cluster)

    def note_break(self) -> None:
        """Count affected users from here: something is about to break."""
        self.traffic.advance()
        self.traffic.forget_affected()
        self.broken_at = self.wall.now()

    def set_speed(self, speed: float) -> None:
        """Let simulated time run at another speed."""
        self.clock.set_speed(speed)
        self.wall.set_speed(speed)
        self._timers.wake()

    def set_image(self, rule: ImageRule) -> None:
        """Let an image behave otherwise, for pods that start from now on."""
        self.cluster.images.add(rule)
        self.cluster.kubelet.retry_failing()

    def clear_faults(self) -> None:
        """Take all faults away, but repair nothing else."""
        self.faults.reset()
        self.access.reset()
        self.cluster.images.reset()
        self.cluster.kubelet.retry_failing()

    def state(self) -> Object:
        """Return what the panel shows."""
        traffic = traffic_view(self.traffic, self.website)
        return (
            self.parts.state()
            | traffic
            | {
                "now": time.time(),
                "wall": self.wall.view(),
                "speed": self.clock.speed,
                "broken_at": self.broken_at,
                "services": cluster_view(self.cluster, self.traffic.points[-1]),
                "history": history_view(self.cluster),
                "statuspage": self.statuspage.incidents,
                "components": self.statuspage.components.all,
            }
        )

    async def _measure(self) -> None:
        while True:
            low, high = _TICK_LIMITS
            await asyncio.sleep(min(high, max(low, _TICK / self.clock.speed)))
            self.traffic.advance()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[_host_checked], client_max_size=4 * 1024 * 1024)
        kubernetes = KubernetesApi(self.cluster, self.access).handle
        prometheus = PrometheusApi(self.traffic).handle
        app.add_routes(
            [
                web.get("/health", self._served(Target.WEB, self.website.get_health)),
                web.get(
                    "/services/{name}/health",
                    self._served(Target.WEB, self.website.get_service_health),
                ),
                web.route("*", "/checkout", self._served(Target.WEB, self.website.checkout)),
                web.route(
                    "*", "/kubernetes/{path:.*}", self._served(Target.KUBERNETES, kubernetes)
                ),
                web.route(
                    "*", "/prometheus/{path:.*}", self._served(Target.PROMETHEUS, prometheus)
                ),
            ]
        )
        for route in self.statuspage.routes():
            handler = self._served(Target.STATUSPAGE, route.handler)
            app.router.add_route(route.method, route.path, handler)
        self.add_routes(app)
        return app

    def _served(self, target: Target, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.requests.note(target, request)
            return await self.faults.around(target, request, handler)

        return handle


def _random(seed: int) -> Random:
    return Random(seed)  # noqa: S311  # the same seed gives the same estate; no secret hangs on it


@web.middleware
async def _host_checked(request: web.Request, handler: Handler) -> web.StreamResponse:
    check_host(request)
    return await handler(request)
