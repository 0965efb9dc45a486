"""Fixtures of the workspace tests: a running workspace, a person's client, an app's client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.workspace import Settings, Workspace, WorkspaceClient
from sandbox.workspace.access import BOT_TOKEN


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    """A workspace whose retry clocks run fast and whose rate limits are off."""
    settings = Settings(rate_limits=False, retry_seconds=(0.0, 0.05, 0.1))
    async with Workspace(settings=settings) as running:
        yield running


@pytest.fixture
async def people(workspace: Workspace) -> AsyncIterator[WorkspaceClient]:
    """The people of that workspace."""
    async with WorkspaceClient(workspace.url) as client:
        yield client


@pytest.fixture
def slack(workspace: Workspace) -> AsyncWebClient:
    """The SDK's own client with the app's token."""
    return web_client(workspace)


def web_client(workspace: Workspace, token: str = BOT_TOKEN) -> AsyncWebClient:
    """Return the SDK's client; it would send loopback calls to a proxy unless told not to."""
    client = AsyncWebClient(token=token, base_url=workspace.api_url)
    client.proxy = None
    return client
