"""What the picture shows, lane by lane, before anything is drawn: bars, waits, marks, words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.reporting.canvases import Shape
from bot.wording import reports as words
from bot.wording.texts import duration
from flows import events as e
from flows.gates import Verb
from flows.reports import Report, StepAccount
from flows.states import StepState
from flows.stretches import Work

# Okabe and Ito's colours, which people tell apart however they see colours.
BLUE, SKY, ORANGE, RED = "#0072b2", "#56b4e9", "#e69f00", "#d55e00"
PINK, GREEN, BLACK, GREY = "#cc79a7", "#009e73", "#1f2937", "#9ca3af"
OUTCOMES = {
    StepState.DONE: BLUE,
    StepState.NOT_NEEDED: GREY,
    StepState.FAILED: RED,
    StepState.SKIPPED: ORANGE,
    StepState.UNDONE: PINK,
    StepState.RUNNING: SKY,
    StepState.DOUBT: BLACK,
    StepState.PENDING: GREY,
    StepState.WAITING: GREY,
}
MOST_ROWS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A bar from one time to another; without a colour it is hatched: nothing was done."""

    began: datetime
    ended: datetime
    colour: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the picture: its name, its bars, and a word on how it went."""

    name: str
    spans: tuple[Span, ...]
    note: str
    is_faint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something at a point of time; `until` draws a line to when it was answered."""

    at: datetime
    shape: Shape
    colour: str
    text: str
    until: datetime | None = None


def rows(report: Report) -> tuple[Row, ...]:
    """Return a row for every step; what is too much is left out, and counted."""
    found = [_row(report, account) for account in report.steps]
    if len(found) <= MOST_ROWS:
        return tuple(found)
    rest = len(found) - MOST_ROWS + 1
    more = Row(name=f"… and {rest} more steps", spans=(), note="", is_faint=True)
    return (*found[: MOST_ROWS - 1], more)


def _row(report: Report, account: StepAccount) -> Row:
    mine = (account.plan, account.step.id)
    done = [w for w in report.works if (w.plan, w.step.id) == mine]
    asked = [w for w in report.waits if account.waited and w.step == account.step.id]
    spans = [Span(began=w.began, ended=w.ended) for w in asked]
    spans += [
        Span(began=w.began, ended=w.ended, colour=PINK if w.undo else _colour(account, w))
        for w in done
    ]
    is_done = account.began and account.state is not StepState.NOT_NEEDED
    took = f", {words.brief(account.worked)}" if is_done else ""
    again = f", {account.tries} tries" if account.tries > 1 else ""
    late = ", late" if account.late else ""
    doubt = ", was in doubt" if account.doubted else ""
    return Row(
        name=account.step.title,
        spans=tuple(spans),
        note=f"{_note(account)}{took}{late}{again}{doubt}",
        is_faint=not spans,
    )


def _colour(account: StepAccount, work: Work) -> str:
    """Return the colour of a round: one that failed and was then skipped counts as skipped."""
    if account.state is StepState.SKIPPED and work.ended == account.ended:
        return OUTCOMES[StepState.SKIPPED]
    return OUTCOMES[work.outcome]


def _note(account: StepAccount) -> str:
    told = words.RESULTS[account.state]
    if account.state is StepState.SKIPPED and account.began:
        return f"failed, then {told}"
    return f"done, then {told}" if account.state is StepState.UNDONE else told


def rulings(report: Report) -> Iterator[Mark]:
    """Yield the words of people that counted; answers to questions are left out."""
    for said in report.rulings:
        if said.counted and not isinstance(said.event, e.QuestionAnswered):
            shape, colour = Shape.DIAMOND, BLACK
            match said.event:
                case e.Decided(verb=Verb.APPROVE):
                    shape, colour = Shape.UP, GREEN
                case e.Decided(verb=Verb.DENY):
                    shape, colour = Shape.CROSS, RED
                case e.BreakGlassAsked():
                    shape, colour = Shape.UP, ORANGE
                case _:
                    pass
            text = f"{said.actor.name} {words.short_ruling(said)}"
            yield Mark(at=said.at, shape=shape, colour=colour, text=text)


def calls(report: Report) -> Iterator[Mark]:
    """Yield the pages, each with when somebody was there."""
    for call in report.calls:
        names = ", ".join(person.name for person in call.people)
        text = f"{names}: nobody answered"
        if call.answered_at:
            after = duration((call.answered_at - call.at).total_seconds())
            text = f"{names}: {call.answered_by} there after {after}"
            if len(call.people) == 1:
                text = f"{names}, there after {after}"
        colour = BLUE if call.answered_at else RED
        yield Mark(at=call.at, shape=Shape.CIRCLE, colour=colour, text=text, until=call.answered_at)
