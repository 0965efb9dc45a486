"""The one place where everything is wired: settings in, a running bot out.

`run` is `backout serve`; `make_plan` is `backout plan`.  Constructors only: nothing here decides
anything.
"""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from adapters.clients import ClientPool
from adapters.kubernetes import access, connections
from adapters.pagerduty.calls import Calls
from adapters.registry import ActionRegistry
from bot.control import door
from bot.control.orders import SOCKET
from bot.control.performing import Acquaintance, Orders
from bot.core import Core, Telling, surroundings_of
from bot.keeping import Keeping
from bot.mailing import MailLine
from bot.observing import Observing
from bot.on_call import OnCall
from bot.pagerduty import Pagerduty
from bot.paging import Pager
from bot.pretending import assessed
from bot.reporting.filing import Filing
from bot.sentry import Sentry, Surface
from bot.slack import transports
from bot.slack.identity import doubt_about
from bot.slack.surface import Login, SlackSurface
from bot.slack.texts import channel_name
from bot.starting import load_checked, opened, warm_up
from bot.stores import drills_of, evidence_of, factors_of
from bot.watching import Watchman, heartbeat
from config import secrets
from config.models.systems import System
from config.settings import Settings
from flows.actions import PermanentError, Permission
from flows.assessing import Assessor
from flows.contexts import Workshop
from flows.looks import Looks
from flows.opening import open_engine, place_of
from flows.planning import Planner
from flows.plans import Plan

log = logging.getLogger(__name__)
Clock = Callable[[], datetime]


def real_time() -> datetime:
    """Return the time (UTC)."""
    return datetime.now(UTC)


class Bot:
    """A bot that runs."""

    def __init__(self, core: Core, slack: SlackSurface, observing: Observing) -> None:
        self.core = core
        self.slack = slack
        self.observing = observing


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock = real_time,
    elapsed: Callable[[], float] = time.monotonic,
    host: str | None = None,
) -> AsyncIterator[Bot]:
    """Start a bot; leave the block to drain and stop it.

    The demo gives a clock that can be hurried, and listens on its own machine only.

    Raises what `backout serve` turns into a sentence: `ConfigurationError`, `SettingsError`,
    `BusyError`, `JournalError`, `AwayError`, `SlackRefusesError`, `AppTokenError`, `ListenError`.
    """
    settings.require_slack()
    registry = ActionRegistry()
    bundles = load_checked(settings, registry)
    async with AsyncExitStack() as stack:
        engine = await opened(lambda: open_engine(place_of(settings), clock=clock))
        stack.callback(engine.close)
        calls = Calls()
        stack.callback(calls.close)
        slack = SlackSurface(
            engine,
            bundles,
            Login(
                token=_secret(settings.slack_bot_token),
                base_url=settings.slack_api_url,
                signing_secret=_secret(settings.slack_signing_secret),
            ),
            factors=factors_of(settings),
            on_call=OnCall(calls, bundles.values(), resolve=secrets.resolve),
        )
        stack.push_async_callback(slack.close)
        pagerduty = Pagerduty(
            engine, bundles, slack.directory.slack_of, calls=calls, resolve=secrets.resolve
        )
        stack.push_async_callback(pagerduty.close)
        mail = MailLine(engine, bundles, lambda run, name: core.context(run, name))  # noqa: PLW0108 made later
        telling = Telling(
            messenger=slack.messenger,
            slack_of=slack.directory.slack_of,
            roles_now=slack.roles_now,
            open_channel=slack.opener.perform,
            announce=slack.announcer.perform,
            page=Pager([slack.line, pagerduty.line], fallback=mail).perform,
            file_report=Filing(
                engine, bundles, evidence_of(settings), slack.uploads.publish
            ).perform,
        )
        core = Core(settings, engine, bundles, registry, telling, elapsed)
        observing = Observing(settings, core, bundles, slack, host=host)
        stack.push_async_callback(observing.close)  # after the drain: it tells that it drains
        stack.push_async_callback(core.close)
        stack.callback(observing.drains)
        await stack.enter_async_context(
            door.opened(orders_of(settings, slack), settings.data / SOCKET)
        )
        await _listen(stack, settings, slack, pagerduty, observing)
        core.start()
        pagerduty.start()
        beat = heartbeat(_secret(settings.heartbeat)) if settings.heartbeat else None
        watching = asyncio.create_task(Watchman(engine, core.driver, beat).watch())
        stack.callback(watching.cancel)
        surface = Surface(slack_of=slack.directory.slack_of, channel_name=channel_name)
        drills = drills_of(settings)
        sentry = Sentry(engine, bundles.values(), core.observe, drills, surface)
        guarding = asyncio.create_task(sentry.watch())
        stack.callback(guarding.cancel)
        keeping = Keeping(settings, place_of(settings), engine)
        stack.push_async_callback(keeping.close)
        observing.anchoring = keeping.anchoring
        keeping.start()
        warming = asyncio.create_task(warm_up(bundles, registry))
        stack.callback(warming.cancel)
        yield Bot(core, slack, observing)


def orders_of(settings: Settings, slack: SlackSurface) -> Orders:
    """Return what the command line may order, by the rules that hold in Slack."""
    directory = slack.directory
    return Orders(
        slack.deciding,
        factors_of(settings),
        Acquaintance(
            slack_of=directory.slack_of,
            doubt_of=lambda listed: doubt_about(directory, listed),
            name_of=directory.name_of,
            roles_now=slack.roles_now,
        ),
    )


async def _listen(
    stack: AsyncExitStack,
    settings: Settings,
    slack: SlackSurface,
    pagerduty: Pagerduty,
    observing: Observing,
) -> None:
    """Log in to Slack, and be reachable for it, and for whoever else has something to tell."""
    by_http = settings.mode == "http"
    if by_http:
        observing.site.take_events(slack.entrance)
    pagerduty.route(observing.site.app)
    if settings.listens or pagerduty.listens:
        await observing.listen()
    if by_http:
        await slack.start()
        return
    socket = transports.SocketMode(
        slack.app, slack.calls, app_token=_secret(settings.slack_app_token)
    )
    stack.push_async_callback(socket.close)
    observing.connected = lambda: socket.connected
    await asyncio.gather(slack.start(), socket.open())


async def run(settings: Settings) -> None:
    """Run until cancelled."""
    async with running(settings) as bot:
        gc.freeze()  # what a start made stays: never look through it again
        gc.enable()
        log.info("ready: %d open incidents", len(bot.core.engine.runs()))
        await asyncio.Event().wait()


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""


async def make_plan(
    settings: Settings, system: str, procedure: str, *, inputs: Mapping[str, Any] | None = None
) -> Plan:
    """Assess a system and resolve one of its procedures, without a journal and without Slack.

    Raises `ConfigurationError` or `PlanningError`.
    """
    registry = ActionRegistry()
    bundles = load_checked(settings, registry)
    clients = ClientPool()
    workshop = Workshop(surroundings=surroundings_of(settings), clients=clients, messenger=Nobody())
    looks = Looks(registry, bundles, workshop)
    try:
        run = await assessed(bundles[system], Assessor(looks))
        planner = Planner(lambda: datetime.now(UTC), looks, lambda _: None)
        return await planner.plan(run, procedure, "it was asked for on the command line", inputs)
    finally:
        await clients.close()


async def ask_rights(
    settings: Settings, system: System, permissions: Iterable[Permission]
) -> dict[Permission, bool | None]:
    """Ask a system's cluster which rights Backout's login has; None where it does not say.

    Raises `ActionError`.
    """
    clients = ClientPool()
    try:
        cluster = await connections.reach(system, settings.kubeconfig, clients)
        return await access.granted(cluster, permissions)
    finally:
        await clients.close()


class Nobody:
    """A messenger for where nothing is ever said."""

    async def post(self, *, channel: str, text: str, key: str) -> str:
        """Refuse."""
        raise PermanentError(f"nothing is posted in {channel}: this is only a plan")

    async def find(self, *, channel: str, key: str) -> str | None:
        """Find nothing."""
        return None
