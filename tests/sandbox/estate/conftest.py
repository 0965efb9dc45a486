"""Fixtures of the estate tests: a fast estate, HTTP and Kubernetes clients, its `helm`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from kubernetes.aio import client, config

from sandbox.estate import Estate
from sandbox.estate.access import TOKEN

Until = Callable[[Callable[[], object]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Helm = Callable[..., Awaitable[Outcome]]


@pytest.fixture
async def estate(tmp_path: Path) -> AsyncIterator[Estate]:
    """An estate in which a rollout takes a fraction of a second."""
    async with Estate(data=tmp_path, speed=60) as running:
        yield running


@pytest.fixture
async def http(estate: Estate) -> AsyncIterator[ClientSession]:
    """A plain HTTP client that holds the cluster's token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with ClientSession(headers=headers) as session:
        yield session


@pytest.fixture
async def cluster(estate: Estate) -> AsyncIterator[client.ApiClient]:
    """The official asynchronous client, configured by the estate's kubeconfig."""
    settings = client.Configuration()
    load: Any = config.load_kube_config  # the client's package has no types for it
    await load(str(estate.kubeconfig), client_configuration=settings)
    async with client.ApiClient(settings) as api:
        yield api


@pytest.fixture
def apps(cluster: client.ApiClient) -> Any:
    """Deployments and ReplicaSets; `Any`, as the generated models call every field optional."""
    return client.AppsV1Api(cluster)


@pytest.fixture
def core(cluster: client.ApiClient) -> Any:
    """Pods and Secrets; `Any`, as the generated models call every field optional."""
    return client.CoreV1Api(cluster)


@pytest.fixture
def helm(estate: Estate) -> Helm:
    """The estate's `helm` command as a function."""

    async def call(*arguments: str) -> Outcome:
        return await run(
            str(estate.helm_dir / "helm"), *arguments, KUBECONFIG=str(estate.kubeconfig)
        )

    return call


async def run(*command: str, **environment: str) -> Outcome:
    """Run a command with nothing but the given environment."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": "/usr/bin:/bin", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Outcome(code=process.returncode or 0, out=out.decode(), err=err.decode())


@pytest.fixture
def until() -> Until:
    """Wait for a condition that the running estate brings about."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.02)

    return wait
