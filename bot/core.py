"""Everything of a running Backout but its surfaces: engine, actions, planner, performer, driver.

Built by `bot.wiring` for `serve`, and by tests and benchmarks that need no Slack.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from adapters.clients import ClientPool
from bot import logs
from bot.pretending import observed
from bot.stores import evidence_of, vault_of
from config import secrets
from config.models.bundles import Bundle
from config.settings import Settings
from flows import commands as c
from flows.actions import Context, Messenger, PermanentError, Registry, Surroundings
from flows.assessing import Assessor
from flows.authorizing import RolesNow, SlackOf
from flows.commands import Command
from flows.contexts import Watch, Workshop
from flows.events import Event
from flows.looks import Looks
from flows.opening import AnyEngine, open_driver
from flows.performing import Performer
from flows.planning import Planner
from flows.runs import Run
from flows.turnstiles import Turnstiles


async def _no_report(run: Run, command: c.FileReport) -> Iterable[Event]:
    """Keep no report: for surfaces that show nobody anything."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What a surface does for the core: it opens the channel, posts, and knows who is who."""

    messenger: Messenger
    slack_of: SlackOf
    open_channel: Callable[[Run, c.OpenChannel], Awaitable[Iterable[Event]]]
    announce: Callable[[Run, c.Announce], Awaitable[Iterable[Event]]]
    page: Callable[[Run, c.SendPage | c.EndPages], Awaitable[Iterable[Event]]]
    roles_now: RolesNow | None = None
    file_report: Callable[[Run, c.FileReport], Awaitable[Iterable[Event]]] = _no_report


def _secret(reference: str) -> str:
    """Resolve a reference for an action, which only knows its own kinds of errors."""
    try:
        return secrets.resolve(reference)
    except secrets.SecretError as error:
        raise PermanentError(str(error)) from error


def surroundings_of(settings: Settings) -> Surroundings:
    """Return what the machine offers to actions."""
    return Surroundings(
        kubeconfig=settings.kubeconfig,
        helm=settings.helm,
        work=settings.data / "work",
        evidence=evidence_of(settings),
        vault=vault_of(settings),
        secret=_secret,
        messages={},
    )


class Core:
    """The engine with everything that performs its commands."""

    def __init__(
        self,
        settings: Settings,
        engine: AnyEngine,
        bundles: Mapping[str, Bundle],
        registry: Registry,
        telling: Telling,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.clients = ClientPool()
        workshop = Workshop(
            surroundings=surroundings_of(settings),
            clients=self.clients,
            messenger=telling.messenger,
            turnstiles=Turnstiles(settings.concurrency),
        )
        watch = Watch()
        engine.listen(watch.heard)
        self._looks = looks = Looks(registry, bundles, workshop)
        self._assessor = Assessor(looks, telling.slack_of)
        self._planner = Planner(
            engine.now,
            looks,
            telling.slack_of,
            roles_now=telling.roles_now,
            owing=engine.unreviewed,
        )
        self.performer = Performer(engine, registry, bundles, workshop, watch, elapsed)
        self.driver = open_driver(engine, self._perform)
        self._telling = telling
        self._driving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on with what was begun, and begin to drive."""
        self.engine.announce_resumption()
        self._driving = asyncio.create_task(self.driver.drive())

    @property
    def driving(self) -> bool:
        """Whether what is due is being performed."""
        return self._driving is not None and not self._driving.done()

    def context(self, run: Run, name: str) -> Context:
        """Return what it takes to reach something of a run's system, outside of its steps."""
        return self._looks.context(run, name, {})

    async def observe(self, bundle: Bundle) -> Mapping[str, Any]:
        """Return what a system's conditions are evaluated on, looked at now."""
        return await observed(bundle, self._assessor)

    async def _perform(self, run: Run, command: Command) -> Iterable[Event]:
        step, attempt = getattr(command, "step", None), getattr(command, "attempt", None)
        logs.belongs(incident=run.id, step=step, attempt=attempt)
        return await self._do(run, command)

    async def _do(self, run: Run, command: Command) -> Iterable[Event]:  # noqa: C901 one case a command
        match command:
            case c.OpenChannel():
                return await self._telling.open_channel(run, command)
            case c.Announce():
                return await self._telling.announce(run, command)
            case c.SendPage() | c.EndPages():
                return await self._telling.page(run, command)
            case c.FileReport():
                return await self._telling.file_report(run, command)
            case c.GatherFacts():
                return await self._assessor.gather(run)
            case c.Propose():
                return (self._assessor.propose(run),)
            case c.PreparePlan():
                return (await self._planner.prepare(run, command),)
            case c.PerformStep():
                return await self.performer.perform(run, command)
            case c.VerifyStep():
                return await self.performer.verify(run, command)
            case c.UndoStep():
                return await self.performer.undo(run, command)
            case c.SetTimer():
                raise TypeError("the driver fires timers itself")
            case _:
                assert_never(command)

    async def close(self) -> None:
        """Drain, then close connections; the journal stays open for whoever opened it."""
        await self.driver.stop()
        if self._driving is not None:
            await self._driving
        await self.clients.close()
