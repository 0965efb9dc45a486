"""The embedded engine with everything around it but Slack, on an estate in memory."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from adapters.clients import ClientPool
from config.models.bundles import Bundle
from flows import commands as c
from flows.assessing import Assessor
from flows.commands import Command
from flows.contexts import Watch, Workshop
from flows.events import Actor, ChannelOpened, Decided, Event, IncidentDeclared, PageSent, Question
from flows.gates import Person, Verb
from flows.looks import Looks
from flows.opening import Place, open_driver, open_engine
from flows.performing import Performer
from flows.planning import Planner
from flows.runs import Run
from flows.states import State
from tests.flows.estate import Estate, NoMessenger, SimulatedCrash, registry, surroundings

PATIENCE = 30.0  # seconds that a test waits for what must come, on however busy a machine
MARCUS = Person(id="marcus", name="Marcus Rodriguez", roles=("oncall",))
EMILY = Person(id="emily", name="Emily Watson", roles=("oncall",))
JENNIFER = Person(id="jennifer", name="Jennifer Liu", roles=("lead",))
ALEX = Person(id="alex", name="Alex Thompson", roles=("lead",))


def actor(person: Person) -> Actor:
    """Return a person as the cause of an event."""
    return Actor(id=person.id, name=person.name)


def declaration(incident: str, system: str = "shop") -> IncidentDeclared:
    """Return a declaration by Marcus in which the question is answered with no."""
    return IncidentDeclared(
        incident=incident,
        system=system,
        system_title="Shop",
        environment="production",
        reason="checkout 5xx",
        severity="critical",
        rto=600.0,
        rto_limit=1200.0,
        target_title="Availability",
        assess_budget=180.0,
        questions=(Question(id="security", text="Is this a security incident?"),),
        answers={"security": False},
        channel_name="inc-1-checkout-5xx",
        origin=None,
        declared_by=MARCUS,
    )


class Bench:
    """One process.  `crash` ends it as SIGKILL would; a new one on the same folder recovers."""

    def __init__(
        self, folder: Path, estate: Estate, bundle: Bundle, url: str | None = None
    ) -> None:
        self.engine = open_engine(Place(folder=folder, url=url))
        bundles = {bundle.system.system: bundle}
        watch = self.watch = Watch()
        self.engine.listen(watch.heard)
        workshop = Workshop(
            surroundings=surroundings(folder), clients=ClientPool(), messenger=NoMessenger()
        )
        found = registry(estate)
        looks = Looks(found, bundles, workshop)
        self.assessor = Assessor(looks)
        self.planner = Planner(self.engine.now, looks, lambda _: None, owing=self.engine.unreviewed)
        self.performer = Performer(self.engine, found, bundles, workshop, watch)
        self.driver = open_driver(self.engine, self.perform)
        self.announced: list[c.Announce] = []
        self.crashed = asyncio.Event()
        self._driving: asyncio.Task[None] | None = None
        self._clicks = 0

    async def perform(self, run: Run, command: Command) -> Iterable[Event]:
        """Do a command as the wiring does; a simulated crash stops the process."""
        try:
            return await self._perform(run, command)
        except SimulatedCrash:
            self.crashed.set()
            await asyncio.Event().wait()
            raise

    async def _perform(self, run: Run, command: Command) -> Iterable[Event]:  # noqa: C901 one case a command
        match command:
            case c.OpenChannel():
                return (ChannelOpened(channel="C1", name=run.channel_name),)
            case c.GatherFacts():
                return await self.assessor.gather(run)
            case c.Propose():
                return (self.assessor.propose(run),)
            case c.PreparePlan():
                return (await self.planner.prepare(run, command),)
            case c.PerformStep():
                return await self.performer.perform(run, command)
            case c.VerifyStep():
                return await self.performer.verify(run, command)
            case c.UndoStep():
                return await self.performer.undo(run, command)
            case c.Announce():
                self.announced.append(command)
                return ()
            case c.SendPage():
                return (PageSent(page=command.page, reached=()),)
            case c.EndPages() | c.FileReport():
                return ()
            case c.SetTimer():
                raise AssertionError("the driver fires timers itself")

    def start(self) -> None:
        """Begin to drive."""
        self._driving = asyncio.create_task(self.driver.drive())

    async def stop(self) -> None:
        """Drain and close."""
        await self.driver.stop(grace=0.0)
        await self._end()

    async def crash(self) -> None:
        """Wait for the simulated crash, then drop everything where it stands."""
        await asyncio.wait_for(self.crashed.wait(), 5)
        await self.driver.stop(grace=0.0)
        await self._end()

    async def _end(self) -> None:
        if self._driving is not None:
            self._driving.cancel()
            with suppress(asyncio.CancelledError):
                await self._driving
        self.engine.close()

    def declare(self) -> Run:
        """Declare as Marcus."""
        return self.engine.declare(
            "shop", declaration, actor=actor(MARCUS), event_id="declared"
        ).run

    def feed(self, event: Event, person: Person = MARCUS) -> Run | None:
        """Feed a person's event."""
        self._clicks += 1
        event_id = f"click:{id(self)}:{self._clicks}"
        return self.engine.feed("INC-1", event, actor=actor(person), event_id=event_id)

    def approve(self, person: Person, scope: str = "plan") -> Run | None:
        """Approve what is proposed."""
        gate = self.run.gate_of(scope)
        assert gate is not None
        word = Decided(scope=scope, person=person, verb=Verb.APPROVE, digest=gate.digest, reason="")
        return self.feed(word, person)

    @property
    def run(self) -> Run:
        """The run as it is now."""
        run = self.engine.run("INC-1")
        assert run is not None
        return run

    async def until(self, *states: State) -> Run:
        """Wait for a state."""
        async with asyncio.timeout(PATIENCE):
            while self.run.state not in states:
                await self.watch.changed("INC-1", 10.0)
        return self.run

    async def drained(self) -> None:
        """Wait until everything that is due was performed."""
        async with asyncio.timeout(PATIENCE):
            while self.engine.due() or self.driver.performing:
                await asyncio.sleep(0.005)

    async def approved(self) -> None:
        """Declare, and approve as two people."""
        self.declare()
        await self.until(State.APPROVE)
        self.approve(EMILY)
        self.approve(JENNIFER)
