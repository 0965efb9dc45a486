"""The stage that benchmarks play on: the sandbox in this process, a bot in one of its own.

The sandbox is here, so that clicks, calls and requests carry the times of one clock and are read
without polling over HTTP.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

from bot.demo_estate import Addresses, bot_environment
from sandbox.estate.faults import Target
from sandbox.workspace.client import WorkspaceClient
from sandbox.workspace.models import Message
from sandbox.world import World

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
BACKOUT = ("-m", "bot.cli", "serve")
MINIMAL = ("-m", "tests.benchmarks.minimal_bolt")
INCIDENTS = "C0INCIDENTS"
DECLARER = "U0MARCUS"
APPROVERS = ("U0JENNIFER", "U0ALEX")
PATIENCE = 60.0
LOOK = 0.002


class Process:
    """A bot that was started, with what it has said."""

    def __init__(self, process: asyncio.subprocess.Process, began: float) -> None:
        self.process = process
        self.began = began
        self.said: list[str] = []
        self.ready_after = 0.0
        self._ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := (await self.process.stderr.readline()).decode(errors="replace"):
            self.said.append(line)
            if "ready: " in line and not self._ready.is_set():
                self.ready_after = time.monotonic() - self.began
                self._ready.set()
        self._ready.set()

    async def ready(self) -> float:
        """Wait until it says so; return the seconds since it was spawned."""
        await asyncio.wait_for(self._ready.wait(), 10 * PATIENCE)
        if not self.ready_after:
            raise RuntimeError(f"the bot did not start:\n{''.join(self.said[-15:])}")
        return self.ready_after

    async def stop(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), 20)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await self._reading


class Stage:
    """A world, its people, and the bots that come and go."""

    def __init__(self, world: World, people: WorkspaceClient, folder: Path) -> None:
        self.world = world
        self.people = people
        self.folder = folder
        self.systems = folder / "systems"
        self.data = folder / "journal"

    def environment(self) -> dict[str, str]:
        """Return the environment in which a bot finds this world only."""
        caller = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        found = bot_environment(
            caller, addresses=addresses(self.world), data=self.data, overlay=self.folder / "none"
        )
        del found["BACKOUT_OVERLAY"]
        return found | {
            "BACKOUT_SYSTEMS": str(self.systems),
            "BENCH_CLUSTER": f"{self.world.estate.kubernetes_url}/version",
            "BENCH_TOKEN": self.world.estate.kubernetes_token,
        }

    async def spawn(
        self, arguments: Sequence[str], more: Mapping[str, str] | None = None
    ) -> Process:
        """Start a bot."""
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            cwd=ROOT,
            env=self.environment() | dict(more or {}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        return Process(process, began)

    @asynccontextmanager
    async def bot(
        self, arguments: Sequence[str] = BACKOUT, more: Mapping[str, str] | None = None
    ) -> AsyncIterator[Process]:
        """Run a bot for a while."""
        started = await self.spawn(arguments, more)
        try:
            await started.ready()
            yield started
        finally:
            await started.stop()

    # Looking

    async def until(self, look: Callable[[], T | None], what: str) -> T:
        """Wait until there is something."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := look()):
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise RuntimeError(f"waited in vain for {what}") from None
        return found

    def message_with(self, channel_prefix: str, action: str) -> tuple[Message, str] | None:
        """Return the message in a channel whose button's id begins so, and the id."""
        for channel in self.world.workspace.context.store.channels.values():
            if channel.name.startswith(channel_prefix):
                for message in channel.messages.values():
                    if found := button_of(message, action):
                        return message, found
        return None

    async def offered(self, incident: int, action: str) -> tuple[Message, str]:
        """Wait until an incident's card has a button."""
        return await self.until(
            lambda: self.message_with(f"inc-{incident}-", action), f"{action} on INC-{incident}"
        )

    async def click(self, user: str, message: Message, action: str) -> float:
        """Click; return when Slack sent it off (seconds since the epoch)."""
        await self.people.click(user, message.channel, message.ts, action)
        log = self.world.workspace.context.delivery.log
        return next(sent.t for sent in reversed(log) if sent.what == "block_actions")

    async def declare(self, system: str) -> None:
        """Declare by a slash command."""
        await self.people.slash(DECLARER, INCIDENTS, f"declare {system} measured")

    def call_after(self, moment: float, method: str, channel: str = "") -> float | None:
        """Return when the first such call after a moment took effect."""
        for call in self.world.workspace.api.calls:
            in_place = not channel or call.args.get("channel") == channel
            if call.t >= moment and call.method == method and in_place and call.done:
                return call.done
        return None

    def request_after(self, moment: float) -> float | None:
        """Return when the first request after a moment reached the cluster."""
        for entry in self.world.estate.requests.entries:
            if entry.at >= moment and entry.server == Target.KUBERNETES:
                return entry.at
        return None

    async def quiet(self, seconds: float = 1.5) -> None:
        """Wait until the bot has called nothing for a while."""
        calls = self.world.workspace.api.calls
        async with asyncio.timeout(2 * PATIENCE):
            seen = -1
            while seen != len(calls):
                seen = len(calls)
                await asyncio.sleep(seconds)


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Open an empty stage, without Slack's limits."""
    with tempfile.TemporaryDirectory(prefix="backout-bench-") as name:
        folder = Path(name)
        (folder / "systems").mkdir()
        world = World(data=folder / "estate")
        await world.start()
        try:
            async with WorkspaceClient(world.workspace.url) as people:
                await people.act("limits", enabled=False)
                yield Stage(world, people, folder)
        finally:
            await world.stop()


def addresses(world: World) -> Addresses:
    """Return where everything of a world is."""
    return Addresses.model_validate(world.addresses())


def button_of(message: Message, action: str) -> str | None:
    """Return the id of a message's button that begins so."""
    for block in message.blocks:
        for element in block.get("elements", ()):
            if isinstance(element, dict) and str(element.get("action_id", "")).startswith(action):
                return str(element["action_id"])
    return None
