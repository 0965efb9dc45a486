"""An incident that calls people by PagerDuty, with time in the test's hands.

The engine, the pager and the SDK are the real ones; PagerDuty is the stub, Slack a list.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.pagerduty.calls import Calls
from bot.pagerduty import Pagerduty
from bot.paging import Pager
from config.loader import load_systems
from config.models.bundles import Bundle
from config.models.connections import PagerdutyConnection
from config.secrets import SecretError
from config.settings import PACKAGED
from flows.commands import Announce, EndPages, SendPage, SetTimer
from flows.declaring import declaration
from flows.embedded import EmbeddedEngine
from flows.engine import LaterError, Queued
from flows.events import BOT, Actor, ChannelOpened, Event, TimerFired
from flows.gates import Person
from flows.paging import Page, Reached
from flows.runs import Run
from tests.adapters.pagerduty_stub import KEY, OTHER_KEY, TOKEN, Stub

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SECRET = "hook-signing-secret"
SECRETS = {
    "env:DUTY": KEY,
    "env:DUTY_LEADS": OTHER_KEY,
    "env:DUTY_WRONG": "R0" + "z" * 30,
    "env:DUTY_TOKEN": TOKEN,
    "env:DUTY_HOOK": SECRET,
}
MARCUS = Person(id="marcus-rodriguez", name="Marcus Rodriguez", roles=("oncall",))


def resolve(reference: str) -> str:
    """Return a secret, or fail as a reference that leads nowhere does."""
    if reference not in SECRETS:
        raise SecretError(f"{reference} is not set")
    return SECRETS[reference]


class Messages:
    """A line of direct messages that always arrive."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def call(self, run: Run, page: Page) -> Sequence[Reached]:
        """Write to everybody, once a page."""
        for person in page.people:
            told = f"{page.number}:{person.id}"
            if told not in self.sent:
                self.sent.append(told)
        return [Reached(person=person.id, via="slack", ok=True) for person in page.people]

    async def end(self, run: Run) -> None:
        """Do nothing."""


class Duty:
    """One bot on one journal."""

    def __init__(self, folder: Path, stub: Stub, **connection: Any) -> None:
        self.now = START
        self.stub = stub
        self.folder = folder
        self.bundle = _bundle(stub, connection)
        self.messages = Messages()
        self.announced: list[str] = []
        self.wake()

    def wake(self) -> None:
        """Start, on the journal that is there."""
        bundles = {"aivo": self.bundle}
        self.engine = EmbeddedEngine(self.folder, clock=lambda: self.now)
        self.calls = Calls(self._seconds)
        self.duty = Pagerduty(
            self.engine,
            bundles,
            lambda person: f"U{person.id[:4].upper()}",
            calls=self.calls,
            resolve=resolve,
        )
        self.pager = Pager([self.messages, self.duty.line])

    def _seconds(self) -> float:
        return self.now.timestamp()

    async def close(self) -> None:
        """Stop; the journal stays."""
        await self.duty.close()
        self.calls.close()
        self.engine.close()

    @property
    def run(self) -> Run:
        """The incident."""
        run = self.engine.run("INC-1")
        assert run is not None
        return run

    def declare(self, reason: str = "checkout 5xx", *, opened: bool = True) -> Run:
        """Declare as Marcus, with the channel there at once."""
        self.engine.declare(
            "aivo",
            lambda incident: declaration(self.bundle, incident, reason=reason, person=MARCUS),
            actor=BOT,
            event_id="declared",
        )
        if opened:
            self.feed(ChannelOpened(channel="C0INC1", name="inc-1-checkout-5xx"))
        return self.run

    def feed(self, event: Event, person: Person = MARCUS) -> None:
        """Record an event."""
        actor = Actor(id=person.id, name=person.name)
        self.engine.feed("INC-1", event, actor=actor, event_id=f"test:{self.run.seq}")

    async def work(self) -> None:
        """Perform what is due of paging, and fire the timers."""
        while due := self.engine.due():
            await self._perform(due)

    async def _perform(self, due: Sequence[Queued]) -> None:
        for queued in due:
            match queued.command:
                case SendPage() | EndPages() as command:
                    try:
                        came = await self.pager.perform(self.run, command)
                    except LaterError as error:
                        self.engine.postpone(queued, error.delay)
                    else:
                        self.engine.finish(queued, came)
                case SetTimer(timer=timer, generation=generation):
                    fired = TimerFired(timer=timer, generation=generation)
                    self.engine.finish(queued, (fired,))
                case Announce(about=about):
                    self.announced.append(about)
                    self.engine.finish(queued, ())
                case _:
                    self.engine.postpone(queued, 86400.0)

    async def wait(self, seconds: float) -> None:
        """Let time pass; what becomes due is done in its time."""
        until = self.now + timedelta(seconds=seconds)
        await self.work()
        while True:
            left = self.engine.next_due_in()
            if left is None or self.now + timedelta(seconds=left) > until:
                break
            self.now += timedelta(seconds=left + 0.001)
            await self.work()
        self.now = max(self.now, until)


def _bundle(stub: Stub, connection: dict[str, Any]) -> Bundle:
    """Return AIVO's files with a connection to the stub; level 2 has a service of its own."""
    bundle = next(b for b in load_systems(PACKAGED) if b.system.system == "aivo")
    given = {"routing_key": "env:DUTY", "url": stub.url, "events_url": stub.url, **connection}
    duty = PagerdutyConnection.model_validate(given)
    connections = bundle.system.connections.model_copy(update={"pagerduty": duty})
    levels = tuple(
        level.model_copy(update={"pagerduty": "env:DUTY_LEADS"}) if level.level == 2 else level
        for level in bundle.people.escalation
    )
    return replace(
        bundle,
        system=bundle.system.model_copy(update={"connections": connections}),
        people=bundle.people.model_copy(update={"escalation": levels}),
    )
