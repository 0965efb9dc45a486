"""`/webhooks/pagerduty`: PagerDuty tells that somebody has acknowledged or resolved (webhooks v3).

Nothing is read of a request before its signature is right, and it speaks only for the systems
whose secret signed it.  Served by `bot.wiring`; answered within PagerDuty's five seconds.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.pagerduty import signatures
from adapters.pagerduty.answers import Answerer, Answers, person_of
from adapters.pagerduty.calls import PagerdutyError
from bot.acknowledging import Acknowledging
from bot.web import bodies
from flows.engine import AwayError

log = logging.getLogger(__name__)
PATH = "/webhooks/pagerduty"
MOST_BYTES = 256 * 1024
KNOWN_WITHIN = 3.0
WANTED = ("incident.acknowledged", "incident.resolved")


class Foreign(BaseModel):
    """PagerDuty adds fields as it likes: what is not known is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Reference(Foreign):
    """Who did it: a person, a service or an integration."""

    id: str = Field(max_length=100)
    type: str = Field(max_length=100)
    summary: str | None = Field(default=None, max_length=500)


class Incident(Foreign):
    """What it was done to; `incident_key` is the alert's."""

    incident_key: str | None = None


class Happening(Foreign):
    """One event."""

    id: str = Field(min_length=1, max_length=200)
    event_type: str
    agent: Reference | None = None
    data: Incident = Incident()


class Delivered(Foreign):
    """The body of a request."""

    event: Happening


class Webhooks:
    """Takes what PagerDuty sends."""

    def __init__(
        self,
        acknowledging: Acknowledging,
        secrets: Callable[[], Mapping[str, str]],
        answers: Callable[[str], Answers | None],
        look: Callable[[], None],
    ) -> None:
        self._acknowledging = acknowledging
        self._secrets = secrets
        self._answers = answers
        self._look = look

    def route(self, site: web.Application) -> None:
        """Add the path to a web server."""
        site.router.add_post(PATH, self.receive)

    async def receive(self, request: web.Request) -> web.Response:
        """Take one request: 202 where it is genuine, 503 where it can't be recorded now."""
        body = await bodies.read(request, MOST_BYTES)
        header = ",".join(request.headers.getall(signatures.HEADER, []))
        signed = [
            system
            for system, secret in self._secrets().items()
            if signatures.is_signed(body, header, secret)
        ]
        if not signed:
            log.warning("a webhook for PagerDuty was refused: no signature is right")
            return web.Response(status=401, text="the signature is not right\n")
        try:
            happening = Delivered.model_validate_json(body).event
        except ValidationError:
            return web.Response(status=400, text="this is no webhook of version 3\n")
        try:
            if happening.event_type in WANTED:
                await self._happened(signed, happening)
        except AwayError as error:
            log.warning("a webhook of PagerDuty was not recorded: %s", error)
            return web.Response(status=503, text="it was not recorded: send it again\n")
        return web.Response(status=202, text="thank you\n")

    async def _happened(self, systems: list[str], happening: Happening) -> None:
        by = person_of(happening.agent.model_dump()) if happening.agent else None
        if by is None:
            return  # it was us, or another integration
        for system in systems:
            run = self._acknowledging.run_of(system, happening.data.incident_key or "")
            if run is not None:
                by = await self._known(system, by)
                self._acknowledging.acknowledge(run, by, happening.id)
                return
        self._look()  # the key may be missing: the incident holds several alerts

    async def _known(self, system: str, by: Answerer) -> Answerer:
        """Return a person with their e-mail address, where PagerDuty says it in time."""
        answers = self._answers(system)
        if answers is None:
            return by
        try:
            async with asyncio.timeout(KNOWN_WITHIN):
                return await answers.known(by)
        except (PagerdutyError, TimeoutError) as error:
            log.warning("who %s is can't be asked in PagerDuty: %s", by.id, error)
            return by
