"""The demo as a newcomer plays it: one command, the story in the page, a kill, the recovery."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from sandbox.workspace.client import WorkspaceClient, buttons, shown

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(420)]

INCIDENTS = "C0INCIDENTS"
Json = dict[str, Any]


@dataclass
class Demo:
    """A running `backout demo`, the people in it, and what it has said so far."""

    process: asyncio.subprocess.Process
    people: WorkspaceClient
    data: Path
    said: list[str]

    async def hears(self, pattern: str, within: float = 60) -> re.Match[str]:
        """Read the terminal until a line matches."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line)
                if found := re.search(pattern, line):
                    return found
        raise AssertionError(f"the demo ended without {pattern!r}:\n{''.join(self.said)}")

    async def estate(self, path: str, body: Json | None = None) -> Json:
        """Ask the estate's panel, or press one of its buttons."""
        url = f"{self.people.url}estate/api/{path}"
        async with aiohttp.ClientSession() as session:
            request = session.get(url) if body is None else session.post(url, json=body)
            async with request as response:
                answer: Json = await response.json()
                return answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo, started as a person starts it."""
    data = tmp_path / "demo"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot.cli", "demo", "--no-browser"),
        *("--port", str(_free_port()), "--data", str(data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    started = Demo(process, WorkspaceClient("http://127.0.0.1:0"), data, [])
    try:
        found = await started.hears(r"Open (http://127\.0\.0\.1:\d+/?)")
        started.people = WorkspaceClient(found[1])
        yield started
    finally:
        await started.people.close()
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            await asyncio.wait_for(process.wait(), 60)
        assert process.stdout is not None
        started.said.append((await process.stdout.read()).decode())
        sys.stdout.write("".join(started.said))  # pytest shows it where a test failed


async def _card(people: WorkspaceClient, act: str = "", having: str = "") -> Json | None:
    """Return the incident's card, once it offers this act."""
    for name in await people.channels():
        if not name.startswith("inc-"):
            continue
        for message in await people.messages(name):
            found = buttons(message.get("blocks") or [])
            acts = (json.dumps(each) for key, each in found.items() if f"backout:{act}" in key)
            if any(having in each for each in acts):
                return message
    return None


async def _press(people: WorkspaceClient, user: str, act: str, *, having: str = "") -> None:
    """Wait for a button of this act, and press it as this user."""

    async def offered() -> Json | None:
        return await _card(people, act, having)

    message = await people.wait_for(offered, 90, what=f"a button for {act}")
    for action_id, element in buttons(message["blocks"]).items():
        if action_id.startswith(f"backout:{act}") and having in json.dumps(element):
            await people.click(user, message["channel"], message["ts"], action_id)
            return


async def _break_it(demo: Demo) -> None:
    await demo.estate("break", {"scenario": "bad_release"})

    async def broken() -> bool:
        state = await demo.estate("state")
        return float(state["availability"]) < 0.9 and int(state["affected_users"]) > 1000

    await demo.people.wait_for(broken, 90, what="availability below 90 %")


async def _declare_and_answer(people: WorkspaceClient) -> None:
    await people.say("U0MARCUS", INCIDENTS, '!incident declare "checkout 5xx"')
    for question in ("security", "data"):
        await _press(people, "U0MARCUS", "answer", having=f'\\"{question}\\",\\"a\\":false')


async def _all_text(people: WorkspaceClient) -> str:
    names = [name for name in await people.channels() if name.startswith("inc-")]
    return "\n".join([shown(await people.messages(name)) for name in names])


async def _run_audit(demo: Demo) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot.cli", "audit", "verify"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "BACKOUT_DATA": str(demo.data / "journal")},
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_the_story_is_played_to_its_end_although_the_bot_is_killed(demo: Demo) -> None:
    """Break it, declare it, approve it as two leads, kill the bot, and it still gets well."""
    people = demo.people
    pid = int((await demo.hears(r"kill -9 (\d+)"))[1])
    await _break_it(demo)
    await _declare_and_answer(people)
    await _press(people, "U0JENNIFER", "approve")
    await _press(people, "U0ALEX", "approve")

    async def rolling_back() -> bool:
        history = (await demo.estate("state"))["history"]
        return max(int(each["revision"]) for each in history) > 42

    await people.wait_for(rolling_back, 90, what="a revision after the bad one")
    os.kill(pid, signal.SIGKILL)
    await demo.hears(r"was ended by SIGKILL")
    await demo.hears(r"is back as process \d+", within=90)

    await _press(people, "U0JENNIFER", "approve", having="no_concern")

    async def closed() -> bool:
        return "CLOSED" in await _all_text(people)

    await people.wait_for(closed, 300, what="the card to close")
    state = await demo.estate("state")
    assert float(state["error_ratio"]) < 0.001
    phases = [mark["phase"] for mark in (await demo.estate("marks"))["marks"]]
    assert phases[:5] == ["assess", "approve", "restore", "validate", "communicate"]
    assert (await _run_audit(demo)) == (0, "1 incident checked, 1 whole, 0 broken.\n")


async def test_ctrl_c_stops_everything(demo: Demo) -> None:
    """No process of the demo outlives it, and the journal that was asked for is kept."""
    await demo.hears(r"Ctrl-C stops everything")
    children = psutil.Process(demo.process.pid).children(recursive=True)
    assert len(children) >= 2

    demo.process.send_signal(signal.SIGINT)
    await demo.hears(r"Stopped\. Journal and logs are in")

    assert await asyncio.wait_for(demo.process.wait(), 30) == 0
    _gone, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    assert (demo.data / "journal" / "journal.db").exists()
