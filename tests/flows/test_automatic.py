"""What begins by itself: announced, only what loses nothing, and left to people at a word."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import events
from flows.commands import About, PerformStep
from flows.decisions import decide
from flows.events import BOT, Actor, AutomaticStart, Event, Recorded
from flows.gates import Person, Satisfied, Verb, evaluate
from flows.objections import objection
from flows.plans import Plan, seal
from flows.runs import Run
from flows.states import State, StepState
from tests.flows.bench import ALEX, EMILY, JENNIFER, MARCUS, declaration
from tests.flows.test_break_glass import finish_first, performed, risky, word
from tests.flows.test_calling import Story
from tests.flows.test_decisions import PEOPLE, Make, a_plan, histories
from tests.flows.test_gates import START

START_ALONE = AutomaticStart(
    trigger="errors",
    title="Error rate above 10 % for 5 min",
    procedure="back",
    release="shop 42",
    notice=120.0,
)
BACKOUT = Person(id=BOT.id, name=BOT.name)


def harmless() -> Plan:
    """Return a plan that loses nothing."""
    return seal(replace(a_plan(), procedure="back"))


def declared(start: AutomaticStart = START_ALONE, plan: Plan | None = None) -> Story:
    """Tell a story that a trigger began, up to its plan."""
    told = Story(declared_by=BACKOUT, automatic=start)
    told.feed(events.FactsGathered())
    proposed = events.ProcedureProposed(procedure="back", title="", because="", severity="high")
    told.feed(proposed)
    plan = plan or harmless()
    told.feed(events.PlanPrepared(planning=told.state.planning, plan=plan, candidates=PEOPLE))
    return told


def test_it_is_announced_and_begins_when_the_notice_is_over() -> None:
    """Nothing before two minutes; then the first step, and the channel hears it."""
    told = declared()
    assert About.BEGINS_BY_ITSELF in told.announced()
    told.wait(timedelta(seconds=119))
    assert (told.state.state, performed(told)) == (State.APPROVE, [])
    told.wait(timedelta(seconds=120))
    assert (told.state.state, performed(told)) == (State.RESTORE, ["first"])
    assert About.BEGUN_BY_ITSELF in told.announced()
    assert told.state.begun_early
    assert not told.state.wants_late_words


def test_everybody_on_the_chain_is_called_and_the_first_to_answer_leads() -> None:
    """A trigger answers no calls: people are woken as for any incident."""
    told = declared()
    assert told.called()[0][1:] == ("level:1", ("emily",))
    told.feed(events.PageAcknowledged(person=EMILY, via="slack"), EMILY)
    assert told.state.lead == EMILY
    assert told.state.will_begin_at is not None, "to be there is not to be against it"


def test_what_destroys_waits_for_every_approval() -> None:
    """The part that loses nothing begins; the rest asks the people whom the policy names."""
    told = declared(plan=seal(replace(risky(), procedure="back")))
    told.wait(timedelta(seconds=120))
    finish_first(told)
    assert told.state.steps["second"].state is StepState.WAITING
    assert told.state.wants_late_words
    told.feed(word(told.state, JENNIFER, "second"), JENNIFER)
    assert performed(told) == ["first"]
    for person in (EMILY, ALEX):
        told.feed(word(told.state, person, "plan"), person)
    assert performed(told) == ["first", "second"]


@pytest.mark.parametrize("who", [EMILY, MARCUS])
def test_anybody_may_hold_it_and_then_people_decide(who: Person) -> None:
    """The plan stays as it is and waits for its approvals."""
    told = declared()
    asked = events.HoldAsked(reason="deploy is under way")
    assert objection(told.state, asked) is None
    told.feed(asked, who)
    assert told.state.state is State.APPROVE
    assert About.LEFT_TO_PEOPLE in told.announced()
    told.wait(timedelta(minutes=3))
    assert performed(told) == []
    for person in (EMILY, JENNIFER):
        told.feed(word(told.state, person, "plan"), person)
    assert performed(told) == ["first"]


def test_a_denial_keeps_this_plan_and_every_later_one_from_beginning() -> None:
    """People looked at it once: from then on they decide."""
    told = declared()
    told.feed(word(told.state, JENNIFER, "plan", Verb.DENY), JENNIFER)
    told.feed(events.PlanAsked(procedure="back"), JENNIFER)
    told.feed(events.PlanPrepared(planning=told.state.planning, plan=harmless(), candidates=PEOPLE))
    told.wait(timedelta(minutes=4))
    assert (told.state.state, performed(told)) == (State.APPROVE, [])


def test_after_it_began_a_new_plan_needs_its_approvals() -> None:
    """It begins by itself once."""
    told = declared()
    told.wait(timedelta(seconds=120))
    finish_first(told)
    told.feed(events.HoldAsked(reason="look"), EMILY)
    told.feed(events.ReplanAsked(reason="again"), EMILY)
    told.feed(events.PlanPrepared(planning=told.state.planning, plan=harmless(), candidates=PEOPLE))
    told.wait(timedelta(minutes=5))
    assert performed(told) == ["first"]


@pytest.mark.parametrize(
    "start",
    [replace(START_ALONE, barred="no drill of it has passed"), replace(START_ALONE, procedure="x")],
    ids=["barred", "other procedure"],
)
def test_what_speaks_against_it_leaves_it_to_people(start: AutomaticStart) -> None:
    """A guard that is not met, or a matrix that asks for something else; both are told."""
    told = declared(start)
    told.wait(timedelta(minutes=4))
    assert (told.state.state, performed(told)) == (State.APPROVE, [])
    assert About.LEFT_TO_PEOPLE in told.announced()
    assert told.state.automatic is not None
    assert told.state.automatic.barred


def test_approved_within_the_notice_it_is_an_approved_plan() -> None:
    """Nothing begins twice when the notice is over, and a hold is a hold."""
    told = declared()
    for person in (EMILY, JENNIFER):
        told.feed(word(told.state, person, "plan"), person)
    told.wait(timedelta(minutes=3))
    assert performed(told) == ["first"]
    assert not told.state.begun_early
    told.feed(events.HoldAsked(reason="look"), EMILY)
    assert told.state.state is State.HOLD


def fire(run: Run) -> Event:
    """Let the notice be over, whether it was begun or not, for any plan."""
    return events.TimerFired(timer="automatic", generation=run.planning)


@given(histories, st.lists(st.integers(0, 30), min_size=1, max_size=3), st.booleans())
@settings(max_examples=300)
def test_no_history_performs_what_neither_people_nor_the_policy_allowed(
    history: list[Make], places: list[int], is_barred: bool
) -> None:
    """Whenever the timer fires: what destroys needs its approvals, the rest the policy's word."""
    start = replace(START_ALONE, barred="held" if is_barred else "")
    mixed = list(history)
    for place in places:
        mixed.insert(place % (len(mixed) + 1), fire)
    makers: list[Make] = [
        lambda _: replace(declaration("INC-1"), declared_by=BACKOUT, automatic=start),
        lambda now: events.ProcedureProposed(
            procedure="back", title="", because="", severity="high"
        ),
        lambda now: events.PlanPrepared(
            planning=now.planning, plan=seal(replace(risky(), procedure="back")), candidates=PEOPLE
        ),
        *mixed,
    ]
    run: Run | None = None
    someone = Actor(id="marcus", name="Marcus Rodriguez")
    for number, make in enumerate(makers, start=1):
        event = make(run)  # type: ignore[arg-type]  # the first one asks nothing of it
        at = START + timedelta(seconds=number)
        run, commands = decide(run, Recorded(seq=number, at=at, actor=someone, event=event))
        for command in commands:
            if isinstance(command, PerformStep):
                check_authority(run, command.step, is_barred)


def check_authority(run: Run, step: str, is_barred: bool) -> None:
    """Fail where a step is performed that nobody had the authority for."""
    assert run.plan is not None
    assert run.gate is not None
    plan_stands = isinstance(evaluate(run.gate, run.decisions, run.updated_at), Satisfied)
    if run.plan.step(step).effect == "destroys":
        assert plan_stands
        own = evaluate(run.step_gates[step], run.decisions, run.updated_at)
        assert isinstance(own, Satisfied)
    else:
        assert plan_stands or (run.begun_alone is not None and not is_barred)
