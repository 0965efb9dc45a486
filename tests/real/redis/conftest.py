"""A Redis of the session, empty for each test, and the actions' context around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use
from tests.real.services.redis import RedisServer, redis_server, redis_store

__all__ = ["redis_server", "redis_store"]

Json = Any


@pytest.fixture
def within(
    redis_store: RedisServer, pool: ClientPool, tmp_path: Path
) -> Callable[..., FakeContext]:
    """Make a context whose cache `main` is the session's Redis, or another address."""

    def make(url: str = "", authority: str | None = None) -> FakeContext:
        here = f"redis://:{redis_store.password}@127.0.0.1:{redis_store.port}/0"
        return FakeContext(
            system=system_for(caches={"main": {"url": "env:CACHE", "authority": authority}}),
            surroundings=surroundings_for(tmp_path, CACHE=url or here),
            clients=pool,
            waits=True,
        )

    return make


@pytest.fixture
def use(registry: ActionRegistry) -> Callable[..., Use]:
    """Make uses: `use(context, "redis.ping", cache="main")`."""

    def make(context: FakeContext, uses: str, step: str = "step", **inputs: Json) -> Use:
        return Use(registry, context, uses, step, **inputs)

    return make
