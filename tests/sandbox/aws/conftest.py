"""The estate's account of AWS, and AWS's own SDK to ask it with."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aws import serving, users
from sandbox.aws.part import Aws
from sandbox.aws.users import User
from sandbox.estate.clock import Clock
from tests.real.presence import missing

Json = Any
PATIENCE = 60.0
HURRIED = 5_000.0


class Sdk:
    """Calls as programs make them: `await sdk("rds", "describe_db_instances", user=BOT)`."""

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url
        self._clients: dict[tuple[str, str], Any] = {}

    def close(self) -> None:
        """Close all connections."""
        for each in self._clients.values():
            each.close()

    async def __call__(
        self, service: str, method: str, *, user: User = users.OPERATOR, **parameters: Json
    ) -> Json:
        """Call one operation and return its answer."""
        return await asyncio.to_thread(self._call, service, method, user, parameters)

    async def refusal(self, service: str, method: str, **parameters: Json) -> str:
        """Return the code with which a call is refused."""
        with pytest.raises(ClientError) as refused:
            await self(service, method, **parameters)
        return str(refused.value.response["Error"]["Code"])

    def _call(self, service: str, method: str, user: User, parameters: Json) -> Json:
        if (service, user.key_id) not in self._clients:
            self._clients[service, user.key_id] = self._session.client(
                service,
                region_name="us-east-1",
                endpoint_url=self._url,
                aws_access_key_id=user.key_id,
                aws_secret_access_key=user.secret,
                config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
            )
        return getattr(self._clients[service, user.key_id], method)(**parameters)


@pytest.fixture(scope="session")
def session() -> Session:
    """One for all: each reads its services' descriptions anew."""
    return Session()


@pytest.fixture
def clock() -> Clock:
    """The estate's clock, as slow as it is for people."""
    return Clock()


@pytest.fixture
async def aws(clock: Clock) -> AsyncIterator[Aws]:
    """The account, healthy."""
    async with running(Aws(clock)) as part:
        yield part


@pytest.fixture
def sdk(aws: Aws, session: Session) -> Iterator[Sdk]:
    """The SDK of who may do everything."""
    with closing(Sdk(session, aws.addresses()["aws_url"])) as found:
        yield found


@asynccontextmanager
async def running(part: Aws) -> AsyncIterator[Aws]:
    """Start a part, and stop it when the block ends."""
    if not serving.is_installed():
        missing("moto", "Python: moto[server] and boto3, which `make test` installs")
    await part.start()
    try:
        yield part
    finally:
        await part.stop()


def view(aws: Aws) -> Json:
    """Return what the panel shows."""
    found = aws.state()
    assert found is not None
    return found


async def until(holds: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = holds()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, "It never came to hold."
        await asyncio.sleep(0.02)
