"""The metrics of one process: what is counted as it happens, and what is looked at when asked.

Made by `bot.wiring`; `bot.web.site` serves it at `/metrics`.
"""

from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from bot.metrics.counting import samples
from bot.metrics.gauges import Gauges, Look
from bot.metrics.instruments import Instruments
from bot.metrics.samples import Name, Sample
from config.models.bundles import Bundle
from flows.moments import Moment


class Metrics:
    """A registry of our own, with everything that Backout tells."""

    def __init__(self, bundles: Mapping[str, Bundle]) -> None:
        self.registry = CollectorRegistry()
        self._points = {n: tuple(b.policy.recovery_points) for n, b in bundles.items()}
        self._instruments = Instruments(self.registry)
        self._look: Look | None = None
        self.registry.register(Gauges(lambda: self._look))
        ProcessCollector(
            registry=self.registry
        )  # memory, open files, start: nothing knows them else
        self.look: Callable[[], Awaitable[Look]] | None = None

    async def page(self, accept: str) -> tuple[bytes, str]:
        """Look, and return everything as text, with its type; `accept` is the header's."""
        if self.look is not None:
            self._look = await self.look()
        encode, kind = choose_encoder(accept)
        return encode(self.registry), kind

    def happened(self, moment: Moment) -> None:
        """Count an event; given to `Witness.tell`."""
        self._instruments.take(samples(moment, self._points.get(moment.run.system, ())))

    def committed(self, seconds: float) -> None:
        """Count a commit of the journal."""
        self._instruments.take((Sample(name=Name.COMMITS, value=seconds),))

    def called(self, method: str, result: str, seconds: float) -> None:
        """Count a call of Slack, made or held back by an earlier limit."""
        self._instruments.take(
            (
                Sample(name=Name.SLACK_CALLS, labels=(method, result)),
                Sample(name=Name.SLACK_SECONDS, value=seconds),
            )
        )

    def limited(self, method: str, seconds: float) -> None:
        """Count an answer with status 429, and how long it wants us to wait."""
        self._instruments.take(
            (
                Sample(name=Name.SLACK_LIMITED, labels=(method,)),
                Sample(name=Name.SLACK_RESTS, labels=(method,), value=seconds),
            )
        )

    def shown(self, view: str, result: str, seconds: float) -> None:
        """Count a view that was sent, or given up, so many seconds after it had changed."""
        self._instruments.take(
            (
                Sample(name=Name.VIEWS, labels=(view, result)),
                Sample(name=Name.VIEW_SECONDS, labels=(view,), value=seconds),
            )
        )
