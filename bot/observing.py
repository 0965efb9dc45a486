"""What lets people see how the bot itself does: metrics, health, and the server that shows them.

Built by `bot.wiring` around everything else; nothing else knows that it is watched.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from importlib.metadata import version

from aiohttp import web

from bot.anchoring import Anchoring
from bot.core import Core
from bot.metrics.gauges import Look, Vitals
from bot.metrics.service import Metrics
from bot.slack.surface import SlackSurface
from bot.tracing.tracer import Tracer, exporting_of
from bot.web import checks
from bot.web.health import Health
from bot.web.site import Site, serve
from config.models.bundles import Bundle
from config.settings import Settings
from flows.engine import AwayError
from flows.moments import Moment

log = logging.getLogger(__name__)


class Observing:
    """Watches a bot.

    `connected` says in Socket Mode whether the socket is open; `anchoring` writes anchors.
    """

    def __init__(
        self,
        settings: Settings,
        core: Core,
        bundles: Mapping[str, Bundle],
        slack: SlackSurface,
        *,
        host: str | None = None,
    ) -> None:
        self._settings = settings
        self._core = core
        self._systems = tuple(bundles)
        self._host = host or settings.listens_on
        self._runner: web.AppRunner | None = None
        self._late: tuple[float, ...] = ()
        self.connected: Callable[[], bool] | None = None
        self.anchoring: Anchoring | None = None
        self.metrics = Metrics(bundles)
        self.metrics.look = self._look
        core.engine.witness(write_down)
        core.engine.witness(self.metrics.happened)
        self._exporting = exporting_of()
        if self._exporting is not None:
            tracer = Tracer(core.engine, self._exporting.send)
            tracer.catch_up()
            core.engine.witness(tracer.happened)
        core.engine.timed = self.metrics.committed
        slack.calls.told = self.metrics.called
        slack.calls.limited = self.metrics.limited
        slack.cards.coalescer.shown = partial(self.metrics.shown, "card")
        slack.homes.coalescer.shown = partial(self.metrics.shown, "home")
        self.health = Health(
            {
                "journal": checks.journal(core.engine),
                "slack": checks.slack(slack, self._is_connected),
                "driver": checks.driver(core),
                "lease": checks.lease(core),
            },
            vital=("driver",),
        )
        self.site = Site(self.health, self.metrics.page)

    def _is_connected(self) -> bool:
        return self.connected is None or self.connected()

    async def listen(self) -> None:
        """Be reachable.  Raises `ListenError`."""
        self._runner = await serve(self.site.app, host=self._host, port=self._settings.port)

    @property
    def address(self) -> str | None:
        """Where it is reachable; None where it is not."""
        return f"{self._host}:{self._settings.port}" if self._runner is not None else None

    def drains(self) -> None:
        """Tell whoever asks that the bot is about to stop."""
        self.health.draining = True

    async def close(self) -> None:
        """Be reachable no more, and send what is left of traces."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._exporting is not None:
            await self._exporting.close()

    async def _look(self) -> Look:
        engine = self._core.engine
        parts = await self.health.parts()
        return Look(
            systems=self._systems,
            runs=engine.runs(),
            now=engine.now(),
            vitals=self._vitals({part.name: part.ok for part in parts}),
        )

    def _vitals(self, ready: Mapping[str, bool]) -> Vitals:
        """Return how the process does; what only the database knows is as it last was."""
        engine, driver = self._core.engine, self._core.driver
        now = engine.now()
        with suppress(AwayError):
            self._late = tuple(now.timestamp() - each.due for each in driver.neglected(now))
        size: int | None = None
        with suppress(AwayError):
            size = engine.size()
        return Vitals(
            late=tuple(max(0.0, seconds) for seconds in self._late),
            performing=driver.performing,
            leads=engine.leads,
            lease_age=driver.lease_age,
            reconnects=engine.reconnects,
            journal_bytes=size,
            disk_free=checks.free_bytes(self._settings.data),
            anchors_failed=self.anchoring.failed if self.anchoring else 0,
            ready=ready,
            version=version("backout"),
        )


def write_down(moment: Moment) -> None:
    """Log one line an event: what, of which incident, and who; never what was said in it."""
    recorded, event = moment.recorded, moment.recorded.event
    kind, actor = type(event).__name__, recorded.actor
    said = actor.id if "@" in actor.name else actor.name
    fields = {"incident": moment.run.id, "seq": recorded.seq, "kind": kind, "actor": said}
    fields |= {
        name: getattr(event, name) for name in ("step", "attempt") if getattr(event, name, None)
    }
    log.info("%s #%d by %s", kind, recorded.seq, said, extra=fields)
