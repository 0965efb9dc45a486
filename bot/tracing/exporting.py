"""Spans as OpenTelemetry knows them, sent by OTLP over HTTP.  The only place of its SDK.

Where to, with which headers and how long to wait is said by its own variables (`OTEL_…`).
"""

import asyncio
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from bot.tracing.spans import Span

NAME = "backout"
ENDS_WITHIN = 5.0
START = datetime(1970, 1, 1, tzinfo=UTC)
SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Exporting:
    """A queue of spans, and a thread that empties it; what does not fit is dropped."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        self._resource = _resource()
        self._scope = InstrumentationScope(NAME, version(NAME))
        self._exporter = exporter or OTLPSpanExporter()
        self._processor = BatchSpanProcessor(self._exporter)

    def send(self, span: Span) -> None:
        """Queue a span."""
        self._processor.on_end(
            ReadableSpan(
                name=span.name,
                context=_context(span.trace, span.id),
                parent=_context(span.trace, span.parent) if span.parent is not None else None,
                resource=self._resource,
                attributes=span.attributes,
                kind=SpanKind.INTERNAL,
                instrumentation_scope=self._scope,
                status=Status(StatusCode.ERROR if span.wrong else StatusCode.UNSET),
                start_time=_nanoseconds(span.began),
                end_time=_nanoseconds(span.ended),
            )
        )

    async def close(self) -> None:
        """Send what is queued, for a moment, and end."""
        ending = asyncio.create_task(asyncio.to_thread(self._processor.shutdown))
        await asyncio.wait({ending}, timeout=ENDS_WITHIN)
        if not ending.done():
            self._exporter.shutdown()  # the collector is away: it would be tried for half a minute
            await ending


def _resource() -> Resource:
    """Return who sends this: what the environment says, and our name where it gives none."""
    found = Resource.create({SERVICE_VERSION: version(NAME)})
    named = not str(found.attributes[SERVICE_NAME]).startswith("unknown_service")
    return found if named else found.merge(Resource({SERVICE_NAME: NAME}))


def _context(trace: int, span: int) -> SpanContext:
    return SpanContext(trace, span, is_remote=False, trace_flags=SAMPLED)


def _nanoseconds(at: datetime) -> int:
    return (at - START) // timedelta(microseconds=1) * 1000
