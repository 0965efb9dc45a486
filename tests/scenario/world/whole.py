"""Everything for real but the outside: the bot as it is wired, AIVO, a workspace and an estate.

`Whole` is what the tests of this folder play in.  The bot runs in this process, or (to be killed)
as `backout serve`; what stands in its journal is read the same way for both.
"""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import wiring
from config.settings import PACKAGED, Settings
from flows import auditing
from flows.events import Recorded
from flows.journal import Journal
from flows.opening import AnyEngine
from flows.runs import Run
from sandbox.estate import releases
from sandbox.estate.catalogue import NAMESPACE
from sandbox.estate.resources import DEPLOYMENTS
from sandbox.furnishing import furnish
from sandbox.workspace import WorkspaceClient
from sandbox.workspace.client import shown
from sandbox.world import World

MARCUS, EMILY = "U0MARCUS", "U0EMILY"
JENNIFER, ALEX = "U0JENNIFER", "U0ALEX"
INCIDENTS = "incident-response"
DECLARATION = '!incident declare "Production Rollback - checkout 5xx"'
BIT = 0.02
TAIL = 4_000  # characters of a log that a failure shows
PATIENCE = 120.0  # seconds that a test waits for what must come, on however busy a machine
STANDSTILL = 0.1  # the slowest speed: Helm waits for pods until a test lets time run on
# The procedure's own times, but for a test that is not there to wait.
QUICK: Mapping[str, str] = {
    "hold_for: 30s": "hold_for: 0.2s",
}
SOON_KNOWN = {"procedures/service.yaml": {"budget: 1m": "budget: 4s"}}
Edits = Mapping[str, Mapping[str, str]]
Json = dict[str, Any]


class Whole:
    """A world, its people, and a bot that comes and goes."""

    def __init__(self, world: World, people: WorkspaceClient, folder: Path) -> None:
        self.world = world
        self.people = people
        self.folder = folder
        self.data = folder / "journal"
        self.log = folder / "bot.log"
        self.incident = "INC-1"  # which of them is meant
        self.changes: dict[str, str] = {}
        self._bot: AsyncExitStack | None = None
        self._engine: AnyEngine | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._http = aiohttp.ClientSession()

    # The bot

    def environment(self) -> dict[str, str]:
        """Return what the bot finds in its environment."""
        where = self.world.addresses()
        return {
            "SLACK_API_URL": where["slack_api_url"],
            "SLACK_BOT_TOKEN": where["bot_token"],
            "SLACK_APP_TOKEN": where["app_token"],
            "SLACK_SIGNING_SECRET": where["signing_secret"],
            "KUBECONFIG": where["kubeconfig"],
            "BACKOUT_HELM": str(Path(where["helm_dir"]) / "helm"),
            "BACKOUT_DATA": str(self.data),
            "BACKOUT_SYSTEMS": str(self.folder / "systems"),
            "BACKOUT_OVERLAY": str(self._overlay()),
        } | self.changes

    def _overlay(self) -> Path:
        where = self.world.addresses()
        file = self.folder / "overlay.yaml"
        file.write_text(
            f"""aivo:
  connections:
    prometheus: {{url: "{where["prometheus_url"]}"}}
    statuspage: {{url: "{where["statuspage_url"]}", page: "{where["statuspage_page"]}"}}
  variables: {{health_url: "{where["health_url"]}"}}
"""
        )
        return file

    async def start(self) -> None:
        """Start the bot in this process."""
        bot = AsyncExitStack()
        settings = Settings.model_validate(self.environment())
        running = await bot.enter_async_context(wiring.running(settings))
        self._bot, self._engine = bot, running.core.engine
        await self.people.wait_sockets(1, within=PATIENCE)

    async def stop(self) -> None:
        """Stop the bot of this process."""
        bot, self._bot, self._engine = self._bot, None, None
        if bot is not None:
            await bot.aclose()

    async def run(self, *words: str, **changes: str) -> asyncio.subprocess.Process:
        """Start `backout WORDS` as a process of its own; its output goes to `log`."""
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "bot.cli", *words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment() | changes,
            )

    async def serve(self) -> None:
        """Start the bot as a process of its own."""
        process = self._process = await self.run("serve")

        async def connected() -> bool:
            said = self.log.read_text(encoding="utf-8")
            assert process.returncode is None, f"the bot ended:\n{said[-TAIL:]}"
            return int((await self.people.read("sockets"))["count"]) == 1

        await self.people.wait_for(connected, PATIENCE, what="the bot's socket")

    async def kill(self) -> None:
        """End the bot's process with SIGKILL."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

        async def alone() -> bool:
            return int((await self.people.read("sockets"))["count"]) == 0

        await self.people.wait_for(alone, what="the workspace to notice")

    async def close(self) -> None:
        """Stop whatever still runs."""
        await self.stop()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
        await self._http.close()

    # The journal

    def look(self, incident: str = "") -> Run | None:
        """Return an incident as the journal has it."""
        incident = incident or self.incident
        if self._engine is not None:
            return self._engine.run(incident)
        journal = self._journal()
        if journal is None:
            return None
        try:
            return journal.run(incident)
        finally:
            journal.close()

    def events(self, incident: str = "") -> list[Recorded]:
        """Return its events."""
        incident = incident or self.incident
        journal = self._journal()
        assert journal is not None
        try:
            assert not tuple(auditing.verify(journal, [incident]))
            return list(journal.events(incident))
        finally:
            journal.close()

    def _journal(self) -> Journal | None:
        there = (self.data / "journal.db").exists()
        return Journal.read(self.data) if there else None

    async def until(
        self, wanted: Callable[[Run], Any], incident: str = "", *, what: str = ""
    ) -> Run:
        """Wait until an incident is as wanted."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    run = self.look(incident)
                    if run is not None and wanted(run):
                        return run
                    await asyncio.sleep(BIT)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; {self._where(incident)}") from None

    def _where(self, incident: str) -> str:
        run = self.look(incident)
        if run is None:
            return f"there is no {incident}"
        steps = {name: (record.state, record.summary) for name, record in run.steps.items()}
        return f"{run.state}, blocked {run.blocked!r}, held {run.held}, {steps}"

    async def state(self, *states: str) -> Run:
        """Wait until the incident is in one of these states."""
        return await self.until(lambda run: run.state in states, what=" or ".join(states))

    async def quiet(self) -> Run:
        """Wait until nothing is being changed."""
        return await self.until(lambda run: not run.changing(), what="no change under way")

    # The story

    async def broken(self) -> None:
        """Ship the bad release and wait until it hurts enough for two leads."""
        await self.estate("break")

        async def hurts() -> bool:
            point = self.world.estate.traffic.points[-1]
            return point.availability < 0.88 and point.affected_users > 1100

        await self.people.wait_for(hurts, PATIENCE, what="a broken estate")

    async def declare(self, text: str = DECLARATION, who: str = MARCUS) -> None:
        """Declare, and answer both questions with no."""
        await self.people.say(who, INCIDENTS, text)
        await self.until(lambda run: run.channel, what="a channel")
        for question in ("security", "data"):
            await self.say(who, f"answer {question} no")

    async def planned(self) -> Run:
        """Break the estate, declare, and wait for the plan."""
        await self.broken()
        await self.declare()
        return await self.state("approve")

    async def approve(self, *people: str) -> None:
        """Approve the plan that stands; by default as both leads."""
        for who in people or (JENNIFER, ALEX):
            await self.press(who, "approve")

    async def say(self, who: str, text: str) -> None:
        """Type a command into the incident's channel."""
        channel = await self._channel()

        async def invited() -> bool:
            channels = (await self.people.channels()).values()
            return any(who in one["members"] for one in channels if one["id"] == channel)

        await self.people.wait_for(invited, PATIENCE, what=f"{who} in the channel")
        await self.people.say(who, channel, f"!incident {text}")

    async def press(self, who: str, act: str) -> None:
        """Press a button of the card as soon as it is there."""

        async def button() -> tuple[Json, str] | None:
            card = await self.card()
            for block in card["blocks"] if card else ():
                for element in block.get("elements", ()):
                    if str(element.get("action_id", "")).startswith(f"backout:{act}"):
                        return card, str(element["action_id"])
            return None

        card, action = await self.people.wait_for(button, PATIENCE, what=f"button {act}")
        await self.people.click(who, await self._channel(), card["ts"], action)

    async def _channel(self) -> str:
        run = await self.until(lambda run: run.channel, what="a channel")
        return run.channel or ""

    async def card(self) -> Json:
        """Return the card, or an empty object."""
        journal = self._journal()
        if journal is None:
            return {}
        try:
            sent = journal.delivery(f"card:{self.incident}")
        finally:
            journal.close()
        if sent is None:
            return {}
        messages = await self.people.messages(sent.channel)
        return next((one for one in messages if one["ts"] == sent.ts), {})

    async def card_shows(self, text: str) -> str:
        """Wait until the card shows a text; return all of its text."""

        async def look() -> str | None:
            card = await self.card()
            words = shown(card.get("blocks", []))
            return words if text in words else None

        return await self.people.wait_for(look, PATIENCE, what=f"{text!r} on the card")

    async def hears(self, text: str, channel: str = "") -> str:
        """Wait for a message in a channel (the incident's) that holds a text."""
        where = channel or await self._channel()

        async def look() -> str | None:
            for message in await self.people.messages(where):
                words = f"{message['text']}\n{shown(message.get('blocks') or [])}"
                if text in words:
                    return words
            return None

        return await self.people.wait_for(look, PATIENCE, what=f"{text!r} in {where}")

    async def told(self, who: str, text: str) -> str:
        """Wait until only this person was told something that holds a text."""

        async def look() -> str | None:
            for message in await self.people.ephemerals(who):
                words = f"{message['text']}\n{shown(message.get('blocks') or [])}"
                if text in words:
                    return words
            return None

        return await self.people.wait_for(look, PATIENCE, what=f"{text!r} told to {who}")

    async def count(self, text: str, channel: str = "") -> int:
        """Count the messages of a channel that hold a text."""
        messages = await self.people.messages(channel or await self._channel())
        return sum(text in f"{m['text']}\n{shown(m.get('blocks') or [])}" for m in messages)

    # The estate

    async def estate(self, path: str, **body: Any) -> None:
        """Press one of the estate's buttons."""
        url = f"{self.world.estate.url}/estate/api/{path}"
        async with self._http.post(url, json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def fault(self, target: str, effect: str, **more: Any) -> None:
        """Let one of the estate's servers have a bad day."""
        await self.estate("fault", target=target, effect=effect, **more)

    def mend(self) -> None:
        """Take every fault away."""
        self.world.estate.clear_faults()

    def history(self) -> list[tuple[int, str, str]]:
        """Return the release's revisions: number, version, status."""
        return [
            (int(one["version"]), one["chart"]["metadata"]["appVersion"], one["info"]["status"])
            for one in releases.history(self.world.estate.cluster)
        ]

    def rollbacks(self) -> int:
        """Count the rollbacks that Helm has written down."""
        found = releases.history(self.world.estate.cluster)
        return sum(one["info"]["description"].startswith("Rollback to") for one in found)

    def running(self) -> set[str]:
        """Return the versions that the cluster is told to run."""
        deployments = self.world.estate.cluster.store.list(DEPLOYMENTS, NAMESPACE)
        return {
            each["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
            for each in deployments
        }

    def requests(self, method: str, server: str = "kubernetes") -> list[str]:
        """Return the paths of the requests of one method that reached a server."""
        entries = self.world.estate.requests.entries
        return [e.path for e in entries if e.server == server and e.method == method]


def edited(folder: Path, edits: Edits) -> None:
    """Copy AIVO and change words of its files; each must be there to be changed."""
    aivo = folder / "systems" / "aivo"
    shutil.copytree(PACKAGED / "aivo", aivo)
    files = {"procedures/service.yaml": dict(QUICK)}
    for name, changes in edits.items():
        files.setdefault(name, {}).update(changes)
    for name, changes in files.items():
        text = (aivo / name).read_text(encoding="utf-8")
        for before, after in changes.items():
            assert before in text, f"{before!r} is not in {name}"
            text = text.replace(before, after)
        (aivo / name).write_text(text, encoding="utf-8")


@asynccontextmanager
async def whole(
    folder: Path,
    *,
    edits: Edits | None = None,
    start: bool = True,
    speed: float = 25.0,
    furnished: bool = False,
) -> AsyncIterator[Whole]:
    """Open a world with AIVO in it, and a bot unless told otherwise.

    `furnished` gives the estate what the demo's has beside its cluster.
    """
    edited(folder, edits or {})
    world = World(data=folder / "estate", speed=speed)
    if furnished:
        furnish(world, folder / "estate")
    # The people click faster than Slack lets a bot write; what is looked at here is the estate.
    world.workspace.api.limits.enabled = False
    world.estate.statuspage.calls_allowed = 1000
    await world.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIVO_STATUSPAGE_TOKEN", world.addresses()["statuspage_token"])
        patch.setenv("AIVO_PROMETHEUS_URL", world.estate.prometheus_url)
        async with WorkspaceClient(world.workspace.url) as people:
            opened = Whole(world, people, folder)
            try:
                if start:
                    await opened.start()
                yield opened
            finally:
                await opened.close()
                await world.stop()


def number_in(text: str, pattern: str) -> float:
    """Return the number that a pattern finds in a text."""
    found = re.search(pattern, text)
    assert found is not None, f"{pattern!r} is not in {text!r}"
    return float(found[1])
