"""The real bot against the Slack emulator, with the real journal and an estate of five lines.

`House` is what the scenarios of this folder play in.  It can be stopped without a goodbye and
started again on the same journal, as after SIGKILL.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

import bot.slack
from adapters.evidence import EvidenceStore
from bot.factors import Factors
from bot.paging import Pager
from bot.reporting.filing import Filing
from bot.rosters import Source
from bot.slack.surface import Login, SlackSurface
from bot.slack.transports import SocketMode
from bot.web import checks
from bot.web.health import Health
from bot.web.site import Site, serve
from config.loader import load_systems
from config.models.bundles import Bundle
from config.settings import PACKAGED
from flows import commands as c
from flows import events
from flows.authorizing import emergency, people_of
from flows.driver import Driver
from flows.embedded import EmbeddedEngine
from flows.events import Event
from flows.files import FolderFiles
from flows.gates import Person
from flows.plans import Plan, seal
from flows.runs import Run
from sandbox.workspace import Settings, Workspace, WorkspaceClient, interactions
from sandbox.workspace.access import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from sandbox.workspace.delivery import INTERACTIVE
from tests.bot import story

PATIENCE = 30.0  # seconds that a test waits for what must come, on however busy a machine
MARCUS, EMILY = "U0MARCUS", "U0EMILY"
JENNIFER, ALEX, DAVID = "U0JENNIFER", "U0ALEX", "U0DAVID"
GUEST = "U0GUEST"
INCIDENTS = "incident-response"
MANIFEST = Path(bot.slack.__file__).with_name("manifest.yaml")


def manifest() -> dict[str, Any]:
    """Return the app's manifest, so that the emulator grants no more than it asks for."""
    loaded: dict[str, Any] = YAML(typ="safe").load(MANIFEST)
    return loaded


class Estate:
    """Performs the core's commands: looks are instant, steps succeed unless told otherwise."""

    def __init__(self, surface: SlackSurface, engine: EmbeddedEngine, bundle: Bundle) -> None:
        self.surface = surface
        self.engine = engine
        self.bundle = bundle
        self.pager = Pager([surface.line])
        self.filing: Filing | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.applied: list[str] = []

    async def perform(self, run: Run, command: c.Command) -> Iterable[Event]:
        """Do a command."""
        match command:
            case c.OpenChannel():
                return await self.surface.opener.perform(run, command)
            case c.Announce():
                return await self.surface.announcer.perform(run, command)
            case c.SendPage() | c.EndPages():
                return await self.pager.perform(run, command)
            case c.FileReport() if self.filing:
                return await self.filing.perform(run, command)
            case c.GatherFacts():
                return (
                    events.FactObserved(
                        fact="availability",
                        title="Availability",
                        value=0.84,
                        shown="84 %",
                        ok=False,
                    ),
                    events.FactsGathered(),
                )
            case c.Propose():
                return (
                    events.ProcedureProposed(
                        procedure="service",
                        title="Service rollback",
                        because="availability 84 % is below 90 %",
                        severity="critical",
                    ),
                )
            case c.PreparePlan(planning=planning):
                people = await self._candidates()
                plan = self._plan(planning, people)
                return (events.PlanPrepared(planning=planning, plan=plan, candidates=people),)
            case c.PerformStep(step=step, attempt=attempt):
                await self.gate.wait()
                self.applied.append(step)
                started = events.StepStarted(step=step, attempt=attempt, inputs={}, captured={})
                done = events.StepSucceeded(step=step, attempt=attempt, summary="seen", output={})
                return (started, done)
            case c.UndoStep(step=step):
                return (events.StepUndone(step=step, summary="put back"),)
            case _:
                return ()

    def _plan(self, planning: int, people: tuple[Person, ...]) -> Plan:
        now = self.engine.now()
        plan = replace(
            story.plan(),
            prepared_at=now,
            expires_at=now + timedelta(minutes=30),
            outputs={"planning": planning},
            emergency=emergency(self.bundle, people, self.engine.unreviewed("aivo"), now),
        )
        return seal(plan)

    async def _candidates(self) -> tuple[Person, ...]:
        slack_of = self.surface.directory.slack_of
        return people_of(self.bundle, slack_of, await self.surface.roles_now(self.bundle))


class House:
    """A workspace, its people, and a bot that comes and goes."""

    def __init__(self, workspace: Workspace, people: WorkspaceClient, data: Path) -> None:
        self.workspace = workspace
        self.people = people
        self.data = data
        self.http = False
        self.bundles = {b.system.system: b for b in load_systems(PACKAGED)}
        self.socket: SocketMode | None = None
        self.url = ""
        self.factors: Factors | None = None
        self.on_call: Source | None = None
        self.reports = False

    async def start(self, *, http: bool | None = None) -> None:
        """Start the bot."""
        self.http = self.http if http is None else http
        await self._wake()
        await (self._open_http() if self.http else self._open_socket())

    async def start_without_slack(self) -> None:
        """Start the bot while Slack answers nothing, so that nobody can reach it yet."""
        self.socket = None
        await self._wake()

    async def _wake(self) -> None:
        self.engine = EmbeddedEngine(self.data)
        self.surface = SlackSurface(
            self.engine,
            self.bundles,
            Login(
                token=BOT_TOKEN,
                base_url=self.workspace.api_url,
                signing_secret=SIGNING_SECRET,
            ),
            factors=self.factors,
            on_call=self.on_call,
        )
        self.estate = Estate(self.surface, self.engine, self.bundles["aivo"])
        if self.reports:
            kept = EvidenceStore(FolderFiles(self.data / "evidence"))
            publish = self.surface.uploads.publish
            self.estate.filing = Filing(self.engine, self.bundles, kept, publish)
        self.driver = Driver(self.engine, self.estate.perform)
        await self.surface.start()
        self.engine.announce_resumption()
        self.driving = asyncio.create_task(self.driver.drive())

    async def _open_http(self) -> None:
        site = Site(Health({"slack": checks.slack(self.surface, None)}))
        site.take_events(self.surface.entrance)
        self.runner = await serve(site.app, host="127.0.0.1", port=0)
        port = self.runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        await self.people.act("request_url", url=f"{self.url}/slack/events")

    async def _open_socket(self) -> None:
        self.socket = SocketMode(
            self.surface.app, self.surface.calls, app_token=APP_TOKEN, ping_interval=1.0
        )
        await self.socket.open()
        await self.people.wait_sockets(1, within=PATIENCE)

    async def stop(self, *, grace: float = 1.0) -> None:
        """Stop the bot; with no grace, as abruptly as a test can."""
        if self.http:
            await self.runner.cleanup()
        elif self.socket is not None:
            await self.socket.close()
        await self.driver.stop(grace)
        self.driving.cancel()
        await asyncio.gather(self.driving, return_exceptions=True)
        await self.surface.close()
        self.engine.close()

    async def kill(self) -> None:
        """End the bot in the middle of whatever it does: no drain, nothing remembered."""
        for task in asyncio.all_tasks():
            if task.get_name().startswith(("command-", "view of", "answer to")):
                task.cancel()
        await self.stop(grace=0.0)

    async def restart_abruptly(self) -> None:
        """Kill the bot and start it again on the same journal."""
        await self.kill()
        await self.start()

    # What scenarios do again and again

    async def declare(
        self,
        text: str = '!incident declare "Production Rollback - checkout 5xx"',
        who: str = MARCUS,
    ) -> Run:
        """Declare by a message and wait until the plan waits for approval on the card."""
        await self.people.say(who, INCIDENTS, text)
        return await self.until(lambda run: run.state == "approve" and self.card_of(run))

    def card_of(self, run: Run) -> str | None:
        """Return the ts of a run's card."""
        card = self.engine.delivery(f"card:{run.id}")
        return card.ts if card else None

    async def until(self, wanted: Callable[[Run], Any], incident: str = "INC-1") -> Run:
        """Wait until a run is as wanted."""

        async def look() -> Run | None:
            run = self.engine.run(incident)
            return run if run is not None and wanted(run) else None

        return await self.people.wait_for(look, PATIENCE, what=f"{incident} as wanted")

    async def card(self, run: Run) -> dict[str, Any]:
        """Return the card as it is in the channel."""
        ts = self.card_of(run)
        messages = await self.people.messages(run.channel or "")
        return next(message for message in messages if message["ts"] == ts)

    async def card_shows(self, run: Run, text: str) -> dict[str, Any]:
        """Wait until the card shows a text."""

        async def look() -> dict[str, Any] | None:
            card = await self.card(run)
            return card if text in str(card["blocks"]) else None

        return await self.people.wait_for(look, PATIENCE, what=f"{text!r} on the card")

    async def click(self, who: str, run: Run, act: str) -> dict[str, Any]:
        """Press the button of the card whose action begins with `backout:<act>`."""

        async def look() -> str | None:
            card = await self.card(run)
            return next(
                (
                    str(e["action_id"])
                    for b in card["blocks"]
                    if b["type"] == "actions"
                    for e in b["elements"]
                    if e["action_id"].startswith(f"backout:{act}")
                ),
                None,
            )

        action = await self.people.wait_for(look, PATIENCE, what=f"button {act}")
        return await self.people.click(who, run.channel or "", self.card_of(run) or "", action)

    async def stale_click(self, who: str, run: Run, action: str, value: str) -> None:
        """Press a button that was on the screen before the card changed."""
        context = self.workspace.context
        channel, ts = run.channel or "", self.card_of(run) or ""
        message = context.store.channels[channel].messages[ts]
        payload = interactions.block_actions_on_message(
            context,
            user=context.store.users[who],
            message=message,
            action={
                "type": "button",
                "action_id": action,
                "block_id": "b",
                "value": value,
                "action_ts": context.clock.next_ts(),
            },
            state={},
        )
        assert (await context.delivery.ask(INTERACTIVE, payload)).ok

    async def told(self, who: str, text: str) -> str:
        """Wait until only this person was told something that holds `text`."""

        async def look() -> str | None:
            for message in await self.people.ephemerals(who):
                if text in f"{message['text']} {message.get('blocks')}":
                    return str(message["text"])
            return None

        return await self.people.wait_for(look, PATIENCE, what=f"{who} told {text!r}")


@asynccontextmanager
async def house(
    data: Path, *, http: bool = False, rate_limits: bool = False, start: bool = True
) -> AsyncIterator[House]:
    """Open a house whose workspace grants exactly what the manifest asks for."""
    settings = Settings(rate_limits=rate_limits, manifest=manifest(), retry_seconds=RETRIES)
    async with (
        Workspace(settings=settings) as workspace,
        WorkspaceClient(workspace.url) as people,
    ):
        opened = House(workspace, people, data)
        if start:
            await opened.start(http=http)
        try:
            yield opened
        finally:
            if hasattr(opened, "engine"):
                await opened.stop(grace=0.5)


RETRIES: Sequence[float] = (0.0, 0.1, 0.2)
