"""Fixtures of the tests of AWS's actions: AWS as the bench simulates it, and contexts in it.

aws       the server, in an account in which nothing was ever made
at        makes uses of actions there: `at("aws.rds.create_snapshot", instance="orders")`;
          `credentials=` asks with somebody's rights alone
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.aws import sessions
from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from config.models.connections import AwsConnection
from tests.adapters.aws_answers import loader
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use
from tests.real.services.aws.server import ADMIN, REGION, Aws, User
from tests.real.services.fixtures import aws, aws_server

__all__ = ["aws", "aws_server"]
ACCOUNT = "123456789012"
Json = Any
At = Callable[..., Use]


@pytest.fixture
async def at(
    aws: Aws, registry: ActionRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[At]:
    """Make uses of actions in the account; each has connections of its own."""
    pools: list[ClientPool] = []
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))

    def quick_session(connection: AwsConnection) -> Any:
        session = new_session(connection)
        session.register_component("data_loader", loader())
        return session

    new_session = sessions.new_session
    monkeypatch.setattr(sessions, "new_session", quick_session)

    def make(
        uses: str,
        *,
        step: str = "step",
        credentials: User = ADMIN,
        connection: Json = None,
        **inputs: Json,
    ) -> Use:
        for name, value in aws.environment(credentials).items():
            monkeypatch.setenv(name, value)
        pools.append(ClientPool())
        pinned = {"account": ACCOUNT, "region": REGION, "endpoint": aws.url}
        context = FakeContext(
            system=system_for(aws={**pinned, **(connection or {})}),
            surroundings=surroundings_for(tmp_path),
            clients=pools[-1],
            waits=True,
        )
        return Use(registry, context, uses, step, **inputs)

    yield make
    for pool in pools:
        await pool.close()
