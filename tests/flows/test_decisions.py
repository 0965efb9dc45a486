"""Properties of the core, over generated histories: it never acts without authority."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from flows import codec, events
from flows.commands import Command, PerformStep, UndoStep
from flows.decisions import decide
from flows.events import Actor, Event, Recorded
from flows.gates import Person, Satisfied, Slot, Verb, evaluate
from flows.plans import Plan, PlannedStep, seal
from flows.runs import Run
from flows.states import ENDED, PHASES, State, StepState
from tests.flows.bench import ALEX, EMILY, JENNIFER, MARCUS, declaration
from tests.flows.test_gates import START

PEOPLE = (MARCUS, EMILY, JENNIFER, ALEX)
STEPS = ("first", "second", "check")
Make = Callable[[Run], Event]


def planned(name: str, *, stage: int, effect: str = "changes", **more: object) -> PlannedStep:
    """Return a step of the restore phase."""
    step = PlannedStep(
        id=name,
        title=name,
        phase=State.RESTORE,
        stage=stage,
        uses="fake.set",
        effect=effect,
        inputs={},
        late={},
        when=None,
        summary="",
        changes=(),
        warnings=(),
        losses="",
        fingerprint="",
        in_place=False,
        touches=1,
        budget=60.0,
        within=0.0,
        hold_for=0.0,
        settle=10.0,
        idempotent=True,
        undoable=True,
        skippable=True,
        required=True,
    )
    return replace(step, **more)  # type: ignore[arg-type]  # names and types are the caller's


def a_plan(title: str = "Go back") -> Plan:
    """Return a plan that an on-call engineer and a lead must approve."""
    lead = Slot(any_of=("lead",), titles=("Lead",), count=1, why="test")
    either = Slot(any_of=("oncall", "lead"), titles=("On-call", "Lead"), count=1, why="test")
    return seal(
        Plan(
            procedure="back",
            title=title,
            because="test",
            class_id="application",
            class_title="Application",
            loses="nothing",
            steps=(
                planned("first", stage=0),
                planned("second", stage=1, needs=(lead,)),
                planned("check", stage=0, effect="reads", phase=State.VALIDATE),
            ),
            needs=(either, lead),
            self_approval=False,
            decision_limit=timedelta(minutes=5),
            prepared_at=START,
            expires_at=START + timedelta(minutes=30),
            phase_budgets={"restore": 300.0},
            outputs={},
        )
    )


def attempt_of(run: Run, step: str) -> int:
    """Return the attempt that is under way."""
    return run.steps[step].attempt if step in run.steps else 1


def approving(person: Person, scope: str = "plan") -> Make:
    """Return what makes a person's approval of the plan as it is then."""
    return lambda run: events.Decided(
        scope=scope,
        person=person,
        verb=Verb.APPROVE,
        digest=run.plan.digest if run.plan else "f" * 64,
        reason="",
    )


def under_way(make: Callable[[str, int], Event]) -> Make:
    """Return what makes an event of the first step that is under way."""

    def of_running(run: Run) -> Event:
        busy = (StepState.RUNNING, StepState.DOUBT)
        for name, record in run.steps.items():
            if record.state in busy:
                return make(name, record.attempt)
        return events.NoteAdded(text="nothing is under way")

    return of_running


def started(step: str, attempt: int) -> Event:
    """The call is about to leave."""
    return events.StepStarted(step=step, attempt=attempt, inputs={}, captured={"was": "bad"})


def succeeded(step: str, attempt: int) -> Event:
    """It took effect."""
    return events.StepSucceeded(step=step, attempt=attempt, summary="seen", output={})


def undone(run: Run) -> Event:
    """The last change is put back."""
    step = run.applied[-1].step.id if run.applied else "first"
    return events.StepUndone(step=step, summary="back")


APPROVED = (approving(EMILY), approving(JENNIFER))
DONE = (under_way(started), under_way(succeeded))
likely = st.sampled_from(
    [
        APPROVED,
        (approving(ALEX), approving(JENNIFER), approving(ALEX, "second")),
        (approving(JENNIFER, "second"),),
        DONE,
        DONE,
        (under_way(started),),
        (under_way(lambda s, a: events.StepDoubted(step=s, attempt=a, why="lost")),),
        (under_way(lambda s, a: events.StepFailed(step=s, attempt=a, why="no")),),
        (undone,),
    ]
)
steps = st.sampled_from(STEPS)
makers: st.SearchStrategy[Make] = st.one_of(
    st.builds(
        lambda person, verb, scope, stale: (
            lambda run: events.Decided(
                scope=scope,
                person=person,
                verb=verb,
                digest="f" * 64 if stale or not run.plan else run.plan.digest,
                reason="",
            )
        ),
        st.sampled_from(PEOPLE),
        st.sampled_from([Verb.APPROVE, Verb.APPROVE, Verb.APPROVE, Verb.DENY, Verb.WITHDRAW]),
        st.sampled_from(["plan", "plan", "second"]),
        st.sampled_from([False, False, False, True]),
    ),
    st.builds(
        lambda title: (
            lambda run: events.PlanPrepared(
                planning=run.planning, plan=a_plan(title), candidates=PEOPLE
            )
        ),
        st.sampled_from(["Go back", "Go further back"]),
    ),
    st.builds(
        lambda step: (
            lambda run: events.StepStarted(
                step=step, attempt=attempt_of(run, step), inputs={}, captured={"was": "bad"}
            )
        ),
        steps,
    ),
    st.builds(
        lambda step: (
            lambda run: events.StepSucceeded(
                step=step, attempt=attempt_of(run, step), summary="seen", output={}
            )
        ),
        steps,
    ),
    st.builds(
        lambda step, delay: (
            lambda run: events.StepFailed(
                step=step, attempt=attempt_of(run, step), why="no", delay=delay
            )
        ),
        steps,
        st.sampled_from([None, 1.0]),
    ),
    st.builds(
        lambda kind, step: lambda run: kind(step=step, attempt=attempt_of(run, step), why="lost"),
        st.sampled_from([events.StepDoubted, events.DoubtRefuted]),
        steps,
    ),
    st.builds(lambda step: lambda _: events.StepUndone(step=step, summary="back"), steps),
    st.builds(
        lambda event: lambda _: event,
        st.sampled_from(
            [
                events.HoldAsked(reason="wait"),
                events.ResumeAsked(),
                events.RetryAsked(),
                events.SkipAsked(step="first", reason="done by hand"),
                events.UndoAsked(reason="worse"),
                events.AbortAsked(reason="false alarm"),
                events.ReplanAsked(reason="again"),
                events.PlanAsked(procedure="back"),
                events.FactsGathered(),
                events.QuestionAnswered(question="security", answer=False),
                events.NoRollbackChosen(reason="fix forward"),
                events.TimerFired(timer="expiry", generation=1),
                events.TimerFired(timer="rto", generation=0),
                events.BotResumed(away_since=None),
                events.NoteAdded(text="hm"),
            ]
        ),
    ),
)


def asked(run: Run) -> Event:
    """Somebody wants a plan."""
    return events.PlanAsked(procedure="back")


def prepared(run: Run) -> Event:
    """It stands."""
    return events.PlanPrepared(planning=run.planning, plan=a_plan(), candidates=PEOPLE)


def play(history: list[Make]) -> list[tuple[Run, Event, Run, tuple[Command, ...]]]:
    """Fold a history; return every turn as before, event, after, commands."""
    actor = Actor(id="marcus", name="Marcus Rodriguez")
    first = Recorded(seq=1, at=START, actor=actor, event=declaration("INC-1"))
    run, _ = decide(None, first)
    turns = []
    for number, make in enumerate([asked, prepared, *history], start=2):
        event = make(run)
        recorded = Recorded(
            seq=number, at=START + timedelta(seconds=number), actor=actor, event=event
        )
        after, commands = decide(run, recorded)
        turns.append((run, event, after, commands))
        run = after
    return turns


def authority(run: Run, scope: str) -> tuple[Person, ...]:
    """Return who satisfied a gate of a run, or nobody."""
    gate = run.gate_of(scope)
    assert gate is not None
    standing = evaluate(gate, run.decisions, run.updated_at)
    return standing.by if isinstance(standing, Satisfied) else ()


UNDOING: tuple[Make, ...] = (lambda _: events.UndoAsked(reason="worse"), undone)
beginnings = st.sampled_from(
    [(), APPROVED, (*APPROVED, *DONE), (*APPROVED, *DONE, approving(JENNIFER, "second"), *DONE)]
)
parts = st.lists(st.one_of(likely, likely, st.just(UNDOING), makers.map(lambda m: (m,))))
histories = st.builds(
    lambda beginning, rest: [*beginning, *(make for part in rest for make in part)],
    beginnings,
    parts,
)


@given(histories)
@settings(max_examples=300)
def test_no_step_is_asked_for_without_its_approvals(history: list[Make]) -> None:
    """In no history is a step performed unless distinct, eligible people approved that plan."""
    for _, _, run, commands in play(history):
        for command in commands:
            if not isinstance(command, PerformStep):
                continue
            assert run.plan is not None
            assert run.gate is not None
            assert run.gate.digest == run.plan.digest
            approvers = authority(run, "plan")
            assert len({person.id for person in approvers}) >= 2
            assert MARCUS not in approvers
            if command.step == "second":
                assert authority(run, "second")


@given(histories)
def test_undo_is_the_reverse_of_what_was_applied(history: list[Make]) -> None:
    """What is undone is always the last change that still stands."""
    for before, event, run, commands in play(history):
        for command in commands:
            if isinstance(command, UndoStep):
                assert run.applied
                assert command.step == run.applied[-1].step.id
        if isinstance(event, events.StepUndone) and len(run.applied) < len(before.applied):
            assert before.applied[-1].step.id == event.step


@given(histories)
def test_an_ended_run_stays_ended_and_asks_for_nothing(history: list[Make]) -> None:
    """After the end, nothing but notes changes and no command comes."""
    for before, _, run, commands in play(history):
        if before.state in ENDED:
            assert run.state is before.state
            assert commands == ()


@given(histories)
def test_a_held_run_starts_nothing(history: list[Make]) -> None:
    """While it stands still, no step begins."""
    for _, _, run, commands in play(history):
        if any(isinstance(command, PerformStep) for command in commands):
            assert run.state in (*PHASES, State.COMMUNICATE)


@given(histories)
def test_a_snapshot_is_the_run(history: list[Make]) -> None:
    """Stored and read again, a run is the same run, and its plan still has its digest."""
    for _, _, run, _ in play(history)[-1:]:
        again = codec.decode_run(codec.encode(run))
        assert codec.encode(again) == codec.encode(run)
        assert again.plan is None or seal(again.plan).digest == again.plan.digest
