"""PagerDuty over TLS, and an incident that calls people by it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.pagerduty_stub import Stub
from tests.bot.duty import Duty


@pytest.fixture
async def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stub]:
    """PagerDuty, whose certificate is trusted."""
    found = Stub()
    folder = tmp_path / "tls"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(await found.start(folder)))
    yield found
    await found.stop()


@pytest.fixture
async def duty(tmp_path: Path, stub: Stub) -> AsyncIterator[Callable[..., Duty]]:
    """Make the bot on its journal, with what its connection has beside the key."""
    made: list[Duty] = []

    def make(**connection: Any) -> Duty:
        made.append(Duty(tmp_path / "data", stub, **connection))
        return made[-1]

    yield make
    for each in made:
        await each.close()
