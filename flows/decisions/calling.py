"""Reactions that call people: the escalation chain, approvers who are missing, answers."""

from dataclasses import replace

from flows import events
from flows.commands import About, EndPages, SendPage
from flows.decisions.turns import Turn
from flows.events import BOT
from flows.gates import PLAN_SCOPE, Person, helpful
from flows.objections import objection
from flows.paging import UNANSWERED, Acknowledgement, Page, subject_of
from flows.states import State

ESCALATION = "escalation"
APPROVERS, DECISION = "approvers", "decision"
"""Timers of a gate: of the plan's, or, with `:` and its id, of a step's."""


def call_next(turn: Turn, why: str) -> None:
    """Call the rung after the last one that was called, or the last one again."""
    run = turn.run
    if not run.chain:
        return
    number = run.rungs_called
    rung = run.chain[min(number, len(run.chain) - 1)]
    turn.set(rungs_called=number + 1, rung_called_at=turn.recorded.at)
    turn.set_timer(ESCALATION, number + 1, rung.lasts)
    if rung.people:
        _page(turn, subject_of(rung.level), rung.title, rung.people, why)
        if number:
            _tell(turn, About.ESCALATED)


def nobody_answered(turn: Turn) -> None:
    """Go on to the next rung when a rung's time is over."""
    call_next(turn, UNANSWERED)


def page_asked(turn: Turn, event: events.PageAsked) -> None:
    """Call whom a person or a rule asks for, out of turn."""
    if objection(turn.run, event):
        return
    _page(turn, event.subject, event.title, event.people, event.why)
    _tell(turn, About.ESCALATED)


def call_approvers(turn: Turn, scope: str = PLAN_SCOPE) -> None:
    """Call everybody whose approval would help, while there is still time to decide."""
    gate = turn.run.gate_of(scope)
    people = helpful(gate, turn.run.decisions, turn.recorded.at) if gate else ()
    if people:
        _page(turn, "approvers", "", people, "an approval is missing")


def notify(turn: Turn, people: tuple[Person, ...], why: str) -> None:
    """Call people who must know at once."""
    others = tuple(person for person in people if person.id != turn.recorded.actor.id)
    if others:
        _page(turn, "emergency", "", others, why)


def decision_late(turn: Turn, step: str = "") -> None:
    """Say that the time to decide has passed, and call the next rung where there is another."""
    turn.announce(About.STEP_APPROVAL_LATE if step else About.APPROVAL_LATE, step)
    if turn.run.rungs_called < len(turn.run.chain):
        call_next(turn, "nobody has decided in time")


def page_sent(turn: Turn, event: events.PageSent) -> None:
    """Keep how people were reached; say where a way failed."""
    sent = turn.run.page(event.page)
    if sent is None or sent.reached:
        return
    known = replace(sent, reached=event.reached)
    turn.set(pages=tuple(known if page is sent else page for page in turn.run.pages))
    if known.failures:
        turn.announce(About.PAGE_FAILED, str(known.number))


def page_acknowledged(turn: Turn, event: events.PageAcknowledged) -> None:
    """Stop calling: somebody is there."""
    if objection(turn.run, event) is None:
        acknowledge(turn, event.person, event.via)


def acknowledge(turn: Turn, person: Person, via: str) -> None:
    """Note that a person is there, whatever they did to show it; the first one counts."""
    if turn.run.acknowledged is None and turn.run.rungs_called:
        known = Acknowledgement(person=person, via=via, at=turn.recorded.at)
        turn.set(acknowledged=known)
        if turn.run.lead.id == BOT.id:  # declared by a trigger
            turn.set(lead=person)
        if turn.run.pages:
            turn.do(EndPages())


def is_awaited(turn: Turn, generation: int) -> bool:
    """Say whether the chain's timer of this generation still means anything."""
    run = turn.run
    waits = run.acknowledged is None and run.outcome is None
    return waits and run.state is not State.COMMUNICATE and generation == run.rungs_called


def _page(turn: Turn, subject: str, title: str, people: tuple[Person, ...], why: str) -> None:
    pages = turn.run.pages
    page = Page(
        number=len(pages) + 1,
        subject=subject,
        title=title,
        people=people,
        why=why,
        at=turn.recorded.at,
    )
    turn.set(pages=(*pages, page))
    turn.do(SendPage(page=page.number))


def _tell(turn: Turn, about: About) -> None:
    turn.announce(about, str(turn.run.pages[-1].number))
