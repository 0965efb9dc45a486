"""The escalation chain: who is called when, what stops it, and what is called out of turn."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flows import codec, events
from flows.commands import About, Announce, Command, EndPages, SendPage, SetTimer
from flows.decisions import decide
from flows.events import Event, Recorded
from flows.gates import Person, Verb
from flows.objections import Objection, objection
from flows.paging import Page, Reached, Rung
from flows.plans import GateRules, Plan, seal
from flows.runs import Run
from flows.states import State
from tests.flows.bench import ALEX, EMILY, JENNIFER, MARCUS, actor, declaration
from tests.flows.test_decisions import a_plan, started, succeeded, under_way
from tests.flows.test_gates import START

DAVID = Person(id="david", name="David Park", roles=("executive",))
CHAIN = (
    Rung(level=1, title="On-Call", people=(EMILY,), lasts=300.0),
    Rung(level=2, title="Leads", people=(JENNIFER, ALEX), lasts=600.0),
    Rung(level=3, title="Executives", people=(DAVID,), lasts=300.0),
)
HOUR = timedelta(hours=1)


class Story:
    """A run whose timers fire in their time, as the driver would have them."""

    def __init__(self, chain: tuple[Rung, ...] = CHAIN, **changes: Any) -> None:
        self.now = START
        self.run: Run | None = None
        self.commands: list[Command] = []
        self._timers: list[SetTimer] = []
        self.feed(replace(declaration("INC-1"), chain=chain, **changes))

    def feed(self, event: Event, person: Person = MARCUS) -> None:
        """Record an event now."""
        seq = self.run.seq + 1 if self.run else 1
        recorded = Recorded(seq=seq, at=self.now, actor=actor(person), event=event)
        self.run, commands = decide(self.run, recorded)
        assert codec.decode_run(codec.encode(self.run)) == self.run
        self.commands += commands
        self._timers += [each for each in commands if isinstance(each, SetTimer)]

    def wait(self, until: timedelta) -> None:
        """Let time pass, counted from the declaration."""
        while due := [each for each in self._timers if each.at <= START + until]:
            timer = min(due, key=lambda each: each.at)
            self._timers.remove(timer)
            self.now = timer.at
            self.feed(events.TimerFired(timer=timer.timer, generation=timer.generation))
        self.now = START + until

    @property
    def state(self) -> Run:
        """The run as it is now."""
        assert self.run is not None
        return self.run

    def called(self) -> list[tuple[float, str, tuple[str, ...]]]:
        """Return who was called: seconds after the declaration, subject, names."""
        return [
            ((page.at - START).total_seconds(), page.subject, tuple(p.id for p in page.people))
            for page in self.state.pages
        ]

    def announced(self) -> Iterator[About]:
        """Return what people were told."""
        return (each.about for each in self.commands if isinstance(each, Announce))


def test_a_chain_that_nobody_answers_is_climbed_and_its_last_level_called_again() -> None:
    """Levels are called at 0, 5 and 15 minutes, and the last one every 5 from then on."""
    told = Story()
    told.wait(timedelta(minutes=26))
    assert told.called() == [
        (0.0, "level:1", ("emily",)),
        (300.0, "level:2", ("jennifer", "alex")),
        (900.0, "level:3", ("david",)),
        (1200.0, "level:3", ("david",)),
        (1500.0, "level:3", ("david",)),
    ]
    assert [c.page for c in told.commands if isinstance(c, SendPage)] == [1, 2, 3, 4, 5]
    assert list(told.announced()).count(About.ESCALATED) == 4


def test_an_acknowledgement_stops_the_chain() -> None:
    """Nobody else is called; the second one to answer hears who was first."""
    told = Story()
    told.wait(timedelta(minutes=1))
    told.feed(events.PageAcknowledged(person=EMILY, via="slack"), EMILY)
    again = events.PageAcknowledged(person=ALEX, via="slack")
    assert objection(told.state, again) is Objection.ACKNOWLEDGED
    told.feed(again, ALEX)
    told.wait(HOUR)
    assert len(told.state.pages) == 1
    assert told.state.acknowledged is not None
    assert told.state.acknowledged.person == EMILY


def test_a_decision_is_an_acknowledgement() -> None:
    """Whoever approves is there, and need not say so as well."""
    told = Story((replace(CHAIN[0], lasts=60.0), *CHAIN[1:]))
    planned(told)
    gate = told.state.gate
    assert gate is not None
    decided = events.Decided(
        scope="plan", person=JENNIFER, verb=Verb.APPROVE, digest=gate.digest, reason=""
    )
    told.feed(decided, JENNIFER)
    told.wait(timedelta(minutes=4))
    assert told.state.acknowledged is not None
    assert told.state.acknowledged.person == JENNIFER
    assert "level:2" not in [subject for _, subject, _ in told.called()]


def test_approvers_who_are_missing_are_called_at_half_time_and_the_next_level_when_it_is_over() -> (
    None
):
    """Whose approval would help is called in time; passing the limit escalates, once a plan."""
    told = Story()
    planned(told)
    told.feed(events.PageAcknowledged(person=EMILY, via="slack"), EMILY)
    told.wait(timedelta(minutes=10))
    assert told.called() == [
        (0.0, "level:1", ("emily",)),
        (150.0, "approvers", ("emily", "jennifer", "alex")),
        (300.0, "level:2", ("jennifer", "alex")),
    ]
    assert About.APPROVAL_LATE in told.announced()
    assert told.state.state is State.APPROVE


def test_a_level_where_only_the_declarer_is_keeps_its_time() -> None:
    """Nobody is called who knows already; the next level is, when its time has come."""
    told = Story((replace(CHAIN[0], people=()), *CHAIN[1:]))
    assert told.called() == []
    told.wait(timedelta(minutes=6))
    assert told.called() == [(300.0, "level:2", ("jennifer", "alex"))]


@pytest.mark.parametrize("once", [True, False])
def test_a_rule_calls_a_subject_once_and_a_person_as_often_as_they_like(once: bool) -> None:
    """The facts are looked at again and again; a rule that stays true does not ring again."""
    told = Story()
    asked = events.PageAsked(
        subject="level:3", title="Executives", people=(DAVID,), why="Many users", once=once
    )
    told.feed(asked)
    told.feed(asked)
    assert len(told.state.pages) == (2 if once else 3)
    told.wait(timedelta(minutes=6))
    assert told.called()[-1][:2] == (300.0, "level:2"), "the chain goes on in its own order"


def test_a_way_that_failed_is_told_and_who_was_reached_in_no_way_is_named() -> None:
    """The failure itself is announced; a page that was sent is not sent again."""
    told = Story()
    ways = (
        Reached(person="emily", via="pagerduty", ok=False, note="no answer"),
        Reached(person="emily", via="slack", ok=True),
    )
    told.feed(events.PageSent(page=1, reached=ways))
    page = told.state.page(1)
    assert isinstance(page, Page)
    assert page.failures == ways[:1]
    assert page.unreached == ()
    told.feed(events.PageSent(page=1, reached=()))
    assert told.state.page(1) == page
    assert list(told.announced()) == [About.PAGE_FAILED]
    lost = replace(page, reached=ways[:1])
    assert lost.unreached == (EMILY,)


def test_an_incident_that_is_over_calls_nobody() -> None:
    """An aborted incident lets people sleep."""
    told = Story()
    told.feed(events.AbortAsked(reason="false alarm"))
    told.wait(HOUR)
    assert len(told.state.pages) == 1


def test_what_rings_is_stopped_when_somebody_is_there_and_when_it_is_over() -> None:
    """Once each, however many answer; where nobody was ever called there is nothing to stop."""
    told = Story()
    told.feed(events.PageAcknowledged(person=EMILY, via="pagerduty"), EMILY)
    told.feed(events.PageAcknowledged(person=ALEX, via="slack"), ALEX)
    assert told.commands.count(EndPages()) == 1
    told.feed(events.AbortAsked(reason="false alarm"))
    assert told.commands.count(EndPages()) == 2
    alone = Story(())
    alone.feed(events.AbortAsked(reason="false alarm"))
    assert alone.state.ended
    assert EndPages() not in alone.commands


def test_without_a_chain_nothing_can_be_acknowledged() -> None:
    """A system without a chain is not told that somebody is there."""
    told = Story(())
    asked = events.PageAcknowledged(person=EMILY, via="slack")
    assert objection(told.state, asked) is Objection.NOBODY_CALLED
    told.feed(asked)
    assert told.state.acknowledged is None


def planned(told: Story, plan: Plan | None = None) -> None:
    """Bring a story to where its plan waits for approval."""
    told.feed(events.FactsGathered())
    told.feed(
        events.ProcedureProposed(procedure="back", title="Go back", because="", severity="high")
    )
    candidates = (MARCUS, EMILY, JENNIFER, ALEX)
    told.feed(
        events.PlanPrepared(
            planning=told.state.planning, plan=plan or a_plan(), candidates=candidates
        )
    )
    assert told.state.state is State.APPROVE


def test_the_gate_of_a_step_has_the_rules_and_the_time_of_its_own_class() -> None:
    """Its limit begins when it is asked for; its approvers are called at half of it."""
    rules = GateRules(
        self_approval=False,
        distinct_teams=True,
        second_factor=False,
        decision_limit=timedelta(minutes=2),
    )
    plan = a_plan()
    steps = (plan.steps[0], replace(plan.steps[1], rules=rules), plan.steps[2])
    told = Story()
    planned(told, seal(replace(plan, steps=steps)))
    for person in (EMILY, JENNIFER):
        gate = told.state.gate
        assert gate is not None
        assert not gate.distinct_teams
        word = events.Decided(
            scope="plan", person=person, verb=Verb.APPROVE, digest=gate.digest, reason=""
        )
        told.feed(word, person)
    told.wait(timedelta(minutes=4))
    for make in (under_way(started), under_way(succeeded)):
        told.feed(make(told.state))
    asked = told.state.step_gates["second"]
    assert asked.distinct_teams
    assert asked.opened_at == START + timedelta(minutes=4)
    assert asked.decide_by == START + timedelta(minutes=6)
    told.wait(timedelta(minutes=7))
    assert told.called()[-2:] == [
        (300.0, "approvers", ("jennifer", "alex")),
        (360.0, "level:2", ("jennifer", "alex")),
    ]
    late = [each for each in told.commands if isinstance(each, Announce)]
    assert (About.STEP_APPROVAL_LATE, "second") in [(each.about, each.subject) for each in late]
