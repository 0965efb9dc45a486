"""Stages whose AIVO is on real components."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.vault import make_key
from sandbox.flags import launchdarkly
from sandbox.flags.launchdarkly import LaunchDarkly
from tests.real.flows.school import databases
from tests.real.flows.stage import Stage, bundle_in
from tests.real.services.aws.server import REGION, Aws
from tests.real.services.fixtures import (
    aws,
    aws_server,
    monitoring,
    monitoring_servers,
    postgres,
    postgres_server,
)
from tests.real.services.monitoring import Monitoring

__all__ = [
    "aws",
    "aws_server",
    "databases",
    "monitoring",
    "monitoring_servers",
    "postgres",
    "postgres_server",
]
ACCOUNT = "123456789012"
FIGURES = {
    "aivo:availability": 0.97,
    "aivo:error_ratio": 0.0004,
    "aivo:latency_p95_seconds": 0.21,
    "aivo:affected_users": 120.0,
}
Open = Callable[..., Awaitable[Stage]]
Json = Any


@pytest.fixture
async def darkly() -> AsyncIterator[LaunchDarkly]:
    """LaunchDarkly with AIVO's flag on."""
    found = LaunchDarkly()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def steady(monitoring: Monitoring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the figures be fine, and captures be sealed."""
    monkeypatch.setenv("BACKOUT_CAPTURE_KEY", make_key())
    for name, value in FIGURES.items():
        monitoring.target.set(name, value)
    for name in FIGURES:
        await monitoring.settled(name, lambda value: value >= 0)


@pytest.fixture
async def stage(monitoring: Monitoring, steady: None, tmp_path: Path) -> AsyncIterator[Open]:
    """Open a stage: `await stage(aws=…, launchdarkly=…)`; the figures are fine."""
    opened: list[Stage] = []

    async def open_stage(variables: Json = None, **connections: Json) -> Stage:
        overlay = {
            "connections": {"prometheus": {"url": monitoring.url}, **connections},
            "variables": variables or {},
        }
        opened.append(Stage(tmp_path, bundle_in(tmp_path, overlay)))
        return opened[-1]

    yield open_stage
    for each in opened:
        await each.close()


@pytest.fixture
def account(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Json:
    """AWS as a connection, with an administrator's credentials."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    return {"account": ACCOUNT, "region": REGION, "endpoint": aws.url}


@pytest.fixture
def flags(darkly: LaunchDarkly, monkeypatch: pytest.MonkeyPatch) -> Json:
    """LaunchDarkly as a connection."""
    monkeypatch.setenv("AIVO_LAUNCHDARKLY_TOKEN", launchdarkly.TOKEN)
    return {"project": launchdarkly.PROJECT, "url": darkly.url}
