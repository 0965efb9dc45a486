"""What has happened.  Past tense, frozen, and all that `decide` ever learns.

The shell stamps time, sequence and actor into `Recorded` inside the journal's transaction; the
core reads no clock.  Event classes are told apart by name in the journal: renaming one breaks
old journals, so don't.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.gates import Person, Verb
from flows.paging import Reached, Rung
from flows.plans import Plan, PlannedChange, Scalar

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who or what caused an event: a person (`id` from people.yaml or Slack) or the bot."""

    id: str
    name: str
    slack: str | None = None


BOT = Actor(id="backout", name="Backout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that only a person can answer."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A task that the policy wants done; `due` is seconds after the end of a rollback."""

    id: str
    title: str
    due: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticStart:
    """A trigger that declared by itself, and the procedure that may begin by itself for it.

    It begins `notice` seconds after its plan stands, unless `barred` says what speaks against it.
    `release` is what it may be begun for once.
    """

    trigger: str
    title: str
    procedure: str
    release: str
    notice: float
    barred: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDeclared:
    """Somebody declared, or a trigger of the policy did (`automatic`).

    Durations are seconds; `channel_name` is what the channel is to be.  `chain` is who is called,
    in order; the last rung again and again.
    """

    incident: str
    system: str
    system_title: str
    environment: str
    reason: str
    severity: str
    rto: float
    rto_limit: float
    target_title: str
    assess_budget: float
    questions: tuple[Question, ...]
    answers: Mapping[str, bool]
    channel_name: str
    origin: str | None
    declared_by: Person
    chain: tuple[Rung, ...] = ()
    automatic: AutomaticStart | None = None
    follow_ups: tuple[FollowUp, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOpened:
    """The incident's channel is there."""

    channel: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactObserved:
    """A look at the estate.  `value` None means unknown; `ok` None means no limit or unknown."""

    fact: str
    title: str
    value: Json
    shown: str
    ok: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsGathered:
    """Every look of the assessment has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswered:
    """A person answered a question."""

    question: str
    answer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureProposed:
    """The decision matrix picked a procedure, for the reason given."""

    procedure: str
    title: str
    because: str
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingProposed:
    """The matrix can't pick: something is unknown, or no procedure is carried for the case."""

    why: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAsked:
    """A person asked for a plan, of this procedure or (None) of the one that applies.

    `inputs` replace the defaults of the procedure's.
    """

    procedure: str | None
    inputs: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPrepared:
    """A plan stands.  `planning` tells this request from older ones."""

    planning: int
    plan: Plan
    candidates: tuple[Person, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFailed:
    """No plan could be made."""

    planning: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRollbackChosen:
    """A person decided to fix forward."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A person approved, denied or withdrew, on one digest (or its first characters).

    `proven` where a code of their second factor said that it is them.
    """

    scope: str
    person: Person
    verb: Verb
    digest: str
    reason: str
    proven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassAsked:
    """A person begins a plan (its digest, or the first characters) before it is approved."""

    person: Person
    digest: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    """Intent: the call is about to leave.  `captured` is what was there before; write-once.

    `touches` counts the objects that it changes, by the look right before it.
    """

    step: str
    attempt: int
    inputs: Mapping[str, Json]
    captured: Mapping[str, Json]
    touches: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSucceeded:
    """A fresh look showed that it took effect.  `reconciled`: found out after a doubt."""

    step: str
    attempt: int
    summary: str
    output: Mapping[str, Json]
    reconciled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """It did not take effect.  `delay` (seconds) where the same call may work then."""

    step: str
    attempt: int
    why: str
    delay: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInterrupted:
    """Waiting was ended by a hold or a shutdown; nothing was decided by it."""

    step: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDoubted:
    """The call may have left and nothing is known of its outcome."""

    step: str
    attempt: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtRefuted:
    """After the attempt's time had passed, a fresh look showed that it did not take effect."""

    step: str
    attempt: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPassedOver:
    """The step's own condition says that it is not needed."""

    step: str
    attempt: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFound:
    """What the step would change is no longer what was approved."""

    step: str
    attempt: int
    changes: tuple[PlannedChange, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUndone:
    """The captured state was put back."""

    step: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoFailed:
    """The captured state could not be put back.  `delay` where trying again may help."""

    step: str
    why: str
    delay: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldAsked:
    """A person wants it to stop here."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeAsked:
    """A person wants it to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAsked:
    """A person wants the failed steps, or one of them, tried again."""

    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipAsked:
    """A person takes responsibility for going on without a step."""

    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAsked:
    """A person wants everything put back."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortAsked:
    """A person wants to end it before anything was changed."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplanAsked:
    """A person wants a fresh assessment and plan, keeping what was done."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAsked:
    """A person, or a rule of the policy (once a subject), wants people called."""

    subject: str
    title: str
    people: tuple[Person, ...]
    why: str
    once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSent:
    """People were called, in the ways that there are."""

    page: int
    reached: tuple[Reached, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAcknowledged:
    """Somebody who was called, or is on call anyway, says that they are there."""

    person: Person
    via: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """A deadline passed.  Timers are never cancelled, only outdated."""

    timer: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded:
    """A person wrote something down for the timeline."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpDone:
    """A person says that a task of after the rollback is done."""

    follow_up: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StallNoticed:
    """The bot saw that something of the incident does not move as it should."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BotResumed:
    """The bot was started again while this run was under way."""

    away_since: datetime | None


Event = (
    IncidentDeclared
    | ChannelOpened
    | FactObserved
    | FactsGathered
    | QuestionAnswered
    | ProcedureProposed
    | NothingProposed
    | PlanAsked
    | PlanPrepared
    | PlanFailed
    | NoRollbackChosen
    | Decided
    | BreakGlassAsked
    | StepStarted
    | StepSucceeded
    | StepFailed
    | StepInterrupted
    | StepDoubted
    | DoubtRefuted
    | StepPassedOver
    | DriftFound
    | StepUndone
    | UndoFailed
    | HoldAsked
    | ResumeAsked
    | RetryAsked
    | SkipAsked
    | UndoAsked
    | AbortAsked
    | ReplanAsked
    | PageAsked
    | PageSent
    | PageAcknowledged
    | TimerFired
    | NoteAdded
    | FollowUpDone
    | StallNoticed
    | BotResumed
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event with what the shell stamped: sequence (from 1, per incident), UTC time, actor."""

    seq: int
    at: datetime
    actor: Actor
    event: Event
