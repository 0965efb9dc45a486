"""Sends the spans of incidents to a collector, where one is configured.

Used by `bot.observing`.  What it needs is loaded only where the environment names a collector, by
OpenTelemetry's own variables.
"""

import logging
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.tracing.spans import Attempts, Span, begin, begun, spans
from flows.engine import AwayError, Engine
from flows.moments import Moment, moments

if TYPE_CHECKING:
    from bot.tracing.exporting import Exporting

log = logging.getLogger(__name__)
WHERE = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
OFF = "OTEL_SDK_DISABLED"
UNSENT = timedelta(seconds=30)
"""What had ended so shortly before the bot did may not have left it."""


class Tracer:
    """Turns moments into spans, and gives each on when it has ended."""

    def __init__(self, engine: Engine, send: Callable[[Span], None]) -> None:
        self._engine = engine
        self._send = send
        self._attempts: dict[str, Attempts] = {}

    def catch_up(self) -> None:
        """Send again what may have been lost with the process before; its ids are the same."""
        runs = self._engine.runs()
        last = max((run.updated_at for run in runs), default=None)
        for run in (each for each in runs if last and each.updated_at >= last - UNSENT):
            try:
                told = moments(self._engine.events(run.id))
            except AwayError as error:
                log.warning("what was not sent of traces is left out: %s", error)
                return
            attempts = self._attempts[run.id] = begun(told)
            for moment in told:
                if last and moment.at >= last - UNSENT:
                    self._give(moment, attempts)

    def happened(self, moment: Moment) -> None:
        """Take an event; given to `Witness.tell`."""
        incident = moment.run.id
        if incident not in self._attempts or self._misses(moment):
            told = self._engine.events(incident)
            known = (each for each in told if each.seq < moment.recorded.seq)
            self._attempts[incident] = begun(moments(known))
        attempts = self._attempts[incident]
        begin(moment, attempts)
        self._give(moment, attempts)
        if moment.run.ended:
            del self._attempts[incident]

    def _misses(self, moment: Moment) -> bool:
        """Say whether another replica has asked for an attempt since."""
        last = moment.before.attempts if moment.before else 0
        return last not in (0, max(self._attempts[moment.run.id], default=0))

    def _give(self, moment: Moment, attempts: Attempts) -> None:
        for span in spans(moment, attempts):
            self._send(span)


def exporting_of(environment: Mapping[str, str] = os.environ) -> "Exporting | None":
    """Return what sends spans to the collector that the environment names, or None."""
    is_off = environment.get(OFF, "").casefold() == "true"
    if is_off or not any(environment.get(name) for name in WHERE):
        return None
    try:
        from bot.tracing.exporting import Exporting
    except ImportError:
        log.warning(
            "%s names a collector, but nothing is sent: install backout with the extra `tracing`",
            next(name for name in WHERE if environment.get(name)),
        )
        return None
    return Exporting()
