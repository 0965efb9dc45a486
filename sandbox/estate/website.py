"""AIVO's own endpoints: public health, health of each service, and a checkout that may fail."""

from __future__ import annotations

from collections import Counter
from random import Random

from aiohttp import web

from sandbox.estate.catalogue import CHECKOUT, NAMESPACE, SERVICES
from sandbox.estate.cluster import Cluster
from sandbox.estate.controllers.kubelet import is_ready
from sandbox.estate.resources import PODS
from sandbox.estate.traffic import Point, Traffic
from sandbox.estate.values import Object
from sandbox.parts import FixedAnswer, Parts

UNWELL = 0.05  # error ratio from which a service reports itself unhealthy
DOWN = 0.5  # availability below which the whole answers 503


class Website:
    """HTTP handlers of the public API."""

    def __init__(self, cluster: Cluster, parts: Parts, traffic: Traffic, random: Random) -> None:
        self._cluster = cluster
        self._parts = parts
        self._traffic = traffic
        self._random = random

    def health(self) -> Object:
        """Return what the public health endpoint says now."""
        point = self._traffic.advance()
        healthy = sum(is_well(point, service.name) for service in SERVICES)
        down = point.availability < DOWN or not point.ready["api-gateway"]
        whole = "ok" if healthy == len(SERVICES) else "degraded"
        return {
            "status": "down" if down else whole,
            "version": self.version(),
            "services": {"ready": healthy, "total": len(SERVICES)},
        }

    def version(self) -> str:
        """Return the version that most ready pods run."""
        tags = Counter(
            pod["spec"]["containers"][0]["image"].rpartition(":")[2]
            for pod in self._cluster.store.list(PODS, NAMESPACE)
            if is_ready(pod)
        )
        return tags.most_common(1)[0][0] if tags else ""

    async def get_health(self, _: web.Request) -> web.Response:
        """Answer `GET /health`."""
        if (fixed := self._parts.answer()) is not None:
            return _fixed(fixed)
        body = self.health()
        return web.json_response(body, status=503 if body["status"] == "down" else 200)

    async def get_service_health(self, request: web.Request) -> web.Response:
        """Answer `GET /services/NAME/health`."""
        if (fixed := self._parts.answer()) is not None:
            return _fixed(fixed)
        name = request.match_info["name"]
        point = self._traffic.advance()
        if name not in point.services:
            return web.json_response({"error": f"no service {name}"}, status=404)
        well = is_well(point, name)
        body = {
            "service": name,
            "status": "ok" if well else "unhealthy",
            "pods": {"ready": point.ready[name]},
            "error_ratio": round(point.services[name], 5),
        }
        return web.json_response(body, status=200 if well else 503)

    async def checkout(self, _: web.Request) -> web.Response:
        """Answer one customer's checkout, which fails as often as the service does."""
        if (fixed := self._parts.answer()) is not None:
            return _fixed(fixed)
        if self._random.random() < self._traffic.failure_ratio(CHECKOUT):
            return web.json_response({"error": "the order could not be placed"}, status=500)
        return web.json_response({"order": f"A-{self._random.randint(100000, 999999)}"})


def _fixed(answer: FixedAnswer) -> web.Response:
    return web.Response(
        status=answer.status, text=answer.body, content_type=answer.content_type or "text/plain"
    )


def is_well(point: Point, service: str) -> bool:
    """Tell whether a service answers, and rarely with errors."""
    return point.ready[service] > 0 and point.services[service] < UNWELL
