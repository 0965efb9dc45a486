"""PagerDuty as one object: the line that calls, the watch for answers, the door for webhooks.

Built by `bot.wiring`; does nothing where no system has a connection to PagerDuty.
"""

import asyncio
import logging
from collections.abc import Mapping

from aiohttp import web

from adapters.pagerduty.answers import Answers
from adapters.pagerduty.calls import Calls, PagerdutyError, PassingError
from adapters.pagerduty.lines import AlertLine, Resolve, Services
from bot.acknowledging import Acknowledging
from bot.web.pagerduty import Webhooks
from config.models.bundles import Bundle
from config.models.connections import PagerdutyConnection
from config.secrets import SecretError
from flows.authorizing import SlackOf
from flows.engine import Engine
from flows.paging import subject_of
from flows.runs import Run

log = logging.getLogger(__name__)
EVERY = 15.0


class Pagerduty:
    """Everything of PagerDuty.  To be made inside the event loop; `close` ends it."""

    def __init__(
        self,
        engine: Engine,
        bundles: Mapping[str, Bundle],
        slack_of: SlackOf,
        *,
        calls: Calls,
        resolve: Resolve,
    ) -> None:
        self._connections = {
            name: bundle.system.connections.pagerduty
            for name, bundle in bundles.items()
            if bundle.system.connections.pagerduty is not None
        }
        self._resolve = resolve
        self._calls = calls
        self._nudged = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._answers: dict[tuple[str, str], Answers] = {}
        self._acknowledging = Acknowledging(engine, bundles, slack_of)
        services = {
            name: services_of(bundles[name], each) for name, each in self._connections.items()
        }
        self.line = AlertLine(engine, services, self._calls, resolve)
        self._hooks = Webhooks(self._acknowledging, self._secrets, self._known, self._nudged.set)

    @property
    def listens(self) -> bool:
        """Whether a system expects webhooks."""
        return any(each.webhook_secret for each in self._connections.values())

    def route(self, site: web.Application) -> None:
        """Add the door for webhooks to a web server, where a system expects some."""
        if self.listens:
            self._hooks.route(site)

    def start(self) -> None:
        """Begin to look for answers, where a system has a key to ask with."""
        if any(each.token for each in self._connections.values()):
            self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await self.look()
            try:
                async with asyncio.timeout(EVERY):
                    await self._nudged.wait()
            except TimeoutError:
                continue
            self._nudged.clear()

    async def look(self) -> None:
        """Look once who has answered."""
        looks = (self._look_for(run) for run in self._acknowledging.awaited())
        for outcome in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(outcome, PassingError):
                log.info("who has acknowledged in PagerDuty is not known: %s", outcome)
            elif isinstance(outcome, PagerdutyError | SecretError):
                log.warning("who has acknowledged in PagerDuty can't be known: %s", outcome)
            elif isinstance(outcome, Exception):
                log.error("a look at PagerDuty failed", exc_info=outcome)

    async def _look_for(self, run: Run) -> None:
        asked = self._asking(run.system)
        if asked is None:
            return
        for key in self.line.opened_keys(run):
            answer = await asked.to(key)
            if answer is not None:
                told = f"{answer.incident}:{answer.by.id}"
                self._acknowledging.acknowledge(run, answer.by, f"{run.id}:{told}")
                return

    def _asking(self, system: str) -> Answers | None:
        """Return the API to ask about a system; raises `SecretError`."""
        connection: PagerdutyConnection | None = self._connections.get(system)
        if connection is None or connection.token is None:
            return None
        place = (connection.url, self._resolve(connection.token))
        return self._answers.setdefault(place, Answers(self._calls, *place))

    # For webhooks

    def _secrets(self) -> Mapping[str, str]:
        """Return the signing secret of every system that has one, as it is now."""
        found: dict[str, str] = {}
        for name, connection in self._connections.items():
            if connection.webhook_secret is None:
                continue
            try:
                found[name] = self._resolve(connection.webhook_secret)
            except SecretError as error:
                log.warning("webhooks of PagerDuty for %s are refused: %s", name, error)
        return found

    def _known(self, system: str) -> Answers | None:
        try:
            return self._asking(system)
        except SecretError as error:
            log.warning("who acknowledged in PagerDuty can't be asked: %s", error)
            return None


def services_of(bundle: Bundle, connection: PagerdutyConnection) -> Services:
    """Return which service rings for which level."""
    levels = bundle.people.escalation
    keys = {subject_of(each.level): each.pagerduty or connection.routing_key for each in levels}
    return Services(connection=connection, keys=keys)
