"""An incident as a trace: which spans an event ends, each with the times that were recorded.

Pure.  Ids are hashes of what a span is about, so that after a restart, and on another replica, the
same incident goes on in the same trace.  A span is made when the event that ends it is recorded.
"""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from bot.metrics.counting import ENDS_AN_ATTEMPT, ended_gates, outcome_of, scope_of, uses_of
from flows import events as e
from flows.moments import Moment
from flows.runs import Run
from flows.states import StepState

BUSY = (StepState.RUNNING, StepState.DOUBT)
WRONG = ("failed", "tried_again", "refuted", "drifted", "undo_failed", "denied", "expired")
ROOT = "incident"
Value = str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """When an attempt of a step was asked for, and in which state (its place among them)."""

    at: datetime
    phase: int


Attempts = MutableMapping[int, Begun]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Something that has ended.  `parent` is None for the incident itself."""

    trace: int
    id: int
    parent: int | None
    name: str
    began: datetime
    ended: datetime
    wrong: bool = False
    attributes: Mapping[str, Value] = field(default_factory=dict)


def begin(moment: Moment, attempts: Attempts) -> None:
    """Remember the attempts that an event asked for."""
    before = moment.before.steps if moment.before else {}
    for name, record in moment.run.steps.items():
        known = before[name].attempt if name in before else 0
        if record.attempt and record.attempt != known:
            attempts[record.attempt] = Begun(at=moment.at, phase=len(moment.run.spans) - 1)


def begun(told: Iterable[Moment]) -> Attempts:
    """Return when every attempt of a history was asked for."""
    attempts: Attempts = {}
    for moment in told:
        begin(moment, attempts)
    return attempts


def spans(moment: Moment, attempts: Mapping[int, Begun]) -> Iterator[Span]:
    """Return the spans that an event ends."""
    if moment.before is None:
        return
    yield from _attempts(moment, moment.before, attempts)
    yield from _undo(moment, moment.before)
    yield from _gates(moment)
    yield from _pages(moment, moment.before)
    yield from _phases(moment, moment.before)
    yield from _incident(moment, moment.before)


def _attempts(moment: Moment, before: Run, attempts: Mapping[int, Begun]) -> Iterator[Span]:
    event, run = moment.recorded.event, moment.run
    for name, record in before.steps.items():
        after = run.steps.get(name)
        goes_on = after and after.state in BUSY and after.attempt == record.attempt
        if record.state not in BUSY or goes_on:
            continue
        outcome = str(after.state) if after else "dropped"
        if isinstance(event, ENDS_AN_ATTEMPT) and event.step == name:
            outcome = outcome_of(event, run)
        asked = attempts.get(record.attempt)
        began = asked.at if asked else record.asked_at or moment.at
        yield _span(
            run,
            f"attempt:{record.attempt}",
            name,
            (began, moment.at),
            parent=f"phase:{asked.phase if asked else len(before.spans) - 1}",
            wrong=outcome in WRONG,
            step=name,
            uses=uses_of(before, name),
            outcome=outcome,
            attempt=record.attempt,
            in_doubt=record.state is StepState.DOUBT,
            reconciled=outcome == "reconciled",
        )


def _undo(moment: Moment, before: Run) -> Iterator[Span]:
    event = moment.recorded.event
    if not isinstance(event, e.StepUndone | e.UndoFailed) or not before.applied:
        return
    last = before.applied[-1]
    if last.step.id != event.step or last.undo_asked_at is None:
        return
    yield _span(
        moment.run,
        f"undo:{moment.recorded.seq}",
        f"undo {event.step}",
        (last.undo_asked_at, moment.at),
        parent=f"phase:{len(before.spans) - 1}",
        wrong=isinstance(event, e.UndoFailed),
        step=event.step,
        uses=last.step.uses,
        outcome=outcome_of(event, moment.run),
    )


def _gates(moment: Moment) -> Iterator[Span]:
    for gate, outcome in ended_gates(moment):
        yield _span(
            moment.run,
            f"gate:{gate.scope}:{gate.digest}",
            f"gate {scope_of(gate)}",
            (gate.opened_at, moment.at),
            wrong=outcome in WRONG,
            scope=gate.scope,
            seats=gate.seats,
            outcome=outcome,
        )


def _pages(moment: Moment, before: Run) -> Iterator[Span]:
    event, run = moment.recorded.event, moment.run
    page = run.page(event.page) if isinstance(event, e.PageSent) else None
    if page is not None:
        yield _span(
            run,
            f"page:{page.number}",
            f"page {page.subject.partition(':')[0]}",
            (page.at, moment.at),
            wrong=bool(page.unreached),
            subject=page.subject,
            people=len(page.people),
            failures=len(page.failures),
        )
    if run.acknowledged and not before.acknowledged and run.pages:
        times = (run.pages[0].at, moment.at)
        yield _span(run, "acknowledged", "acknowledge", times, via=run.acknowledged.via)


def _phases(moment: Moment, before: Run) -> Iterator[Span]:
    run = moment.run
    for place in range(max(len(before.spans), 1), len(run.spans)):
        last, following = run.spans[place - 1], run.spans[place]
        yield _span(run, f"phase:{place - 1}", str(last.state), (last.at, following.at))


def _incident(moment: Moment, before: Run) -> Iterator[Span]:
    run = moment.run
    if not run.ended or before.ended:
        return
    yield _span(
        run,
        ROOT,
        f"incident on {run.system}",
        (run.declared_at, moment.at),
        parent=None,
        system=run.system,
        environment=run.environment,
        severity=run.severity,
        procedure=run.plan.procedure if run.plan else "",
        outcome=str(run.outcome or ""),
    )


def _span(
    run: Run,
    key: str,
    name: str,
    times: tuple[datetime, datetime],
    *,
    parent: str | None = ROOT,
    wrong: bool = False,
    **attributes: Value,
) -> Span:
    began, ended = times
    return Span(
        trace=trace_of(run),
        id=_number(run, key, 8),
        parent=_number(run, parent, 8) if parent else None,
        name=name,
        began=min(began, ended),
        ended=ended,
        wrong=wrong,
        attributes={"backout.incident": run.id}
        | {f"backout.{name}": value for name, value in attributes.items()},
    )


def trace_of(run: Run) -> int:
    """Return the trace of an incident: the same wherever and whenever it is asked for."""
    return _number(run, "trace", 16)


def _number(run: Run, key: str, size: int) -> int:
    digest = sha256(f"{run.id} {run.declared_at.isoformat()} {key}".encode()).digest()
    return int.from_bytes(digest[:size])
