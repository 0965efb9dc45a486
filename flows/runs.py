"""A run: everything that is known of one incident's rollback, folded from its events.

Frozen; `flows.decisions` makes the next one from an event, `flows.codec` stores it, `bot` shows
it.  Mappings are never changed in place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flows.events import Actor, AutomaticStart, FollowUp, Question
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, Decision, Gate, Person, Standing, evaluate
from flows.paging import Acknowledgement, Page, Rung
from flows.plans import Plan, PlannedChange, PlannedStep
from flows.states import ENDED, PHASES, SETTLED, Outcome, State, StepState

Json = Any
VERSION = 1
DESTROYS = "destroys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What was seen.  `value` None means unknown."""

    title: str
    value: Json
    shown: str
    ok: bool | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """What has become of one step of the plan.

    `asked_at` is when its current round began (budgets count from it), `attempt` a number that
    no other attempt of the run has, `tries` how many there were in this round, `started` the
    attempt whose intent was committed, `captured` what was there before the first change, `touches`
    the objects that it was going to change.  Of a step that is done again and again, `rounds`
    counts how often it was begun, and `next_at` is when it comes again.
    """

    state: StepState = StepState.PENDING
    attempt: int = 0
    tries: int = 0
    asked_at: datetime | None = None
    started: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    inputs: Mapping[str, Json] | None = None
    captured: Mapping[str, Json] | None = None
    touches: int = 0
    output: Mapping[str, Json] | None = None
    summary: str = ""
    reconciled: bool = False
    drift: tuple[PlannedChange, ...] = ()
    rounds: int = 0
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A change that was made, kept over plans so that it can be undone.

    `undo_asked_at` is when its undo began that is under way.
    """

    step: PlannedStep
    record: StepRecord
    undo_asked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Why a run stands still, and where it goes on."""

    origin: State
    why: str
    step: str | None
    by: Actor
    at: datetime
    drifted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The procedure that was picked, and why."""

    procedure: str
    title: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a state was entered."""

    state: State
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that a person wrote down."""

    at: datetime
    by: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Who did a follow-up (its id), and when they said so."""

    follow_up: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """Who began a plan (its digest) before it was approved, and why."""

    person: Person
    reason: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunAlone:
    """The plan (its digest) that began by itself, as the policy allows, and when."""

    digest: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """The review that an emergency owes: its gate, the words on it, and when it was paid."""

    gate: Gate
    decisions: tuple[Decision, ...] = ()
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One incident's rollback.  Durations are seconds.

    `measured_since` is the planning whose plan set the recovery objective, 0 for the declaration.
    """

    version: int = VERSION
    id: str
    seq: int
    state: State
    system: str
    system_title: str
    environment: str
    reason: str
    severity: str
    declared_by: Person
    declared_at: datetime
    rto: float
    rto_limit: float
    target_title: str
    measured_since: int = 0
    questions: tuple[Question, ...]
    answers: Mapping[str, bool]
    channel_name: str
    origin: str | None
    lead: Person
    channel: str | None = None
    facts: Mapping[str, Fact]
    facts_gathered: bool = False
    proposal: Proposal | None = None
    blocked: str = ""
    advice: str = ""
    planning: int = 0
    plan: Plan | None = None
    gate: Gate | None = None
    step_gates: Mapping[str, Gate]
    decisions: tuple[Decision, ...] = ()
    steps: Mapping[str, StepRecord]
    attempts: int = 0
    applied: tuple[Applied, ...] = ()
    held: Held | None = None
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    spans: tuple[Span, ...] = ()
    passed_deadlines: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    chain: tuple[Rung, ...] = ()
    rungs_called: int = 0
    rung_called_at: datetime | None = None
    pages: tuple[Page, ...] = ()
    acknowledged: Acknowledgement | None = None
    break_glass: BreakGlass | None = None
    debt: Debt | None = None
    automatic: AutomaticStart | None = None
    begins_at: datetime | None = None
    begun_alone: BegunAlone | None = None
    follow_ups: tuple[FollowUp, ...] = ()
    ticks: tuple[Tick, ...] = ()
    stalled: str = ""
    resumed_at: datetime | None = None
    updated_at: datetime

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED

    def standing(self, scope: str, now: datetime) -> Standing | None:
        """Say where a gate stands, or None where there is none of this scope."""
        gate = self.gate_of(scope)
        return evaluate(gate, self.words_on(scope), now) if gate else None

    def gate_of(self, scope: str) -> Gate | None:
        """Return the gate of the plan (`plan`), of the review, or of a step (its id)."""
        if scope == REVIEW_SCOPE:
            return self.debt.gate if self.debt else None
        return self.gate if scope == PLAN_SCOPE else self.step_gates.get(scope)

    def words_on(self, scope: str) -> tuple[Decision, ...]:
        """Return the decisions that a gate of this scope counts."""
        if scope == REVIEW_SCOPE:
            return self.debt.decisions if self.debt else ()
        return self.decisions

    @property
    def declarer(self) -> str:
        """Return the name of the person who declared; empty where a trigger did."""
        return "" if self.automatic else self.declared_by.name

    @property
    def will_begin_at(self) -> datetime | None:
        """Return when the plan begins by itself; None where it does not, or has begun."""
        return self.begins_at if self.state is State.APPROVE else None

    @property
    def begun_early(self) -> bool:
        """Whether the plan was begun before it was approved: on one person's word, or by itself."""
        begun = (each.digest for each in (self.break_glass, self.begun_alone) if each)
        return self.plan is not None and self.plan.digest in begun

    @property
    def wants_late_words(self) -> bool:
        """Whether approvals are asked for though the plan was begun early.

        One that began by itself, and destroys nothing, has the policy's own.
        """
        if not self.begun_early or self.plan is None:
            return False
        alone = self.begun_alone is not None and self.begun_alone.digest == self.plan.digest
        return not alone or self.plan.count(DESTROYS) > 0

    @property
    def owed(self) -> tuple[FollowUp, ...]:
        """Return the follow-ups that nobody has done yet, once there are any to do."""
        if self.state is not State.CLOSED or self.outcome is Outcome.NO_ROLLBACK:
            return ()
        done = {tick.follow_up for tick in self.ticks}
        return tuple(each for each in self.follow_ups if each.id not in done)

    def takes_words(self, scope: str) -> bool:
        """Say whether a word on a gate of this scope may still have an effect, by the state."""
        if scope == REVIEW_SCOPE:
            return self.debt is not None and self.debt.paid_at is None
        if scope == PLAN_SCOPE:
            return self.state is State.APPROVE or (self.begun_early and not self.ended)
        return scope in self.steps and self.steps[scope].state not in SETTLED

    def shut_by(self, step: PlannedStep) -> Gate | None:
        """Return the gate that a step waits for beside its own.

        Where the plan was begun early, what can't be brought back waits for the plan's approvals.
        """
        return self.gate if self.begun_early and step.effect == DESTROYS else None

    def page(self, number: int) -> Page | None:
        """Return a page by its number."""
        return next((page for page in self.pages if page.number == number), None)

    def captures(self) -> dict[str, Mapping[str, Json]]:
        """Return what the changes that stand captured, by step id."""
        return {a.step.id: a.record.captured for a in self.applied if a.record.captured}

    def failed(self) -> tuple[PlannedStep, ...]:
        """Return the required steps that failed."""
        steps = self.plan.steps if self.plan else ()
        return tuple(s for s in steps if s.required and self.steps[s.id].state is StepState.FAILED)

    def changing(self) -> tuple[PlannedStep, ...]:
        """Return the steps that may be changing the world right now."""
        steps = self.plan.steps if self.plan else ()
        busy = (StepState.RUNNING, StepState.DOUBT)
        return tuple(s for s in steps if not s.reads and self.steps[s.id].state in busy)

    def stuck_undoing(self, step: str) -> bool:
        """Say whether the run is held because this step could not be undone."""
        held_in_undo = self.held is not None and self.held.origin is State.UNDO
        return held_in_undo and bool(self.applied) and self.applied[-1].step.id == step

    @property
    def touched(self) -> bool:
        """Whether anything was changed, or may have been."""
        steps = self.plan.steps if self.plan else ()
        return bool(self.applied) or any(not s.reads and self.steps[s.id].started for s in steps)

    @property
    def phase(self) -> State:
        """The state, or where a held run goes on."""
        return self.held.origin if self.state is State.HOLD and self.held else self.state

    @property
    def working(self) -> bool:
        """Whether a phase of the plan is being performed."""
        return self.state in PHASES
