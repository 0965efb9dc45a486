"""One replica: `backout serve` as a process of its own, which can be killed, stopped and asked."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from tests.real.processes import free_port

TAIL = 4_000  # characters of a log that a failure shows
PAUSE = 0.2  # who asks without end keeps a replica from its work
Json = dict[str, Any]


class Replica:
    """One of several bots."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.port = free_port()
        self.data = folder / f"data-{name}"
        self.log = folder / f"bot-{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, environment: Mapping[str, str], checked: Path) -> None:
        """Start it; it is ready when `ready` says so.

        `checked` tells that its files were found right: many starts need not all look again.
        """
        own = {"BACKOUT_DATA": str(self.data), "BACKOUT_PORT": str(self.port)}
        self.data.mkdir(exist_ok=True)
        shutil.copy(checked, self.data)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "bot.cli", "serve"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | environment | own,
            )

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The process, also after its end."""
        assert self._process is not None
        return self._process

    @property
    def lives(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    def said(self) -> str:
        """Return its log."""
        return self.log.read_text(encoding="utf-8")

    # Asking

    async def ask(self, path: str) -> tuple[int, str]:
        """Ask its web server, not too often; 0 where it does not answer."""
        await asyncio.sleep(PAUSE)
        timeout = aiohttp.ClientTimeout(total=10)
        try:
            async with (
                aiohttp.ClientSession(trust_env=False, timeout=timeout) as session,
                session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, ""

    async def ready(self) -> bool:
        """Say whether it is ready; fail where it has ended."""
        assert self.lives, f"{self.name} ended:\n{self.said()[-TAIL:]}"
        return (await self.ask("/readyz"))[0] == 200

    async def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        _, page = await self.ask("/metrics")
        found = re.findall(rf"^{name}(?:\{{.*\}})? ([\d.e+-]+)$", page, re.MULTILINE)
        return sum(map(float, found))

    async def leads(self) -> bool:
        """Say whether it draws the cards."""
        return await self.metric("backout_leader") == 1

    def runs_helm(self) -> bool:
        """Say whether it has Helm at work."""
        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
            return any("rollback" in child.cmdline() for child in children)
        except psutil.Error:
            return False

    # Ending

    async def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    def freeze(self) -> None:
        """Stop it where it is, as a machine that hangs does."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    async def stop(self) -> int:
        """End it in good order; return its exit code."""
        self.process.terminate()
        return await self.process.wait()

    async def close(self) -> None:
        """Leave no process behind."""
        if self.lives:
            self.thaw()
            self.process.terminate()
            try:
                async with asyncio.timeout(30):
                    await self.process.wait()
            except TimeoutError:
                await self.kill()
