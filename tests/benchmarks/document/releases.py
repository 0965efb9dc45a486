"""A Helm release of eighteen services, of which the newest revision does not start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from aiohttp import web

from sandbox.estate.statuspage import Statuspage
from tests.real.bench import assets
from tests.real.bench.clusters import Cluster
from tests.real.bench.helms import Helm
from tests.servers import served

RELEASE = "aivo-platform"
NAMES = tuple(f"service-{number:02}" for number in range(1, 19))
CHART = {
    "Chart.yaml": 'apiVersion: v2\nname: aivo\nversion: 0.1.0\nappVersion: "1.0.0"\n',
    "values.yaml": "tag: 1.0.0\n",
    "templates/services.yaml": """\
{{- range until 18 }}
{{- $name := printf "service-%02d" (add1 .) }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ $name }}, labels: {app: {{ $name }}}}
spec:
  replicas: 1
  selector: {matchLabels: {app: {{ $name }}}}
  template:
    metadata: {labels: {app: {{ $name }}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: "aivo/{{ $name }}:{{ $.Values.tag }}"}]
{{- end }}
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The release; at `url` are the public face, which counts what is ready, and a status page."""

    cluster: Cluster
    url: str = ""

    def ready(self) -> int:
        """Return how many services run the good release, all of them."""
        return sum(map(_is_ready, self.cluster.all("deployment")))

    async def healthy(self) -> bool:
        """Say whether every service runs the good release."""
        return await asyncio.to_thread(self.ready) == len(NAMES)

    async def health(self, _: web.Request) -> web.Response:
        """Answer as the public is answered."""
        ready = await asyncio.to_thread(self.ready)
        status = "ok" if ready == len(NAMES) else "degraded"
        return web.json_response({"status": status, "services": {"ready": ready}})


def _is_ready(deployment: dict[str, dict[str, object]]) -> bool:
    wanted, status = deployment["spec"], deployment["status"]
    numbers = {status.get(name) for name in ("replicas", "updatedReplicas", "readyReplicas")}
    seen = status.get("observedGeneration") == deployment["metadata"].get("generation")
    return seen and numbers == {wanted["replicas"]}


@asynccontextmanager
async def broken(cluster: Cluster, folder: Path) -> AsyncIterator[Release]:
    """Install a good release, upgrade it to one that does not start, and serve the public."""
    await asyncio.to_thread(_install, cluster, folder / "chart")
    page = Statuspage(Random(7))
    release = Release(cluster=cluster)
    app = web.Application()
    app.add_routes([web.get("/health", release.health), *page.routes()])
    async with served(app) as url:
        yield Release(cluster=cluster, url=url)


def _install(cluster: Cluster, chart: Path) -> None:
    for name, text in CHART.items():
        path = chart / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    helm = Helm(assets.program("helm"), cluster)
    helm.release(RELEASE, chart, "--wait", tag="1.0.0")
    helm.release(RELEASE, chart, tag="bad-1.1.0")
