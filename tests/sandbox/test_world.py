"""`python -m sandbox` starts everything, tells where it is, and stops when told."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path

import pytest
from aiohttp import ClientSession

from sandbox.world import World

ROOT = Path(__file__).resolve().parents[2]
_EXPECTED = {
    "slack_api_url",
    "workspace_page",
    "estate_url",
    "kubeconfig",
    "helm_dir",
    "prometheus_url",
    "health_url",
    "statuspage_url",
    "statuspage_token",
    "statuspage_page",
    "status_page",
    "bot_token",
    "app_token",
    "signing_secret",
    "pagerduty_url",
    "pagerduty_authority",
    "pagerduty_routing_key",
    "pagerduty_token",
    "pagerduty_webhook_secret",
}


async def test_the_page_controls_the_estate(tmp_path: Path) -> None:
    """The workspace's own address serves the estate's control routes."""
    world = World(data=tmp_path)
    await world.start()
    try:
        assert set(world.addresses()) == _EXPECTED
        async with ClientSession() as session:
            state = await session.get(f"{world.workspace.url}estate/api/state")
            assert state.status == 200
            health = await session.get(world.addresses()["health_url"])
            assert (await health.json())["status"] == "ok"
    finally:
        await world.stop()


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def _read(file: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(file.read_text())
    return found


def _is_there(path: Path) -> bool:
    return path.exists()


def _is_private(path: str) -> bool:
    return Path(path).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_runs_until_it_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    """It prints the page's address, writes the others, and ends cleanly on either signal."""
    file = tmp_path / "addresses.json"
    ports = ("--port", "0", "--estate-port", "0")
    process = await _start(*ports, "--data", str(tmp_path / "data"), "--addresses", str(file))
    assert process.stdout is not None
    assert process.stderr is not None
    lines = [(await process.stdout.readline()).decode() for _ in range(3)]
    found = _read(file)
    assert lines[1] == f"Open {found['workspace_page']}\n"
    assert _is_private(found["kubeconfig"])
    process.send_signal(number)
    assert await process.wait() == 0
    assert await process.stderr.read() == b""
    assert not _is_there(file)


async def test_a_taken_port_is_explained(tmp_path: Path) -> None:
    """A port in use ends the command with a sentence, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await _start("--port", "0", "--estate-port", port, "--data", str(tmp_path))
        _, err = await process.communicate()
    assert process.returncode == 1
    assert f"Port 0 or {port} is taken" in err.decode()
