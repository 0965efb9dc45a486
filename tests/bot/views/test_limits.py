"""Whatever people type and plans hold, Slack takes every view."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.views.announcements import announcement
from bot.views.blocks import Block
from bot.views.card import CardPolicy, FollowUp, card
from bot.views.controls import Act
from bot.views.declare_modal import SystemChoice, declare_modal
from bot.views.home import home
from bot.views.limits import MESSAGE_CHARACTERS
from bot.views.modals import ASKS, deny_modal, reason_modal
from bot.views.paging import page_message
from bot.views.plan_view import plan_modal
from flows.commands import About, Announce
from flows.events import Actor, Question
from flows.gates import Decision, Gate, Person, Slot, Verb
from flows.paging import Acknowledgement, Page, Reached, Rung
from flows.plans import Emergency, Plan, PlannedChange, PlannedStep, gate_of, seal
from flows.runs import Applied, BreakGlass, Debt, Fact, Held, Note, Proposal, Run, Span, StepRecord
from flows.states import PHASES, Outcome, State, StepState
from tests.bot import story
from tests.bot.views.drawing import (
    check_fits_message,
    check_fits_view,
    controls_of,
    pings,
    texts_of,
)

NASTY = st.sampled_from(
    [
        "",
        " ",
        "&" * 5000,
        "<!channel> <@U012345> <#C012345|x> <https://evil.example|click>",
        "a" * 5000,
        "```" * 900,
        "*bold _and ~struck",
        "\u202eevil\u200b\n\n\n" * 300,
        "🙂" * 2000,
        "@channel @here &lt;!channel&gt;",
        "one <b>two</b> & three",
    ]
)
TEXT = NASTY | st.text(max_size=400)
PHASE = st.sampled_from([*PHASES, State.COMMUNICATE])
MANY = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SLOT = st.builds(
    Slot,
    any_of=st.just(("oncall", "eng_lead")),
    titles=st.tuples(TEXT, TEXT),
    count=st.integers(1, 3),
    why=TEXT,
)
PERSON = st.builds(
    Person,
    id=st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]),
    name=TEXT,
    slack=st.none() | st.sampled_from(["U1", "U2", "not a user"]),
    roles=st.sampled_from([(), ("oncall",), ("eng_lead", "oncall"), ("other",)]),
)
CHANGE = st.builds(PlannedChange, subject=TEXT, before=st.none() | TEXT, after=st.none() | TEXT)
SECONDS = st.sampled_from([0.0, 0.4, 60.0, 86_400.0 * 400])


@st.composite
def steps(draw: st.DrawFn) -> tuple[PlannedStep, ...]:
    """Draw up to sixty steps with anything in them."""
    number = draw(st.sampled_from([1, 3, 12, 60]))
    sample = [draw(_step()) for _ in range(min(number, 6))]
    return tuple(
        replace(sample[i % len(sample)], id=f"step_{i:02}_{'x' * 50}") for i in range(number)
    )


def _step() -> st.SearchStrategy[PlannedStep]:
    return st.builds(
        PlannedStep,
        id=st.just(""),
        title=TEXT,
        phase=PHASE,
        stage=st.integers(1, 3),
        uses=TEXT,
        effect=st.sampled_from(["reads", "changes", "interrupts", "destroys"]),
        inputs=st.just({}),
        late=st.just({}) | st.builds(lambda name: {name: ("step_00",)}, TEXT),
        when=st.none() | TEXT,
        summary=TEXT,
        changes=st.lists(CHANGE, max_size=3).map(lambda found: tuple(found) * 6),
        warnings=st.lists(TEXT, max_size=2).map(lambda found: tuple(found) * 5),
        losses=TEXT,
        fingerprint=st.just(""),
        in_place=st.booleans(),
        touches=st.integers(0, 10_000),
        budget=SECONDS,
        within=SECONDS,
        hold_for=SECONDS,
        settle=SECONDS,
        idempotent=st.booleans(),
        undoable=st.booleans(),
        skippable=st.booleans(),
        required=st.booleans(),
        needs=st.lists(SLOT, max_size=2).map(tuple),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a plan."""
    base = story.plan(draw(steps()))
    return seal(
        replace(
            base,
            title=draw(TEXT),
            because=draw(TEXT),
            class_title=draw(TEXT),
            loses=draw(TEXT),
            needs=tuple(draw(st.lists(SLOT, min_size=1, max_size=9))),
            self_approval=draw(st.booleans()),
            emergency=draw(st.none() | emergencies()),
        )
    )


@st.composite
def records(draw: st.DrawFn) -> StepRecord:
    """Draw what became of a step."""
    times = st.none() | st.just(story.START)
    return StepRecord(
        state=draw(st.sampled_from(StepState)),
        attempt=1,
        tries=draw(st.integers(0, 9)),
        started=draw(st.integers(0, 1)),
        asked_at=draw(times),
        started_at=draw(times),
        ended_at=draw(times),
        summary=draw(TEXT),
        reconciled=draw(st.booleans()),
        drift=tuple(draw(st.lists(CHANGE, max_size=2))) * 5,
    )


def chains() -> st.SearchStrategy[tuple[Rung, ...]]:
    """Draw who is called in order, perhaps nobody."""
    rung = st.builds(
        Rung, level=st.integers(1, 3), title=TEXT, people=st.tuples(PERSON), lasts=SECONDS
    )
    return st.lists(rung, max_size=3).map(tuple)


def glasses(digest: str) -> st.SearchStrategy[BreakGlass]:
    """Draw who began the plan early, and why."""
    when = st.just(story.START)
    return st.builds(BreakGlass, person=PERSON, reason=TEXT, digest=st.just(digest), at=when)


def debts(digest: str, people: tuple[Person, ...]) -> st.SearchStrategy[Debt]:
    """Draw a review that is owed, or was paid."""
    gate = st.builds(
        Gate,
        scope=st.just("review"),
        slots=st.tuples(SLOT),
        digest=st.just(digest),
        declarer=st.just("a"),
        self_approval=st.just(False),
        candidates=st.just(people),
        opened_at=st.just(story.START),
        decide_by=st.just(story.START + timedelta(hours=1)),
        expires_at=st.just(story.START + timedelta(days=3650)),
    )
    return st.builds(Debt, gate=gate, paid_at=st.none() | st.just(story.START))


def emergencies() -> st.SearchStrategy[Emergency]:
    """Draw the rules of an emergency."""
    return st.builds(
        Emergency,
        roles=st.just(("oncall",)),
        titles=st.tuples(TEXT),
        notified=st.tuples(PERSON),
        notified_titles=st.lists(TEXT, max_size=9).map(tuple),
        late_limit=SECONDS,
        review=st.tuples(SLOT),
        review_limit=SECONDS,
        barred=TEXT,
    )


def pages(number: int) -> st.SearchStrategy[Page]:
    """Draw a call with anything in it."""
    reached = st.builds(
        Reached, person=st.sampled_from("ax"), via=TEXT, ok=st.booleans(), note=TEXT
    )
    return st.builds(
        Page,
        number=st.just(number),
        subject=st.sampled_from(["level:1", "approvers"]),
        title=TEXT,
        people=st.lists(PERSON, max_size=4).map(lambda some: tuple(some) * 4),
        why=TEXT,
        at=st.just(story.START),
        reached=st.lists(reached, max_size=9).map(tuple),
    )


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """Draw a run in any state, consistent or not: a view must not be what breaks."""
    plan = draw(st.none() | plans())
    people = tuple(draw(st.lists(PERSON, max_size=4))) * 4
    base = story.Story().run
    sample = [draw(records()) for _ in range(4)]
    made = plan.steps if plan else ()
    gates = {
        step.id: gate_of(plan, step.id, step.needs, declarer="a", candidates=people)
        for step in made
        if plan and step.needs
    }
    gate = gate_of(plan, "plan", plan.needs, declarer="a", candidates=people) if plan else None
    digest = plan.digest if plan else ""
    state = draw(st.sampled_from(State))
    held = Held(
        origin=draw(st.sampled_from([*PHASES, State.UNDO])),
        why=draw(TEXT),
        step=draw(st.none() | st.sampled_from([step.id for step in made] or ["gone"])),
        by=Actor(id="a", name=draw(TEXT)),
        at=story.START,
        drifted=draw(st.booleans()),
    )
    questions = tuple(Question(id=f"q{i}", text=draw(TEXT)) for i in range(draw(st.integers(0, 9))))
    fact = Fact(
        title=draw(TEXT), value=draw(st.none() | TEXT), shown=draw(TEXT), ok=None, at=story.START
    )
    chain, called = draw(chains()), draw(st.integers(0, 9))
    return replace(
        base,
        chain=chain,
        rungs_called=called if chain else 0,
        rung_called_at=story.START if chain and called else None,
        break_glass=draw(st.none() | glasses(digest)),
        debt=draw(st.none() | debts(digest, people)),
        pages=tuple(draw(pages(number)) for number in range(1, draw(st.integers(1, 3)))),
        acknowledged=draw(
            st.none()
            | st.builds(Acknowledgement, person=PERSON, via=TEXT, at=st.just(story.START))
        ),
        state=state,
        reason=draw(TEXT),
        system_title=draw(TEXT),
        environment=draw(TEXT),
        severity=draw(TEXT),
        target_title=draw(TEXT),
        declared_by=draw(PERSON),
        lead=draw(PERSON),
        channel=draw(st.none() | st.just("C0123")),
        questions=questions,
        answers={q.id: draw(st.booleans()) for q in questions[::2]},
        facts={f"fact{i}": replace(fact, ok=(None, True, False)[i % 3]) for i in range(50)},
        facts_gathered=draw(st.booleans()),
        proposal=draw(
            st.none() | st.builds(Proposal, procedure=TEXT, title=TEXT, because=TEXT)
        ),
        blocked=draw(TEXT),
        advice=draw(TEXT | st.sampled_from(["plan_again", "choose", "answer"])),
        plan=plan,
        gate=gate,
        step_gates=gates,
        steps={step.id: sample[i % 4] for i, step in enumerate(made)},
        decisions=tuple(
            Decision(scope="plan", person=p, verb=Verb.APPROVE, digest=digest, at=story.START)
            for p in people[:2]
        ),
        applied=tuple(Applied(step=s, record=sample[0]) for s in made[:9]),
        held=held if state is State.HOLD else None,
        outcome=draw(st.none() | st.sampled_from(Outcome)),
        ended_at=story.START if state in (State.CLOSED, State.CANCELLED) else None,
        spans=(
            Span(state=State.ASSESS, at=story.START),
            Span(state=State.COMMUNICATE, at=story.START),
        ),
        notes=(Note(at=story.START, by="x", text="y"),),
        resumed_at=draw(st.none() | st.just(story.START)),
    )  # fmt: skip


NOW = story.START + timedelta(minutes=9)
KNOWN = {"U1", "U2", "U01MARCUS"}


def _check(text: str, blocks: list[Block]) -> None:
    check_fits_message(text, blocks)
    assert sum(len(one) for one in texts_of(blocks)) <= MESSAGE_CHARACTERS
    assert pings([text, *texts_of(blocks)]) <= KNOWN


@MANY
@given(run=runs(), said=TEXT)
def test_every_card_fits_a_message(run: Run, said: str) -> None:
    """A card of any run is taken by Slack, and pings nobody at all."""
    policy = CardPolicy(
        control=(said,) * 9,
        follow_ups=(FollowUp(title=said, due=7200.0),) * 40,
        links=((said, "https://status.example/a&b"), ("x", "javascript:alert(1)")),
    )
    shown = card(run, now=NOW, progress=dict.fromkeys(run.steps, said), policy=policy)
    _check(shown.text, shown.blocks)
    assert not pings(texts_of(shown.blocks))


@MANY
@given(run=runs(), about=st.sampled_from(About), subject=st.sampled_from(["rto", "phase:x", "s"]))
def test_every_announcement_fits_a_message(run: Run, about: About, subject: str) -> None:
    """A message about anything is taken by Slack and has at most two lines."""
    step = next(iter(run.steps), subject)
    for named in (subject, step, "1", "2"):
        message = announcement(run, Announce(about=about, key="k", subject=named), NOW)
        _check(message.text, message.blocks)
        assert message.text.count("\n") <= 1


@MANY
@given(run=runs(), person=PERSON, data=st.data())
def test_every_call_fits_a_message(run: Run, person: Person, data: st.DataObject) -> None:
    """A direct message that calls somebody is taken by Slack, and pings nobody else."""
    message = page_message(run, data.draw(pages(1)), person)
    _check(message.text, message.blocks)
    assert not pings([message.text])


@MANY
@given(run=runs(), act=st.sampled_from(list(ASKS)))
def test_every_modal_fits_a_view(run: Run, act: Act) -> None:
    """The plan and every form about any run are taken by Slack."""
    scope = next(iter(run.steps), None)
    views = (
        plan_modal(run),
        reason_modal(run, act, scope=scope),
        deny_modal(run, digest="ab" * 32, scope=scope or "plan"),
    )
    for view in views:
        check_fits_view(view)
        assert not pings(texts_of(view))


@MANY
@given(found=st.lists(runs(), max_size=3), person=PERSON, said=TEXT)
def test_every_home_fits_a_view(found: list[Run], person: Person, said: str) -> None:
    """The Home of anybody, with any number of incidents, is taken by Slack."""
    several = [replace(run, id=f"INC-{i}") for i, run in enumerate(found * 12)]
    systems = [
        SystemChoice(
            id="aivo",
            title=said,
            environment=said,
            procedures=((said, said),) * 9,
            questions=(Question(id="q", text=said),) * 3,
            roles=(("oncall", said),),
        )
    ]
    view = home(
        several,
        {"aivo": person},
        NOW,
        systems=systems,
        control={"aivo": ("oncall",)},
        owing=several,
    )
    check_fits_view(view)
    assert pings(texts_of(view)) <= KNOWN


@MANY
@given(said=TEXT, number=st.sampled_from([0, 1, 2, 150]))
def test_every_declaration_form_fits_a_view(said: str, number: int) -> None:
    """The form is taken by Slack with any number of systems and any reason in it."""
    systems = [SystemChoice(id=f"s{i}", title=said, environment=said) for i in range(number)]
    check_fits_view(declare_modal(systems, reason=said, origin="C0123"))


@MANY
@given(run=runs())
def test_every_control_names_its_incident(run: Run) -> None:
    """No button has to guess which incident it is about."""
    shown = card(run, now=NOW)
    assert all(one["i"] == run.id for one in controls_of(shown.blocks))


@pytest.mark.parametrize("state", State)
def test_at_most_three_buttons_stand_in_front(state: State) -> None:
    """A row never has more than three buttons; the rest is in the menu."""
    for told in (story.assessing(), story.waiting(), story.restoring(), story.held()):
        shown = card(replace(told.run, state=state), now=told.now)
        rows = [block["elements"] for block in shown.blocks if block["type"] == "actions"]
        assert all(sum(e["type"] == "button" for e in row) <= 3 for row in rows)
