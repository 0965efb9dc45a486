"""The users: how many requests fail now, given which pods answer them.

Ratios are averaged over a short sliding window, so that a bad release shows as a rise and a
rollback as a recovery that ends. Prometheus, the health endpoint and the page read from here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from random import Random

from sandbox.estate.catalogue import SERVICES
from sandbox.estate.clock import Clock
from sandbox.estate.cluster import Cluster
from sandbox.estate.controllers.kubelet import is_ready
from sandbox.estate.resources import PODS
from sandbox.parts import ALL, Disturbance, Parts

WINDOW = 6.0  # simulated seconds over which ratios are averaged
KEPT = 3000  # points
_SPACING = 0.2  # real seconds between points that are kept
_HISTORY = 600  # seconds of healthy past that exist at the start
_BASE_ERROR = 0.0004
_BASE_P95 = 0.31
_P95_SLOPE = 16.2  # seconds for each unit of error ratio
_USERS = 6200
_AFFECTED_RATE = 0.4  # share of the users for each unit of error ratio and second
_NOTICED = 0.01  # below this users don't count as affected


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What was measured at one (real) time."""

    at: float
    error_ratio: float
    latency_p95: float
    affected_users: float
    services: Mapping[str, float]  # error ratio by service
    ready: Mapping[str, int]  # ready pods by service
    refused: float = 0.0  # share of the connections to the database that fail

    @property
    def availability(self) -> float:
        """The share of requests that succeeded."""
        return 1.0 - self.error_ratio

    def succeed(self, *services: str) -> float:
        """Return the share of what succeeds that needs all of these services."""
        return prod(1.0 - self.services[name] for name in services)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    duration: float
    services: Mapping[str, float]


class Traffic:
    """The measured history, and the present."""

    def __init__(self, cluster: Cluster, parts: Parts, clock: Clock, random: Random) -> None:
        self._cluster = cluster
        self._parts = parts
        self._clock = clock
        self._random = random
        self._window: deque[_Slice] = deque()
        self._affected = 0.0
        self._last = clock.now()
        self.points: deque[Point] = deque(maxlen=KEPT)

    def reset(self) -> None:
        """Start with ten minutes of a healthy past."""
        self._window.clear()
        self.points.clear()
        self.forget_affected()
        self._last = self._clock.now()
        now = time.time()
        services, ready = self._present()
        for age in range(_HISTORY, 0, -1):
            self.points.append(self._point(now - age, services, ready))

    def forget_affected(self) -> None:
        """Count affected users from zero, as a new incident begins."""
        self._affected = 0.0

    def advance(self) -> Point:
        """Measure up to now and return the newest point."""
        now = self._clock.now()
        elapsed, self._last = now - self._last, now
        present, ready = self._present()
        if elapsed > 0:
            self._window.append(_Slice(duration=elapsed, services=present))
        services = self._averages(present)
        ratio = _total(services)
        if ratio > _NOTICED:
            self._affected += (_USERS - self._affected) * ratio * _AFFECTED_RATE * elapsed
        return self._keep(self._point(time.time(), services, ready))

    def failure_ratio(self, service: str) -> float:
        """Return the share of a service's requests that fail right now."""
        return self._present()[0].get(service, 1.0)

    def at(self, moment: float) -> Point | None:
        """Return the newest point that is not after a (real) time."""
        for point in reversed(self.points):
            if point.at <= moment:
                return point
        return None

    def _point(self, at: float, services: Mapping[str, float], ready: Mapping[str, int]) -> Point:
        ratio = _total(services)
        slower = sum(each.latency for each in self._parts.disturbances())
        p95 = (_BASE_P95 + _P95_SLOPE * max(0.0, ratio - _BASE_ERROR) + slower) * self._noise(0.02)
        return Point(
            at=at,
            error_ratio=ratio * self._noise(0.03),
            latency_p95=p95,
            affected_users=float(int(self._affected)),
            services=services,
            ready=ready,
            refused=max((each.refused for each in self._parts.disturbances()), default=0.0),
        )

    def _keep(self, point: Point) -> Point:
        """Store a point as the newest, in place of one from a moment ago."""
        if len(self.points) > 1 and point.at - self.points[-2].at < _SPACING:
            self.points.pop()
        self.points.append(point)
        return point

    def _noise(self, share: float) -> float:
        return self._random.uniform(1 - share, 1 + share)

    def _averages(self, present: Mapping[str, float]) -> dict[str, float]:
        self._trim()
        total = sum(entry.duration for entry in self._window)
        if not total:
            return dict(present)
        return {
            name: sum(entry.services[name] * entry.duration for entry in self._window) / total
            for name in present
        }

    def _trim(self) -> None:
        excess = sum(entry.duration for entry in self._window) - WINDOW
        while self._window and excess > 0:
            oldest = self._window.popleft()
            if oldest.duration > excess:
                rest = _Slice(duration=oldest.duration - excess, services=oldest.services)
                self._window.appendleft(rest)
            excess -= oldest.duration

    def _present(self) -> tuple[dict[str, float], dict[str, int]]:
        ratios: dict[str, list[float]] = {service.name: [] for service in SERVICES}
        for pod in self._cluster.store.list(PODS):
            name = (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name", "")
            if name in ratios and is_ready(pod):
                rule = self._cluster.images.behaviour(pod["spec"]["containers"][0]["image"])
                ratios[name].append(max(rule.error_ratio, _BASE_ERROR))
        errors = {name: sum(found) / len(found) if found else 1.0 for name, found in ratios.items()}
        felt = self._parts.disturbances()
        errors = {name: _disturbed(name, ratio, felt) for name, ratio in errors.items()}
        return errors, {name: len(found) for name, found in ratios.items()}


def _disturbed(name: str, ratio: float, felt: tuple[Disturbance, ...]) -> float:
    passes = 1.0 - ratio
    for each in felt:
        passes *= (1.0 - each.shut) * (1.0 - each.errors.get(name, each.errors.get(ALL, 0.0)))
    return 1.0 - passes


def _total(services: Mapping[str, float]) -> float:
    return sum(services[service.name] * service.share for service in SERVICES)
