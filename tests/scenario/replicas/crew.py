"""Several bots on one PostgreSQL, over Socket Mode, before the same people and the same estate.

`Crew` is `Whole` with any number of `backout serve`: what people and tests do is the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import ActionRegistry
from bot import starting
from config.settings import Settings
from flows.engine import AwayError
from flows.events import Recorded
from flows.runs import Run
from flows.shared.connections import Line
from flows.shared.journal import SharedJournal
from flows.states import State
from sandbox.workspace.client import WorkspaceClient, buttons
from sandbox.world import World
from tests.real.services.postgres import PostgresDatabase
from tests.scenario.replicas.doors import Called, Doors
from tests.scenario.replicas.replica import Replica
from tests.scenario.world.whole import PATIENCE, Edits, Json, Whole, edited

RETRIES = (0.0, *[1.0] * 600)  # Slack waits a minute, and five: a test is not there to wait
MOST_PRESSES = 20
COUNTS_WITHIN = 5.0  # then a click is taken for lost
PAGERDUTY = """\
    pagerduty:
      routing_key: env:PAGERDUTY_KEY
      token: env:PAGERDUTY_TOKEN
      url: "{url}"
      events_url: "{url}"
"""
HEADING = re.compile(r"INC-\d+ · ([A-Z]+) · ")


class Crew(Whole):
    """A world with replicas that come and go."""

    def __init__(
        self, world: World, people: WorkspaceClient, folder: Path, database: PostgresDatabase
    ) -> None:
        super().__init__(world, people, folder)
        self.database = database
        self.replicas: dict[str, Replica] = {}
        self.doors = Doors(slack=world.addresses()["slack_api_url"])
        self.pagerduty = ""
        self._shared = SharedJournal(Line(database.owner_dsn))

    def __getitem__(self, name: str) -> Replica:
        return self.replicas[name]

    # The bots

    def _overlay(self) -> Path:
        file = super()._overlay()
        if self.pagerduty:
            text = file.read_text(encoding="utf-8")
            there = "  connections:\n"
            text = text.replace(there, there + PAGERDUTY.format(url=self.pagerduty))
            file.write_text(text, encoding="utf-8")
        return file

    async def join(self, *names: str) -> None:
        """Start replicas, side by side, and wait until they are ready."""
        for name in names:
            await self.begin(name)
        for name in names:
            await self.is_ready(name)

    async def begin(self, name: str) -> Replica:
        """Start a replica."""
        replica = self.replicas.setdefault(name, Replica(name, self.folder))
        shared = {
            "BACKOUT_DATABASE_URL": self.database.owner_dsn,
            "SLACK_API_URL": self.doors.of(name),
        }
        await replica.start(self.environment() | shared, self._checked())
        return replica

    def _checked(self) -> Path:
        seal = self.data / starting.CHECKED
        if not seal.exists():
            settings = Settings.model_validate(self.environment())
            starting.load_checked(settings, ActionRegistry())
        return seal

    async def is_ready(self, name: str) -> None:
        """Wait until a replica is ready."""
        await self.people.wait_for(self[name].ready, PATIENCE, what=f"{name} ready")

    async def leader(self) -> Replica:
        """Return the replica that leads, as soon as one does."""

        async def look() -> Replica | None:
            for each in self.replicas.values():
                if each.lives and await each.leads():
                    return each
            return None

        return await self.people.wait_for(look, PATIENCE, what="a leader")

    async def helmsman(self) -> Replica:
        """Return the replica whose Helm rolls back, as soon as it is in the middle of it."""

        async def look() -> Replica | None:
            if self.history()[-1][2] != "pending-rollback":
                return None
            return next((one for one in self.replicas.values() if one.runs_helm()), None)

        return await self.people.wait_for(look, PATIENCE, what="Helm at work")

    async def sockets(self, count: int) -> None:
        """Wait until Slack has so many sockets open."""

        async def look() -> bool:
            return int((await self.people.read("sockets"))["count"]) == count

        await self.people.wait_for(look, PATIENCE, what=f"{count} sockets")

    async def close(self) -> None:
        """Stop whatever still runs."""
        for replica in self.replicas.values():
            await replica.close()
        await self.doors.close()
        self._shared.close()
        await super().close()

    # The journal

    def look(self, incident: str = "") -> Run | None:
        """Return an incident as the journal has it; None while the database is away."""
        with suppress(AwayError):
            return self._shared.run(incident or self.incident)
        return None

    def events(self, incident: str = "") -> list[Recorded]:
        """Return its events."""
        return list(self._shared.events(incident or self.incident))

    def recorded(self, kind: str) -> list[Recorded]:
        """Return its events of one kind."""
        return [each for each in self.events() if type(each.event).__name__ == kind]

    async def card(self) -> Json:
        """Return the card, or an empty object."""
        sent = None
        with suppress(AwayError):
            sent = self._shared.delivery(f"card:{self.incident}")
        if sent is None:
            return {}
        messages = await self.people.messages(sent.channel)
        return next((one for one in messages if one["ts"] == sent.ts), {})

    async def settled(self) -> None:
        """Wait until nothing waits to be done: what had to be told was told."""

        async def look() -> bool:
            waiting = "SELECT count(*) FROM backout.procrastinate_jobs WHERE scheduled_at IS NULL"
            return self.database.execute(waiting) == [(0,)]

        await self.people.wait_for(look, PATIENCE, what="an empty queue")

    # People

    async def channel(self) -> str:
        """Return the incident's channel."""
        return await self._channel()

    async def button(self, act: str) -> tuple[Json, str]:
        """Return the card and the action of one of its buttons, as soon as it is there."""

        async def look() -> tuple[Json, str] | None:
            card = await self.card()
            found = buttons(card.get("blocks", []))
            action = next((each for each in found if each.startswith(f"backout:{act}")), None)
            return (card, action) if action else None

        return await self.people.wait_for(look, PATIENCE, what=f"button {act}")

    async def insist(self, who: str, act: str, done: Callable[[Run], Any]) -> None:
        """Press a button until it counts: what lands on a dead socket is lost, as in Slack."""
        card, action = await self.button(act)

        async def counts() -> bool:
            run = self.look()
            return run is not None and bool(done(run))

        for _ in range(MOST_PRESSES):
            await self.people.click(who, await self._channel(), card["ts"], action)
            with suppress(AssertionError):
                await self.people.wait_for(counts, COUNTS_WITHIN)
                return
        raise AssertionError(f"{act} of {who} never counted")

    # What everybody saw

    async def posted(self) -> Counter[str]:
        """Count the messages of the whole workspace by their keys."""
        keys: Counter[str] = Counter()
        for channel in (await self.people.read("channels"))["channels"]:
            for message in await self.people.messages(channel["id"]):
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if "key" in payload:
                    keys[payload["key"]] += 1
        return keys

    async def everything_once(self) -> Counter[str]:
        """Check that every message is there once, and one card, pinned once."""
        await self.settled()
        keys = await self.posted()
        assert {key: count for key, count in keys.items() if count != 1} == {}
        assert keys[f"card:{self.incident}"] == 1
        card = await self.card()
        channel = await self._channel()
        (pins,) = [
            one["pins"]
            for one in (await self.people.read("channels"))["channels"]
            if one["id"] == channel
        ]
        assert pins == [card["ts"]]
        return keys

    def drawn(self) -> list[tuple[str, int]]:
        """Return who drew the card, and how far the incident was on it, in Slack's order."""
        sent = self._shared.delivery(f"card:{self.incident}")
        assert sent is not None
        drawings = [one for one in self.doors.by("chat.update") if one.args["ts"] == sent.ts]
        return [(one.replica, progress_of(one)) for one in drawings]


def progress_of(call: Called) -> int:
    """Return how far the incident is that a card shows."""
    found = HEADING.match(str(call.args.get("text", "")))
    assert found, call.args.get("text")
    return list(State).index(State(found[1].lower()))


@asynccontextmanager
async def crew(
    folder: Path,
    database: PostgresDatabase,
    *names: str,
    edits: Edits | None = None,
    speed: float = 25.0,
    pagerduty: str = "",
) -> AsyncIterator[Crew]:
    """Open a world with AIVO in it and a crew of these replicas."""
    edited(folder, edits or {})
    world = World(data=folder / "estate", speed=speed)
    world.workspace.api.limits.enabled = False
    world.workspace.context.delivery.retry_seconds = RETRIES
    world.estate.statuspage.calls_allowed = 1000
    await world.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIVO_STATUSPAGE_TOKEN", world.addresses()["statuspage_token"])
        patch.setenv("AIVO_PROMETHEUS_URL", world.estate.prometheus_url)
        async with WorkspaceClient(world.workspace.url) as people:
            opened = Crew(world, people, folder, database)
            opened.pagerduty = pagerduty
            await opened.doors.open()
            try:
                await opened.join(*names)
                yield opened
            finally:
                await opened.close()
                await world.stop()
