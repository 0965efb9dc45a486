"""Only this machine's own page and programs reach the workspace."""

from __future__ import annotations

import aiohttp
import pytest

from sandbox.workspace import Workspace
from sandbox.workspace.access import APP_TOKEN

SAY = {"user": "U0EMILY", "channel": "C0INCIDENTS", "text": "hello"}
CASES = {
    "no origin": ({}, 200),
    "own origin": ({"Origin": "{own}"}, 200),
    "foreign origin": ({"Origin": "https://evil.example"}, 403),
    "another local port": ({"Origin": "http://127.0.0.1:1"}, 403),
    "null origin": ({"Origin": "null"}, 403),
    "rebound host": ({"Host": "evil.example"}, 403),
    "localhost": ({"Host": "localhost:80"}, 200),
}


@pytest.mark.parametrize("name", sorted(CASES))
async def test_origin_and_host(workspace: Workspace, name: str) -> None:
    """A foreign page, or a foreign name for this address, is refused."""
    headers, status = CASES[name]
    own = workspace.url.rstrip("/")
    sent = {key: value.replace("{own}", own) for key, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{workspace.url}control/say", json=SAY, headers=sent) as response,
    ):
        assert response.status == status


async def test_the_live_feed_refuses_foreign_pages(workspace: Workspace) -> None:
    """A WebSocket from another page's script gets nothing."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{workspace.url}page/ws", origin="https://evil.example")


async def test_pages_carry_a_strict_policy_and_files_stay_inside(workspace: Workspace) -> None:
    """Scripts come from the page itself only, and no path leads out of its folder."""
    async with aiohttp.ClientSession() as session:
        async with session.get(workspace.url) as page:
            assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
            assert "text/html" in page.headers["Content-Type"]
        for path in ("page/..%2Fworld.py", "page/nothing.js", "page/../world.py"):
            async with session.get(f"{workspace.url}{path}") as response:
                assert response.status == 404


async def test_a_ticket_opens_one_socket(workspace: Workspace) -> None:
    """The address of a Socket Mode connection works once; the eleventh socket is refused."""
    async with aiohttp.ClientSession() as session:
        opened = []
        for number in range(11):
            async with session.post(
                f"{workspace.api_url}apps.connections.open",
                headers={"Authorization": f"Bearer {APP_TOKEN}"},
            ) as response:
                url = (await response.json())["url"]
            socket = await session.ws_connect(url)
            hello = await socket.receive_json()
            assert hello["type"] == ("hello" if number < 10 else "disconnect")
            opened.append(socket)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
        for socket in opened:
            await socket.close()
