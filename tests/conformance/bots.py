"""A bot as a process that dies: the core as it is wired, on the estate and the journal of a test.

Forked by `zygote`, led by `lives` over a socket: a line of JSON each way.  In: where everything
is, then what people do.  Out: that it is ready, and which word was recorded.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bot.core import Core, Telling
from config.settings import Settings
from flows import codec, commands, driver, events
from flows.actions import TransientError, UnknownOutcomeError
from flows.engine import AwayError, Delivery, LaterError
from flows.events import Event
from flows.runs import Run
from tests.conformance import hooks, kinds, points, systems, unguarded
from tests.conformance.actions import World, registry
from tests.conformance.clocks import SharedClock
from tests.conformance.points import Deadly, Points

Json = Any
LANDED = 0.3  # seconds after which nothing that a dead bot said is still on its way
AGAIN = 0.1
LOOKS = 1.0
LONGEST_LINE = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What a bot is told when it is born.

    `place` is where its journal is, `folder` what it shares with the others of a test, `name` which
    of them it is.  `forgets` names the fault that was put into it.
    """

    kind: str
    place: str
    folder: str
    name: str
    systems: int = 1
    brief: bool = False
    lease: float = kinds.LEASE
    deadly: Json = None
    forgets: str = ""


class Slack:
    """Where people are told things, as the estate keeps it."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def post(self, *, channel: str, text: str, key: str) -> str:
        """Say something."""
        answer = await self.world.ask("post", run=text, key=key)
        return str(answer["ts"])

    async def find(self, *, channel: str, key: str) -> str | None:
        """Return where something was said, or None."""
        answer = await self.world.ask("find", key=key)
        return "found" if answer["found"] else None


class Voice:
    """Tells people once: remembered in the journal, looked for before it is said again."""

    def __init__(self, engine: Json, slack: Slack) -> None:
        self._engine, self._slack = engine, slack
        self._born = asyncio.get_running_loop().time()

    async def say(self, run: Run, key: str) -> None:
        """Say it once.  Raises `LaterError` where nobody can be told."""
        if self._engine.delivery(key) is not None:
            return
        left = self._born + LANDED - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(left)
        try:
            ts = await self._slack.find(channel=run.channel_name, key=key)
            if ts is None:
                points.at("call: before a message")
                ts = await self._slack.post(channel=run.channel_name, text=run.id, key=key)
                points.at("call: after a message")
        except (UnknownOutcomeError, TransientError) as error:
            raise LaterError(str(error), delay=AGAIN) from error
        self._engine.keep_delivery(Delivery(key=key, channel=run.channel_name, ts=ts))

    async def announce(self, run: Run, command: commands.Announce) -> Iterable[Event]:
        """Tell the channel."""
        await self.say(run, command.key)
        return ()

    async def page(
        self, run: Run, command: commands.SendPage | commands.EndPages
    ) -> Iterable[Event]:
        """Call people."""
        if isinstance(command, commands.EndPages):
            return ()
        await self.say(run, f"{run.id}:page:{command.page}")
        return (events.PageSent(page=command.page, reached=()),)

    async def file(self, run: Run, command: commands.FileReport) -> Iterable[Event]:
        """Hand over the report."""
        await self.say(run, command.key)
        return ()

    async def open(self, run: Run, command: commands.OpenChannel) -> Iterable[Event]:
        """Open the channel."""
        await self.say(run, f"{run.id}:channel")
        return (events.ChannelOpened(channel=f"C{run.id}", name=run.channel_name),)


def wired(birth: Birth, world: World) -> Core:
    """Return a core on the journal and the estate; it does not drive yet."""
    folder = Path(birth.folder)
    engine = kinds.open_engine(birth.kind, birth.place, SharedClock(folder / "clock"), birth.lease)
    slack = Slack(world)
    voice = Voice(engine, slack)
    telling = Telling(
        messenger=slack,
        slack_of=lambda _: None,
        open_channel=voice.open,
        announce=voice.announce,
        page=voice.page,
        file_report=voice.file,
    )
    settings = Settings(BACKOUT_DATA=folder / "data")
    bundles = systems.bundles(birth.systems, brief=birth.brief)
    return Core(settings, engine, bundles, registry(world), telling)


def hear(engine: Json, word: Json) -> None:
    """Record what somebody does; a word that was recorded before changes nothing."""
    event = codec.decode_event(word["kind"], word["body"])
    actor = codec.decode_actor(word["actor"])
    if isinstance(event, events.IncidentDeclared):
        make = partial(_named, event)
        engine.declare(event.system, make, actor=actor, event_id=word["id"])
    else:
        engine.feed(word["incident"], event, actor=actor, event_id=word["id"])


def _named(event: events.IncidentDeclared, incident: str) -> events.IncidentDeclared:
    body = json.loads(codec.encode(event)) | {"incident": incident}
    named = codec.decode_event("IncidentDeclared", json.dumps(body))
    assert isinstance(named, events.IncidentDeclared)
    return named


async def live(connection: socket.socket) -> None:
    """Live until killed, told to stop, or until whoever leads is gone."""
    reader, writer = await asyncio.open_connection(sock=connection, limit=LONGEST_LINE)
    birth = Birth(**json.loads(await reader.readline()))
    folder = Path(birth.folder)
    logging.basicConfig(
        filename=folder / f"{birth.name}.log",
        level=logging.INFO,
        format="%(asctime)s %(name)s %(message)s",
    )
    logging.getLogger("transitions").setLevel(logging.WARNING)
    deadly = Deadly(**birth.deadly) if birth.deadly else None
    told = folder / f"{birth.name}.point"
    points.install(Points(told, folder / "points.seen", deadly))
    hooks.install()
    driver.LONGEST_SLEEP = LOOKS  # else a clock that is set costs half a minute
    unguarded.forget(birth.forgets)
    core = wired(birth, World(folder / "estate"))
    loop = asyncio.get_running_loop()
    mouth = asyncio.create_task(_serve(reader, writer, core.engine))
    loop.add_signal_handler(signal.SIGTERM, mouth.cancel)
    core.start()
    writer.write(json.dumps({"ready": True}).encode() + b"\n")
    with suppress(asyncio.CancelledError):
        await mouth
    await core.close()
    core.engine.close()
    writer.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, engine: Json) -> None:
    async for line in reader:
        word = json.loads(line)
        try:
            hear(engine, word)
        except AwayError as error:
            answer = {"away": word["id"], "why": str(error)}
        else:
            answer = {"heard": word["id"]}
        writer.write(json.dumps(answer).encode() + b"\n")
