"""Fixtures of the actions' tests: connections that are closed, contexts, the simulated estate."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from sandbox.estate import Estate
from tests.adapters import postgres_scripts, redis_scripts
from tests.adapters.fakes import FakeContext, OpenVault, surroundings_for, system_for
from tests.adapters.servers import CONTEXT, ScriptedServer, write_helm, write_kubeconfig

Json = Any
SMOKE = "68ee46a8eb817ca8d5437e13d10045c2e86c9aca64a252868f7a4fa38fa57079"
"""Hash of the script that golden cases place at `files/smoke.sh`."""


@pytest.fixture(scope="session")
def registry() -> ActionRegistry:
    """All actions."""
    return ActionRegistry()


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    """Shared connections, closed after the test."""
    clients = ClientPool()
    yield clients
    await clients.close()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A server that answers what the test puts into `observed`."""
    scripted = ScriptedServer({})
    await scripted.start()
    yield scripted
    await scripted.stop()


@pytest.fixture
def scripted(
    tmp_path: Path,
    pool: ClientPool,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., FakeContext]:
    """Make a context whose every service is the scripted server, and whose Helm is scripted."""
    postgres_scripts.install(monkeypatch, server)
    redis_scripts.install(monkeypatch, server)

    def make(
        *,
        observed: Mapping[str, Json] | None = None,
        helm: Mapping[str, Json] | None = None,
        secrets: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        **rest: Json,
    ) -> FakeContext:
        server.observed.update(observed or {})
        for name, text in (files or {}).items():
            path = tmp_path / "aivo" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        system = system_for(
            kubernetes={"context": CONTEXT, "namespace": "production"},
            prometheus={"url": server.url, "token": "env:PROMETHEUS"},
            statuspage={"url": server.url, "page": "xyz", "token": "env:STATUSPAGE"},
            databases=postgres_scripts.CONNECTIONS,
            caches=redis_scripts.CONNECTIONS,
            launchdarkly={
                "project": "aivo",
                "environment": "production",
                "token": "env:LAUNCHDARKLY",
                "url": server.url,
            },
            scripts={
                "smoke-test": {"path": "files/smoke.sh", "sha256": SMOKE, "timeout": "5m"},
                "purge": {
                    "path": "files/smoke.sh",
                    "sha256": SMOKE,
                    "check": "--check",
                    "loses": "uploads since the backup",
                    "timeout": "5m",
                },
                "repair": {
                    "path": "files/smoke.sh",
                    "sha256": SMOKE,
                    "check": "--check",
                    "environment": {"API_TOKEN": "env:PROMETHEUS"},
                    "timeout": "5m",
                },
            },
            mail={
                "sender": "alerts@aivo.edu",
                "smtp": {"host": "127.0.0.1", "port": 1, "tls": False},
            },
        )
        surroundings = surroundings_for(
            tmp_path,
            kubeconfig=write_kubeconfig(tmp_path / "kubeconfig", server.url),
            helm=str(write_helm(tmp_path / "helm", dict(helm or {}))),
            PROMETHEUS="prometheus-secret",
            STATUSPAGE="statuspage-secret",
            LAUNCHDARKLY="launchdarkly-secret",
            **postgres_scripts.SECRETS,
            **redis_scripts.SECRETS,
            **(secrets or {}),
        )
        return FakeContext(
            system=system.placed_in(tmp_path / "aivo"),
            surroundings=replace(surroundings, vault=OpenVault()),
            clients=pool,
            **rest,
        )

    return make


@pytest.fixture
async def estate(tmp_path: Path) -> AsyncIterator[Estate]:
    """The simulated estate, healthy, at forty times the speed."""
    simulated = Estate(data=tmp_path / "estate", speed=40)
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
def live(tmp_path: Path, pool: ClientPool, estate: Estate) -> FakeContext:
    """A context in the simulated estate."""
    return FakeContext(
        system=system_for(
            kubernetes={
                "context": CONTEXT,
                "namespace": "production",
                "server": estate.kubernetes_url,
            },
            prometheus={"url": estate.prometheus_url},
            statuspage={
                "url": estate.statuspage_url,
                "page": estate.statuspage_page,
                "token": "env:STATUSPAGE",
            },
        ),
        surroundings=surroundings_for(
            tmp_path,
            kubeconfig=estate.kubeconfig,
            helm=str(estate.helm_dir / "helm"),
            STATUSPAGE=estate.statuspage_token,
        ),
        clients=pool,
        values={"incident": {"reason": "checkout 5xx"}},
        waits=True,
    )
