"""The bot as a process that may die: its core on a journal, told over a socket what people do.

A line of JSON each way.  In: where everything is, then what people do.  Out: the incident after
every commit, and which word was recorded.  Run by `zygote` in a process of its own, led by
`remote`.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import socket
from pathlib import Path
from typing import Any

from flows import codec, commands, events
from flows.embedded import EmbeddedEngine
from flows.events import Event, IncidentDeclared
from flows.runs import Run
from tests.real.flows.kills import forgetting
from tests.real.flows.stage import Messages, Stage

BUNDLE, SAID = "bundle.pickle", "said.jsonl"
CHANNEL = "C0AIVO"
LONGEST_LINE = 2**24
Json = Any


class Notes(Messages):
    """What is said, in a file that outlives the bot: one write a message."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def keys(self) -> list[str]:
        """Return the keys of all messages, in order."""
        return [key for key, _ in self._read()]

    def texts(self) -> list[str]:
        """Return all messages."""
        return [text for _, text in self._read()]

    async def post(self, *, channel: str, text: str, key: str) -> str:
        """Say it, as often as it is asked for: like Slack, which knows no keys."""
        line = json.dumps([key, text]) + "\n"
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
        return key

    async def find(self, *, channel: str, key: str) -> str | None:
        """Return the message's key where it was said."""
        return key if key in self.keys() else None

    def _read(self) -> list[list[str]]:
        if not self._file.exists():
            return []
        return [json.loads(line) for line in self._file.read_text(encoding="utf-8").splitlines()]


class Bot(Stage):
    """One life of the bot."""

    def __init__(self, folder: Path) -> None:
        bundle = pickle.loads((folder / BUNDLE).read_bytes())  # noqa: S301 our own
        super().__init__(folder, bundle, Notes(folder / SAID))

    async def _announce(self, _: Run, command: commands.Announce) -> tuple[Event, ...]:
        key = f"announced:{command.key}"
        if await self.messages.find(channel=CHANNEL, key=key) is None:
            await self.messages.post(channel=CHANNEL, text=str(command.about), key=key)
        return ()


def hear(engine: EmbeddedEngine, word: Json) -> None:
    """Record what somebody does; a word that was recorded before changes nothing."""
    event = codec.decode_event(word["kind"], word["body"])
    actor = codec.decode_actor(word["actor"])
    if isinstance(event, IncidentDeclared):
        engine.declare("aivo", lambda _: event, actor=actor, event_id=word["id"])
    else:
        engine.feed(word["incident"], event, actor=actor, event_id=word["id"])


def word_of(incident: str, event: Event, actor: events.Actor, event_id: str) -> Json:
    """Return what `hear` takes."""
    body, who = codec.encode(event), codec.encode(actor)
    kind = type(event).__name__
    return {"id": event_id, "incident": incident, "kind": kind, "body": body, "actor": who}


async def live(connection: socket.socket) -> None:
    """Live until killed, or until whoever leads is gone."""
    reader, writer = await asyncio.open_connection(sock=connection, limit=LONGEST_LINE)
    life = json.loads(await reader.readline())
    os.environ.clear()
    os.environ.update(life["environment"])
    forgetting.forget(life["forgets"])

    def tell(**told: Json) -> None:
        writer.write(json.dumps(told).encode() + b"\n")

    bot = Bot(Path(life["folder"]))
    bot.engine.listen(lambda run: tell(run=codec.snapshot(run)))
    for run in bot.engine.runs(ended=True):
        tell(run=codec.snapshot(run))
    tell(ready=os.getpid())
    async for line in reader:
        word = json.loads(line)
        hear(bot.engine, word)
        tell(heard=word["id"])
