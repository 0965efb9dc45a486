"""Calling the levels of the escalation chain by PagerDuty.

A line of `bot.paging`.  Intent is written down before an alert leaves, so that one whose answer
was lost is ended, too.  PagerDuty counts a key once, so whatever is in doubt is sent again.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.pagerduty import alerts
from adapters.pagerduty.calls import Calls, PagerdutyError, PassingError
from config.models.connections import PagerdutyConnection
from config.secrets import SecretError
from flows.engine import Delivery, Engine, LaterError
from flows.paging import Page, Reached
from flows.runs import Run

VIA = "pagerduty"
PATIENCE = 60.0
PATIENCE_TO_END = 3600.0
CHANNEL_WITHIN = 3.0
Resolve = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of a system: the reference to a routing key, by the subject of a page."""

    connection: PagerdutyConnection
    keys: Mapping[str, str]


class AlertLine:
    """Opens one alert an incident and level; acknowledges and resolves it with the run."""

    def __init__(
        self, engine: Engine, services: Mapping[str, Services], calls: Calls, resolve: Resolve
    ) -> None:
        self._engine = engine
        self._services = services
        self._calls = calls
        self._resolve = resolve

    async def call(self, run: Run, page: Page) -> Sequence[Reached]:
        """Open the alert of a level; PagerDuty knows who is on call there.

        Says nothing of pages that call no level, or whose system has no PagerDuty.  Raises
        `LaterError` while PagerDuty can't be told, for at most a minute.
        """
        services = self._services.get(run.system)
        if services is None or page.subject not in services.keys:
            return ()
        note = await self._open(run, page, services)
        if not note:
            # Somebody may have answered, or ended it, while the alert was on its way.
            await self.end(self._engine.run(run.id) or run)
        return [Reached(person=p.id, via=VIA, ok=not note, note=note) for p in page.people]

    async def _open(self, run: Run, page: Page, services: Services) -> str:
        """Open an alert where it is not open yet; return why that is given up, or nothing."""
        sent = f"{_name(run, page)}:sent"
        if self._engine.delivery(sent):
            return ""
        waited = self._since(page.at)
        if run.channel is None and 0 <= waited < CHANNEL_WITHIN:
            raise LaterError("the alert is to link to the channel", delay=1.0)
        key = alerts.key_of(run, page)
        self._keep(_name(run, page), key)
        try:
            await self._send(run, page, services, "trigger")
        except PassingError as error:
            left = PATIENCE - self._since(page.at)
            if left > 0:
                raise LaterError(str(error), delay=min(error.delay, max(1.0, left))) from error
            return f"{error}, for {PATIENCE:.0f} s"
        except (PagerdutyError, SecretError) as error:
            return str(error)
        self._keep(sent, key)
        return ""

    async def end(self, run: Run) -> None:
        """Acknowledge the alerts that somebody here has answered; resolve all when it is over.

        Raises `LaterError` while PagerDuty can't be told, for at most an hour.
        """
        services = self._services.get(run.system)
        if services is None:
            return
        action, since = _ending(run)
        if since is None:
            return
        open_ones = {alerts.key_of(run, page): page for page in self._opened(run)}
        wanted = [p for p in open_ones.values() if run.ended or alerts.is_answered(run, p)]
        ends = (self._end(run, page, services, action) for page in wanted)
        for outcome in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(outcome, PassingError) and self._since(since) < PATIENCE_TO_END:
                raise LaterError(str(outcome), delay=outcome.delay) from outcome
            if isinstance(outcome, BaseException) and not isinstance(
                outcome, PagerdutyError | SecretError
            ):
                raise outcome

    async def _end(self, run: Run, page: Page, services: Services, action: str) -> None:
        key = alerts.key_of(run, page)
        done = f"{key}:{action}"
        if self._engine.delivery(done):
            return
        await self._send(run, page, services, action)
        self._keep(done, key)

    def opened_keys(self, run: Run) -> tuple[str, ...]:
        """Return the keys of a run's alerts that are open, or may be."""
        return alerts.keys_of(run, self._opened(run))

    def _opened(self, run: Run) -> Iterator[Page]:
        return (page for page in run.pages if self._engine.delivery(_name(run, page)))

    async def _send(self, run: Run, page: Page, services: Services, action: str) -> None:
        reference = services.keys.get(page.subject, services.connection.routing_key)
        event = alerts.trigger(run, page) if action == "trigger" else {}
        key = alerts.key_of(run, page)
        url = services.connection.events_url
        await self._calls.send(url, self._resolve(reference), action, key, event)

    def _since(self, at: datetime) -> float:
        return (self._engine.now() - at).total_seconds()

    def _keep(self, name: str, key: str) -> None:
        self._engine.keep_delivery(Delivery(key=name, channel=VIA, ts=key))


def _name(run: Run, page: Page) -> str:
    return f"{run.id}:page:{page.number}:{VIA}"


def _ending(run: Run) -> tuple[str, datetime | None]:
    """Return what is to be done with open alerts, and since when."""
    if run.ended:
        return "resolve", run.ended_at
    return "acknowledge", run.acknowledged.at if run.acknowledged else None
