"""Reactions while a run assesses: facts, questions, the proposal, the plan."""

from collections.abc import Mapping
from datetime import timedelta

from flows import events
from flows.commands import About, Command, GatherFacts, OpenChannel, PreparePlan, Propose, SetTimer
from flows.decisions import automatic, calling
from flows.decisions.turns import Turn
from flows.events import Recorded
from flows.gates import Gate, Slot
from flows.objections import objection
from flows.plans import Objective, Plan, Scalar, gate_of
from flows.runs import Fact, Proposal, Run, Span, StepRecord
from flows.states import Outcome, State
from flows.table import Trigger

# People think about the questions while an outage grows: what was seen before is no ground then.
FRESH = timedelta(seconds=5)


def declare(event: events.IncidentDeclared, recorded: Recorded) -> tuple[Run, tuple[Command, ...]]:
    """Begin a run: open the channel, look at the estate, start the clocks."""
    run = Run(
        id=event.incident,
        seq=recorded.seq,
        state=State.ASSESS,
        system=event.system,
        system_title=event.system_title,
        environment=event.environment,
        reason=event.reason,
        severity=event.severity,
        declared_by=event.declared_by,
        declared_at=recorded.at,
        rto=event.rto,
        rto_limit=event.rto_limit,
        target_title=event.target_title,
        questions=event.questions,
        answers=event.answers,
        channel_name=event.channel_name,
        origin=event.origin,
        lead=event.declared_by,
        chain=event.chain,
        automatic=event.automatic,
        follow_ups=event.follow_ups,
        facts={},
        step_gates={},
        steps={},
        spans=(Span(state=State.ASSESS, at=recorded.at),),
        updated_at=recorded.at,
    )
    turn = Turn(run, recorded)
    turn.do(OpenChannel(), GatherFacts())
    turn.set_timer("phase:assess", 1, event.assess_budget)
    turn.set_timer("rto", 0, event.rto)
    turn.set_timer("rto_limit", 0, event.rto_limit)
    calling.call_next(turn, "")
    return turn.run, tuple(turn.commands)


def fact_observed(turn: Turn, event: events.FactObserved) -> None:
    """Write down what was seen."""
    fact = Fact(
        title=event.title,
        value=event.value,
        shown=event.shown,
        ok=event.ok,
        at=turn.recorded.at,
    )
    turn.set(facts={**turn.run.facts, event.fact: fact})


def facts_gathered(turn: Turn) -> None:
    """Ask the matrix, unless a person has moved the run on meanwhile."""
    turn.set(facts_gathered=True)
    if turn.run.state is State.ASSESS and turn.run.proposal is None:
        turn.do(Propose())


def question_answered(turn: Turn, event: events.QuestionAnswered) -> None:
    """Take the answer; the last one wins until a plan stands."""
    if objection(turn.run, event):
        return
    turn.set(answers={**turn.run.answers, event.question: event.answer})
    if turn.run.facts_gathered:
        # A plan that is being made was asked for before this was known: it won't stand.
        turn.set(proposal=None, blocked="", advice="", planning=turn.run.planning + 1)
        if _all_answered(turn.run) and _is_stale(turn):
            turn.do(GatherFacts())  # the matrix is asked when they are in
        else:
            turn.do(Propose())


def _all_answered(run: Run) -> bool:
    return all(question.id in run.answers for question in run.questions)


def _is_stale(turn: Turn) -> bool:
    return any(turn.recorded.at - fact.at > FRESH for fact in turn.run.facts.values())


def procedure_proposed(turn: Turn, event: events.ProcedureProposed) -> None:
    """Have the procedure resolved into a plan."""
    if turn.run.state is not State.ASSESS:
        return
    turn.set(severity=event.severity)
    _prepare(turn, event.procedure, event.title, event.because)


def nothing_proposed(turn: Turn, event: events.NothingProposed) -> None:
    """Say what is missing."""
    if turn.run.state is State.ASSESS:
        turn.set(blocked=event.why, advice=event.advice, proposal=None)


def plan_asked(turn: Turn, event: events.PlanAsked) -> None:
    """Make a plan (again): of the named procedure, or of what the matrix picks."""
    if objection(turn.run, event):
        return None
    automatic.call_off(turn, f"{turn.recorded.actor.name} asked for another plan")
    back_to_assess(turn)
    if event.procedure is None:
        return look_again(turn)
    because = f"{turn.recorded.actor.name} asked for it"
    return _prepare(turn, event.procedure, event.procedure, because, event.inputs)


def back_to_assess(turn: Turn) -> None:
    """Drop the plan and its approvals; what was done stays done."""
    if turn.run.state is not State.ASSESS:
        turn.move(Trigger.REPLAN)
    drop_plan(turn)


def drop_plan(turn: Turn, blocked: str = "", advice: str = "") -> None:
    """Forget the plan and every word on it."""
    turn.set(
        plan=None,
        gate=None,
        step_gates={},
        decisions=(),
        steps={},
        proposal=None,
        blocked=blocked,
        advice=advice,
        planning=turn.run.planning + 1,
        begins_at=None,
    )


def look_again(turn: Turn) -> None:
    """Gather the facts afresh; the matrix is asked when they are in."""
    turn.set(facts_gathered=False)
    turn.do(GatherFacts())


def _prepare(
    turn: Turn,
    procedure: str,
    title: str,
    because: str,
    inputs: Mapping[str, Scalar] | None = None,
) -> None:
    planning = turn.run.planning + 1
    proposal = Proposal(procedure=procedure, title=title, because=because)
    turn.set(proposal=proposal, planning=planning, blocked="", advice="")
    given = dict(inputs or {})
    turn.do(PreparePlan(procedure=procedure, because=because, planning=planning, inputs=given))


def plan_prepared(turn: Turn, event: events.PlanPrepared) -> None:
    """Ask for the approvals, and start the clocks of the gate."""
    if event.planning != turn.run.planning or turn.run.state is not State.ASSESS:
        return
    plan = event.plan
    declarer, candidates = turn.run.declared_by.id, event.candidates

    def gate(scope: str, slots: tuple[Slot, ...]) -> Gate:
        return gate_of(plan, scope, slots, declarer=declarer, candidates=candidates)

    turn.set(
        plan=plan,
        gate=gate("plan", plan.needs),
        step_gates={step.id: gate(step.id, step.needs) for step in plan.steps if step.needs},
        decisions=(),
        steps={step.id: StepRecord() for step in plan.steps},
        proposal=Proposal(procedure=plan.procedure, title=plan.title, because=plan.because),
    )
    _measure(turn, plan)
    turn.move(Trigger.PLAN_READY)
    turn.announce(About.APPROVAL_WANTED)
    decide_by = plan.prepared_at + plan.decision_limit
    half_time = plan.prepared_at + plan.decision_limit / 2
    turn.do(
        SetTimer(timer=calling.APPROVERS, generation=event.planning, at=half_time),
        SetTimer(timer=calling.DECISION, generation=event.planning, at=decide_by),
        SetTimer(timer="expiry", generation=event.planning, at=plan.expires_at),
    )
    automatic.plan_stands(turn)


def _measure(turn: Turn, plan: Plan) -> None:
    """Measure the run against its plan's objective, counted from the declaration."""
    run, wanted = turn.run, plan.objective
    if wanted is None or _objective(run) == wanted:
        return
    turn.set(
        target_title=wanted.title,
        rto=wanted.rto,
        rto_limit=wanted.rto_limit,
        measured_since=run.planning,
    )
    for timer, limit in (("rto", wanted.rto), ("rto_limit", wanted.rto_limit)):
        at = run.declared_at + timedelta(seconds=limit)
        turn.do(SetTimer(timer=timer, generation=run.planning, at=at))


def _objective(run: Run) -> Objective:
    return Objective(title=run.target_title, rto=run.rto, rto_limit=run.rto_limit)


def plan_failed(turn: Turn, event: events.PlanFailed) -> None:
    """Say why no plan could be made; the run waits for a person."""
    if event.planning != turn.run.planning or turn.run.state is not State.ASSESS:
        return
    turn.set(proposal=None, blocked=event.why, advice="plan_again")
    turn.announce(About.NOT_PLANNED)


def no_rollback_chosen(turn: Turn, event: events.NoRollbackChosen) -> None:
    """Close without a rollback."""
    if objection(turn.run, event):
        return
    drop_plan(turn)
    turn.move(Trigger.NO_ROLLBACK)
    turn.set(outcome=Outcome.NO_ROLLBACK, blocked=event.reason)
    turn.move(Trigger.TOLD)
    turn.announce(About.CLOSED)
