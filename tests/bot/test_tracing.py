"""An incident as a trace: the same wherever it is told, with the times that were recorded."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bot.tracing.exporting import Exporting
from bot.tracing.spans import Span, begun, spans, trace_of
from bot.tracing.tracer import Tracer, exporting_of
from flows import events
from flows.events import Recorded
from flows.moments import moments
from flows.replay import replay
from flows.runs import Run
from tests.bot import story
from tests.bot.story import START, Story
from tests.servers import served


def traced(told: Story) -> list[Span]:
    """Return every span of a story."""
    found = moments(told.history)
    return [span for moment in found for span in spans(moment, begun(found))]


def seconds(span: Span) -> tuple[float, float]:
    """Return when a span began and ended, in seconds from the declaration."""
    return (span.began - START).total_seconds(), (span.ended - START).total_seconds()


def test_an_incident_is_one_trace_with_its_phases_steps_and_gates() -> None:
    """Steps lie within their phases, phases and gates within the incident."""
    found = traced(story.closed())
    by_name = {span.name: span for span in found}
    root = by_name["incident on aivo"]
    assert (root.parent, seconds(root)) == (None, (0.0, 300.0))
    assert {span.trace for span in found} == {root.trace}
    assert len({span.id for span in found}) == len(found)
    for name in ("assess", "approve", "restore", "validate", "communicate", "gate plan"):
        assert by_name[name].parent == root.id, name
    assert seconds(by_name["restore"]) == (110.0, 208.0)
    rollback = by_name["rollback"]
    assert (rollback.parent, seconds(rollback)) == (by_name["restore"].id, (110.0, 148.0))
    assert rollback.attributes == {
        "backout.incident": "INC-7",
        "backout.step": "rollback",
        "backout.uses": "helm.rollback",
        "backout.outcome": "succeeded",
        "backout.attempt": 1,
        "backout.in_doubt": False,
        "backout.reconciled": False,
    }
    assert seconds(by_name["gate plan"]) == (60.0, 110.0)


def test_every_attempt_is_a_span_and_doubts_are_told() -> None:
    """A retry begins where the attempt before it ended."""
    told = story.waiting().approved().started("rollback").wait(10)
    attempt = told.run.steps["rollback"].attempt
    told.tell(events.StepFailed(step="rollback", attempt=attempt, why="busy", delay=1.0))
    told.started("rollback").wait(5)
    attempt = told.run.steps["rollback"].attempt
    told.tell(events.StepDoubted(step="rollback", attempt=attempt, why="no answer")).wait(5)
    told.tell(
        events.StepSucceeded(
            step="rollback", attempt=attempt, summary="holds", output={}, reconciled=True
        )
    )
    first, second = [span for span in traced(told) if span.name == "rollback"]
    assert (first.wrong, seconds(first)) == (True, (110.0, 120.0))
    assert (second.wrong, seconds(second)) == (False, (120.0, 130.0))
    assert second.attributes["backout.in_doubt"] is True
    assert second.attributes["backout.reconciled"] is True


def test_undo_and_the_answer_to_a_page_are_spans() -> None:
    """What was put back, and how long it took; who was called, and until somebody came."""
    told = story.held().tell(events.UndoAsked(reason="worse"), by=story.MARCUS).wait(20)
    told.tell(events.StepUndone(step="rollback", summary="back to 42"))
    undo = next(span for span in traced(told) if span.name == "undo rollback")
    assert (undo.ended - undo.began).total_seconds() == 20.0
    assert undo.attributes["backout.outcome"] == "undone"


class Kept:
    """An engine of which only the events are asked for."""

    def __init__(self, history: list[Recorded]) -> None:
        self.history = history

    def runs(self, *, ended: bool = False) -> tuple[Run, ...]:
        return (replay(self.history),)

    def events(self, incident: str) -> tuple[Recorded, ...]:
        return tuple(self.history)


@pytest.mark.parametrize("known", [1, 8, 14, 17])
def test_another_process_goes_on_with_the_same_trace(known: int) -> None:
    """Whoever comes in later tells the same spans as one that was there from the beginning."""
    told = story.closed()
    whole = {span.id: span for span in traced(told)}
    sent: list[Span] = []
    tracer = Tracer(Kept(told.history[:known]), sent.append)  # type: ignore[arg-type]  # all it asks
    tracer.catch_up()
    tracer = Tracer(Kept(told.history), sent.append)  # type: ignore[arg-type]
    for moment in moments(told.history)[known:]:
        tracer.happened(moment)
    assert {span.id: span for span in sent}.items() <= whole.items()
    last = told.history[known - 1].at if known else START
    late = {i for i, span in whole.items() if span.ended >= last - timedelta(seconds=30)}
    assert late <= {span.id for span in sent}, "nothing that had not been sent is missing"


def test_two_incidents_of_one_number_are_two_traces() -> None:
    """A journal that was begun anew counts from one again."""
    first, second = Story().run, Story().wait(1)
    second.tell(events.NoteAdded(text="x"))
    assert trace_of(first) == trace_of(second.run)
    later = moments(
        [
            Recorded(
                seq=1,
                at=START + timedelta(days=1),
                actor=events.BOT,
                event=second.history[0].event,
            )
        ]
    )[0].run
    assert trace_of(later) != trace_of(first)


async def test_spans_are_given_to_the_sdk_as_they_are() -> None:
    """Ids, times, parents and what went wrong."""
    exporter = InMemorySpanExporter()
    exporting = Exporting(exporter)
    told = traced(story.closed())
    for span in told:
        exporting.send(span)
    exporting._processor.force_flush()
    found = exporter.get_finished_spans()
    assert [each.context.span_id for each in found if each.context] == [s.id for s in told]
    assert found[0].start_time == int(told[0].began.timestamp() * 10**9)
    await exporting.close()


async def test_a_collector_gets_them_by_otlp(monkeypatch: pytest.MonkeyPatch) -> None:
    """As protobuf over HTTP, to the address that OpenTelemetry's own variable names."""
    received: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        body = ExportTraceServiceRequest.FromString(await request.read())
        received.extend(body.resource_spans)
        return web.Response()

    site = web.Application()
    site.router.add_post("/v1/traces", take)
    told = traced(story.closed())
    async with served(site) as address:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        exporting = exporting_of({"OTEL_EXPORTER_OTLP_ENDPOINT": address})
        assert exporting is not None
        for span in told:
            exporting.send(span)
        await exporting.close()
    got = [span for each in received for scope in each.scope_spans for span in scope.spans]
    assert {int.from_bytes(span.span_id) for span in got} == {span.id for span in told}
    assert {int.from_bytes(span.trace_id) for span in got} == {told[0].trace}
    named = {each.key: each.value.string_value for each in received[0].resource.attributes}
    assert named["service.name"] == "backout"


@pytest.mark.parametrize(
    "environment",
    [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}],
)
def test_without_a_collector_nothing_is_sent(environment: dict[str, str]) -> None:
    """None is named, or the SDK is switched off."""
    assert exporting_of(environment) is None


def test_nothing_of_the_sdk_is_loaded_while_it_is_off() -> None:
    """A start does not pay for what nobody asked for."""
    code = "import bot.observing, sys; print([m for m in sys.modules if 'opentelemetry' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
