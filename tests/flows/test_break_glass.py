"""Break-glass: what one person may begin, what stays shut, who is told, and what is owed for it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import events
from flows.commands import About, PerformStep
from flows.decisions import decide
from flows.embedded import EmbeddedEngine
from flows.events import BOT, Actor, Event, Recorded
from flows.gates import REVIEW_SCOPE, Person, Refusal, Satisfied, Slot, Verb, evaluate, refusal
from flows.objections import Objection, objection
from flows.plans import Emergency, Plan, seal
from flows.runs import Run
from flows.states import State, StepState
from tests.flows.bench import ALEX, EMILY, JENNIFER, MARCUS, Bench, actor, declaration
from tests.flows.estate import Estate, bundle
from tests.flows.test_calling import DAVID, Story
from tests.flows.test_decisions import (
    PEOPLE,
    Make,
    a_plan,
    approving,
    histories,
    planned,
    started,
    succeeded,
    under_way,
)
from tests.flows.test_gates import START

REVIEW = (Slot(any_of=("executive",), titles=("Executive",), count=1, why="review"),)
ANY_ONCALL = Slot(any_of=("oncall",), titles=("On-call",), count=1, why="review")
RULES = Emergency(
    roles=("oncall",),
    titles=("On-call",),
    notified=(DAVID,),
    notified_titles=("Executive",),
    late_limit=600.0,
    review=REVIEW,
    review_limit=86_400.0,
)


def risky(rules: Emergency | None = RULES) -> Plan:
    """Return a plan whose second step destroys something, behind a gate of its own."""
    steps = a_plan().steps
    second = replace(steps[1], effect="destroys")
    return seal(replace(a_plan(), steps=(steps[0], second, steps[2]), emergency=rules))


def waiting(rules: Emergency | None = RULES) -> Story:
    """Tell a story up to where the plan waits for approval."""
    told = Story()
    told.feed(events.FactsGathered())
    proposed = events.ProcedureProposed(procedure="back", title="", because="", severity="high")
    told.feed(proposed)
    candidates = (*PEOPLE, DAVID)
    told.feed(
        events.PlanPrepared(planning=told.state.planning, plan=risky(rules), candidates=candidates)
    )
    return told


def breaking(run: Run, person: Person = EMILY) -> events.BreakGlassAsked:
    """Break the glass for the plan as it is."""
    assert run.plan is not None
    return events.BreakGlassAsked(person=person, digest=run.plan.digest, reason="nobody answers")


def broken() -> Story:
    """Tell a story up to where Emily has broken the glass."""
    told = waiting()
    told.feed(breaking(told.state), EMILY)
    return told


def word(run: Run, person: Person, scope: str, verb: Verb = Verb.APPROVE) -> Event:
    """Say a word on a gate."""
    gate = run.gate_of(scope)
    assert gate is not None
    return events.Decided(
        scope=scope, person=person, verb=verb, digest=gate.digest, reason="because"
    )


def performed(told: Story) -> list[str]:
    """Return the steps that were asked for."""
    return [each.step for each in told.commands if isinstance(each, PerformStep)]


def finish_first(told: Story) -> None:
    """Have the first step take effect."""
    for make in (under_way(started), under_way(succeeded)):
        told.feed(make(told.state))


def test_what_loses_nothing_begins_at_once_and_people_are_told() -> None:
    """The first step is performed, the executive is called, the channel hears who and why."""
    told = broken()
    assert told.state.state is State.RESTORE
    assert performed(told) == ["first"]
    assert told.called()[-1][1:] == ("emergency", ("david",))
    assert told.state.pages[-1].why == "Emily Watson broke the glass: nobody answers"
    assert About.GLASS_BROKEN in told.announced()
    assert told.state.acknowledged is not None


def test_the_declarer_alone_is_no_answer_to_the_calls() -> None:
    """They break the glass because nobody answers: the chain is climbed on."""
    told = waiting()
    told.feed(breaking(told.state, MARCUS))
    told.wait(timedelta(minutes=6))
    assert told.state.acknowledged is None
    assert "level:2" in [subject for _, subject, _ in told.called()]


def test_what_destroys_waits_for_every_approval() -> None:
    """Its own gate is not enough; nor is the plan's alone."""
    told = broken()
    finish_first(told)
    assert told.state.steps["second"].state is StepState.WAITING
    told.feed(word(told.state, JENNIFER, "second"), JENNIFER)
    assert performed(told) == ["first"], "the plan itself is not approved"
    told.feed(word(told.state, EMILY, "plan"), EMILY)
    assert performed(told) == ["first"]
    told.feed(word(told.state, ALEX, "plan"), ALEX)
    assert performed(told) == ["first", "second"]
    assert About.APPROVED in told.announced()


def test_a_denial_stops_what_was_begun() -> None:
    """The run holds with the reason; nothing else starts."""
    told = broken()
    told.feed(word(told.state, JENNIFER, "plan", Verb.DENY), JENNIFER)
    finish_first(told)
    assert told.state.state is State.HOLD
    assert told.state.held is not None
    assert "Jennifer Liu denied it: because" in told.state.held.why
    assert performed(told) == ["first"]


def test_approvals_that_do_not_come_are_asked_for_again() -> None:
    """After their time the givers are called and the channel is told; once they came, nothing."""
    told = broken()
    told.wait(timedelta(minutes=11))
    assert About.APPROVAL_LATE in told.announced()
    assert told.called()[-1][1:] == ("approvers", ("emily", "jennifer", "alex"))
    told = broken()
    for person in (EMILY, JENNIFER):
        told.feed(word(told.state, person, "plan"), person)
    told.wait(timedelta(minutes=11))
    assert About.APPROVAL_LATE not in told.announced()


@pytest.mark.parametrize(
    ("rules", "person", "digest", "said"),
    [
        (None, EMILY, "", Objection.NO_EMERGENCY),
        (RULES, JENNIFER, "", Objection.NOT_YOURS),
        (RULES, EMILY, "f" * 64, Objection.OTHER_PLAN),
        (RULES, EMILY, "short", Objection.OTHER_PLAN),
        (replace(RULES, barred="INC-0"), EMILY, "", Objection.UNREVIEWED),
    ],
)
def test_who_may_not(rules: Emergency | None, person: Person, digest: str, said: Objection) -> None:
    """Without the policy, the role, the very plan, or with an overdue review, nothing begins."""
    told = waiting(rules)
    assert told.state.plan is not None
    asked = events.BreakGlassAsked(
        person=person, digest=digest or told.state.plan.digest, reason="now"
    )
    assert objection(told.state, asked) is said
    told.feed(asked, person)
    assert told.state.state is State.APPROVE
    assert performed(told) == []


def test_only_a_plan_that_waits_can_be_begun() -> None:
    """Twice, or without a plan, it has no effect."""
    told = broken()
    assert objection(told.state, breaking(told.state)) is Objection.NOT_APPROVING
    nothing = Story()
    asked = events.BreakGlassAsked(person=EMILY, digest="f" * 64, reason="now")
    assert objection(nothing.state, asked) is Objection.NOT_APPROVING


def test_the_review_is_owed_until_somebody_else_pays_it() -> None:
    """Not by who broke the glass, not by somebody without the role; also after the end."""
    told = broken()
    debt = told.state.debt
    assert debt is not None
    now = told.now
    words = debt.decisions
    gate = debt.gate
    assert refusal(gate, words, EMILY, Verb.APPROVE, gate.digest, now) is Refusal.NO_ROLE
    own = replace(EMILY, roles=("executive",))
    assert refusal(gate, words, own, Verb.APPROVE, gate.digest, now) is Refusal.OWN_INCIDENT
    finish_first(told)
    told.feed(events.UndoAsked(reason="worse"))
    told.feed(events.StepUndone(step="first", summary="back"))
    assert told.state.ended
    told.wait(timedelta(days=30))
    told.feed(word(told.state, EMILY, REVIEW_SCOPE), EMILY)
    assert told.state.debt == debt
    told.feed(word(told.state, DAVID, REVIEW_SCOPE), DAVID)
    assert told.state.debt is not None
    assert told.state.debt.paid_at == told.now
    assert About.REVIEWED in told.announced()
    assert not told.state.takes_words(REVIEW_SCOPE)


def test_nobody_is_named_twice_for_the_review() -> None:
    """Whom the plan asks, and whom the policy calls, may be the same people."""
    told = waiting(replace(RULES, notified=(DAVID, EMILY), review=(ANY_ONCALL,)))
    told.feed(breaking(told.state), EMILY)
    debt = told.state.debt
    assert debt is not None
    assert [each.id for each in debt.gate.candidates] == ["marcus", "emily"]


def test_a_review_can_not_be_denied_away() -> None:
    """A denial would close it for ever, and with it the next emergency of the system."""
    told = broken()
    debt = told.state.debt
    assert debt is not None
    said = refusal(debt.gate, (), DAVID, Verb.DENY, debt.gate.digest, told.now)
    assert said is Refusal.NOT_DENIABLE
    told.feed(word(told.state, DAVID, REVIEW_SCOPE, Verb.DENY), DAVID)
    assert told.state.debt == debt
    told.feed(word(told.state, DAVID, REVIEW_SCOPE), DAVID)
    assert told.state.debt is not None
    assert told.state.debt.paid_at is not None


def test_a_second_emergency_after_the_review_owes_another_one() -> None:
    """What was paid was for the first plan."""
    told = broken()
    told.feed(word(told.state, DAVID, REVIEW_SCOPE), DAVID)
    finish_first(told)
    told.feed(events.HoldAsked(reason="look"))
    told.feed(events.ReplanAsked(reason="again"))
    later = replace(risky(), title="Another way")
    told.feed(
        events.PlanPrepared(
            planning=told.state.planning, plan=seal(later), candidates=(*PEOPLE, DAVID)
        )
    )
    told.feed(breaking(told.state), EMILY)
    assert told.state.begun_early
    assert told.state.debt is not None
    assert told.state.debt.paid_at is None
    assert told.state.plan is not None
    assert told.state.debt.gate.digest == told.state.plan.digest


def test_a_new_plan_needs_its_approvals_again() -> None:
    """The glass was broken for one plan; the debt stays."""
    told = broken()
    finish_first(told)
    told.feed(events.HoldAsked(reason="look"))
    told.feed(events.ReplanAsked(reason="again"))
    assert not told.state.begun_early
    assert told.state.debt is not None


async def test_an_overdue_review_bars_the_next_emergency(tmp_path: Path) -> None:
    """The plan of another incident says which one is owed, and why the glass stays whole."""
    engine = EmbeddedEngine(tmp_path)
    engine.declare("shop", declaration, actor=actor(MARCUS), event_id="declared")
    told = waiting()
    run = told.state
    assert run.plan is not None
    history: list[Event] = [
        events.FactsGathered(),
        events.ProcedureProposed(procedure="back", title="", because="", severity="high"),
        events.PlanPrepared(planning=1, plan=run.plan, candidates=(*PEOPLE, DAVID)),
        breaking(run),
    ]
    for number, event in enumerate(history):
        engine.feed("INC-1", event, actor=BOT, event_id=f"event:{number}")
    owing = engine.unreviewed("shop")
    assert [each.id for each in owing] == ["INC-1"]
    assert engine.unreviewed("other") == ()
    review = word(owing[0], DAVID, REVIEW_SCOPE)
    engine.feed("INC-1", review, actor=BOT, event_id="review")
    assert engine.unreviewed("shop") == ()
    engine.close()


async def test_a_real_run_is_begun_early_and_finished(tmp_path: Path) -> None:
    """With the planner, the journal and the driver: begun by one, closed, and a review owed."""
    system = bundle(needs=({"any_of": ["oncall", "lead"]}, {"any_of": ["lead"]}))
    policy = system.policy.model_validate(
        system.policy.model_dump(by_alias=True)
        | {
            "emergency": {
                "roles": ["oncall"],
                "notify": ["lead"],
                "late_within": "10m",
                "review": {"needs": [{"any_of": ["lead"]}], "within": "24h"},
            }
        }
    )
    bench = Bench(tmp_path, Estate(), replace(system, policy=policy))
    bench.start()
    bench.declare()
    run = await bench.until(State.APPROVE)
    assert run.plan is not None
    assert run.plan.emergency is not None
    assert run.plan.emergency.titles == ("On-call",)
    bench.feed(breaking(run, MARCUS), MARCUS)
    run = await bench.until(State.CLOSED)
    assert [each.id for each in bench.engine.unreviewed("shop")] == ["INC-1"]
    await bench.stop()


def try_to_break(run: Run) -> Event:
    """Have the on-call break the glass, wherever the run is."""
    digest = run.plan.digest if run.plan else "f" * 64
    return events.BreakGlassAsked(person=EMILY, digest=digest, reason="now")


def at_random(history: list[Make], places: list[int]) -> list[Make]:
    """Put attempts to break the glass into a history."""
    mixed = list(history)
    for place in places:
        mixed.insert(place % (len(mixed) + 1), try_to_break)
    return mixed


@given(histories, st.lists(st.integers(0, 30), min_size=1, max_size=3))
@settings(max_examples=300)
def test_no_history_destroys_anything_without_every_approval(
    history: list[Make], places: list[int]
) -> None:
    """Whenever the glass is broken: what destroys needs the plan's approvals and its own."""
    run: Run | None = None
    someone = Actor(id="marcus", name="Marcus Rodriguez")
    makers: list[Make] = [
        lambda _: declaration("INC-1"),
        lambda _: events.PlanAsked(procedure="back"),
        lambda now: events.PlanPrepared(
            planning=now.planning, plan=risky(), candidates=(*PEOPLE, DAVID)
        ),
        approving(EMILY) if not places[0] % 5 else try_to_break,
        *at_random(history, places),
    ]
    for number, make in enumerate(makers, start=1):
        event = make(run)  # type: ignore[arg-type]  # the first one asks nothing of it
        at = START + timedelta(seconds=number)
        recorded = Recorded(seq=number, at=at, actor=someone, event=event)
        run, commands = decide(run, recorded)
        for command in commands:
            if isinstance(command, PerformStep):
                check_authority(run, command.step)


def check_authority(run: Run, step: str) -> None:
    """Fail where a step is performed that nobody had the authority for."""
    assert run.plan is not None
    assert run.gate is not None
    plan_stands = isinstance(evaluate(run.gate, run.decisions, run.updated_at), Satisfied)
    if run.plan.step(step).effect == "destroys":
        gate = run.step_gates[step]
        assert plan_stands
        assert isinstance(evaluate(gate, run.decisions, run.updated_at), Satisfied)
    else:
        assert plan_stands or (run.begun_early and run.plan.emergency is not None)


def test_a_step_that_destroys_without_a_gate_of_its_own_waits_too() -> None:
    """It is the effect that counts, not whether the procedure thought of a gate."""
    told = waiting()
    plan = risky()
    alone = planned("first", stage=0, effect="destroys")
    changed = seal(replace(plan, steps=(alone, *plan.steps[1:])))
    run = replace(told.state, plan=changed)
    assert run.gate is not None
    told.run = replace(run, gate=replace(run.gate, digest=changed.digest))
    told.feed(breaking(told.state), EMILY)
    assert performed(told) == []
    assert told.state.steps["first"].state is StepState.WAITING
