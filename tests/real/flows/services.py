"""AIVO's service that a bad release makes fail: the sandbox's estate, and how AIVO reaches it.

Its cluster, Helm, Prometheus and status page are the sandbox's.  tests/real/flows asks how a
rollback of it ends, tests/real/flows/kills how it does when the bot dies.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.estate import Estate
from sandbox.estate.statuspage import PAGE, TOKEN

Json = Any
Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Wait for something that the estate brings about."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.02)

    return wait


@pytest.fixture
async def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Estate]:
    """A cluster in which a rollout takes a fraction of a second, found by the environment."""
    async with Estate(data=tmp_path / "estate", speed=60) as running:
        monkeypatch.setenv("KUBECONFIG", str(running.kubeconfig))
        monkeypatch.setenv("BACKOUT_HELM", str(running.helm_dir / "helm"))
        monkeypatch.setenv("AIVO_STATUSPAGE_TOKEN", TOKEN)
        yield running


def reached(estate: Estate, port: int) -> Json:
    """Return how the cluster, Prometheus, the status page and mail are reached."""
    return {
        "prometheus": {"url": estate.prometheus_url},
        "statuspage": {"url": estate.statuspage_url, "page": PAGE},
        "mail": {"ses": False, "smtp": {"host": "127.0.0.1", "port": port, "tls": False}},
    }


async def shipped_bad(estate: Estate, until: Until) -> None:
    """Ship the bad release, and wait until it is felt in full."""
    estate.break_release()
    await until(lambda: estate.traffic.advance().error_ratio > 0.14)
    await until(lambda: estate.traffic.advance().affected_users > 1000)
