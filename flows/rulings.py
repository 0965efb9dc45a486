"""What people decided in a run, and who was called and came.

Pure; the part of `flows.reports` that is about people.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flows import events as e
from flows import stretches
from flows.deviations import title_of
from flows.events import Actor
from flows.gates import Gate, Person
from flows.moments import Moment
from flows.paging import Reached
from flows.stretches import Wait

RULED = (
    e.QuestionAnswered,
    e.PlanAsked,
    e.NoRollbackChosen,
    e.BreakGlassAsked,
    e.Decided,
    e.HoldAsked,
    e.ResumeAsked,
    e.RetryAsked,
    e.SkipAsked,
    e.UndoAsked,
    e.AbortAsked,
    e.ReplanAsked,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What one person decided.  `counted` is false where it came too late, or was not theirs.

    `after` is how many seconds the gate had been open; `roles` are titles where they are known.
    """

    at: datetime
    actor: Actor
    roles: tuple[str, ...]
    event: e.Event
    what: str
    why: str
    counted: bool
    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A page, how it went, and who of those who were called was there first, and when."""

    at: datetime
    title: str
    people: tuple[Person, ...]
    why: str
    reached: tuple[Reached, ...]
    answered_by: str = ""
    answered_at: datetime | None = None


def rulings(told: Sequence[Moment], waits: Sequence[Wait]) -> tuple[Ruling, ...]:
    """Return every word of a person that steers a run, in the order of time."""
    return tuple(_rulings(told, waits))


def _rulings(told: Sequence[Moment], waits: Sequence[Wait]) -> Iterator[Ruling]:
    gates = stretches.gates(told)
    titles = _titles(gates)
    people = {person.id: person for gate in gates for person in gate.candidates}
    for moment in told:
        event = moment.recorded.event
        if not isinstance(event, RULED):
            continue
        gate = None
        person = people.get(moment.recorded.actor.id)
        if isinstance(event, e.Decided):
            person = event.person
            gate = moment.before.gate_of(event.scope) if moment.before else None
        yield Ruling(
            at=moment.at,
            actor=moment.recorded.actor,
            roles=tuple(titles.get(role, role) for role in (person.roles if person else ())),
            event=event,
            what=_what(moment, event),
            why=str(getattr(event, "reason", "")),
            counted=moment.counted,
            after=_after(moment.at, gate, waits) if gate else None,
        )


def _after(at: datetime, gate: Gate, waits: Sequence[Wait]) -> float:
    """Return how many seconds a gate had been waited for: a step's own counts from its turn."""
    asked = [wait.began for wait in waits if wait.step == gate.scope and wait.began <= at]
    return (at - max([gate.opened_at, *asked])).total_seconds()


def _what(moment: Moment, event: e.Event) -> str:
    """Return the title of the step, the procedure, or the question that it is about."""
    match event:
        case e.Decided(scope=scope):
            return title_of(moment.before, scope)
        case e.RetryAsked(step=step) | e.SkipAsked(step=step):
            return title_of(moment.before, step) if step else ""
        case e.QuestionAnswered(question=question):
            asked = {each.id: each.text for each in moment.run.questions}
            return asked.get(question, question)
        case e.PlanAsked(procedure=procedure):
            return procedure or ""
        case _:
            return ""


def _titles(gates: Iterable[Gate]) -> Mapping[str, str]:
    return {
        role: title
        for gate in gates
        for slot in gate.slots
        for role, title in zip(slot.any_of, slot.titles, strict=False)
    }


def calls(told: Sequence[Moment]) -> tuple[Call, ...]:
    """Return every page, in the order of time."""
    return tuple(_calls(told))


def _calls(told: Sequence[Moment]) -> Iterator[Call]:
    """Pair each page with the first sign of life of anybody whom it called."""
    for page in told[-1].run.pages:
        called = {person.id for person in page.people}
        signs = [m for m in told if m.recorded.actor.id in called and m.at >= page.at]
        first = signs[0] if signs else None
        yield Call(
            at=page.at,
            title=page.title,
            people=page.people,
            why=page.why,
            reached=page.reached,
            answered_by=first.recorded.actor.name if first else "",
            answered_at=first.at if first else None,
        )
