"""Bots that can be killed, and services that say when a request came."""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from config.models.bundles import Bundle
from sandbox.aws.operations import operation_of
from tests import zygotes
from tests.real.bench.gateway import Gateway
from tests.real.flows.kills.fates import Fate
from tests.real.flows.kills.killable import Killable
from tests.real.flows.stage import bundle_in
from tests.real.services.aws.server import Aws
from tests.real.services.monitoring import Monitoring

SEED = "BACKOUT_KILL_SEED"
READS = re.compile(r"(?:Describe|Filter|Get|Head|List).*|")
SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/[^/]+/(?P<service>[^/]+)/aws4")
CHANGED = r"^/(apis/(apps|networking)|.*/configmaps)(?!.*dryRun=)"  # in a cluster
LATENCY, SLOW = "aivo:latency_p95_seconds", 0.7
"""What the last checks wait for, so that no flow ends before all its deaths."""
SHORT = {
    "hold_for: 10m": "hold_for: 0.5s",
    "hold_for: 30s": "hold_for: 2s",
    "window: 5m": "window: 4s",
}  # the last checks hold for longer than a bot rests, so that it dies before they are done
Json = Any
Heard = Callable[[Fate], None]


class Open(Protocol):
    """Opens a stage on which a bot dies: a new incident in a new journal."""

    def __call__(
        self, fate: Fate, variables: Json = None, forgets: str = "", **connections: Json
    ) -> Awaitable[Killable]:
        """Open it; the one before is over."""


class Fated(Protocol):
    """Draws the deaths of so many rounds."""

    def __call__(self, rounds: int, deaths: int, **how: Json) -> list[Fate]:
        """Draw them."""


def hear(gateway: Gateway, fate: Fate) -> None:
    """Let a fate hear of what is about to be changed in the cluster."""
    for method in ("PATCH", "POST", "PUT", "DELETE"):
        gateway.before(
            lambda: fate.requested("in Kubernetes", effective=False),
            method=method,
            path=CHANGED,
            times=10_000,
        )


@pytest.fixture(scope="session")
def zygote() -> Iterator[Path]:
    """The process that every bot comes from."""
    with zygotes.zygote("tests.real.flows.kills.zygote") as path:
        yield path


@pytest.fixture
def seed() -> str:
    """Return what all deaths are drawn from: that of BACKOUT_KILL_SEED, or a new one."""
    return os.environ.get(SEED) or str(secrets.randbelow(10**6))


@pytest.fixture
def fated(seed: str, request: pytest.FixtureRequest) -> Iterator[Fated]:
    """Draw deaths; where the test fails, its output tells them and the seed."""
    made: list[Fate] = []

    def draw(rounds: int, deaths: int, **how: Json) -> list[Fate]:
        name = request.node.originalname
        new = [Fate(f"{seed}/{name}/{number}", deaths, **how) for number in range(rounds)]
        made.extend(new)
        return new

    yield draw
    for number, each in enumerate(made):
        told = "\n  ".join([f"{SEED}={seed}, round {number}:", *each.deaths])
        sys.stdout.write(f"{told}\n")


@pytest.fixture
async def killable(
    zygote: Path, monitoring: Monitoring, steady: None, tmp_path: Path
) -> AsyncIterator[Open]:
    """Open stages, one at a time; the figures are fine."""
    opened: list[Killable] = []
    bundles: dict[str, Bundle] = {}

    async def open_stage(
        fate: Fate, variables: Json = None, forgets: str = "", **connections: Json
    ) -> Killable:
        if opened:
            await opened[-1].close()
        folder = tmp_path / f"round-{len(opened)}"
        folder.mkdir()
        overlay = {
            "connections": {"prometheus": {"url": monitoring.url}, **connections},
            "variables": variables or {},
        }
        known = json.dumps(overlay)
        if known not in bundles:
            bundles[known] = bundle_in(folder, overlay, SHORT)
        opened.append(Killable(folder, bundles[known], zygote, fate, forgets))
        return opened[-1]

    yield open_stage
    if opened:
        await opened[-1].close()


@pytest.fixture
def heard(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Let a fate hear of every request to AWS that changes something, before and after it does."""

    def hear(fate: Fate) -> None:
        front = aws._front  # what stands before moto, in which the effect happens
        inner = front._inner

        def telling(environment: Json, answer: Json) -> Json:
            scope = SIGNED_FOR.search(environment.get("HTTP_AUTHORIZATION", ""))
            service = scope["service"] if scope else ""
            name = operation_of(service, environment) if service else ""
            if READS.fullmatch(name):
                return inner(environment, answer)
            fate.requested(name, effective=False)
            try:
                return inner(environment, answer)
            finally:
                fate.requested(name, effective=True)

        monkeypatch.setattr(front, "_inner", telling)

    return hear
