"""What is to be done.  Imperative, frozen; queued with the event that asked for it.

`after` and `at` say when a command is due.  Steps' commands carry the attempt, outcomes echo it,
and stale ones change nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flows.plans import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChannel:
    """Find or make the incident's channel, invite, set the topic, post and pin the card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherFacts:
    """Look at everything that the policy's facts name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """Ask the decision matrix which procedure applies to the facts as they are now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparePlan:
    """Resolve a procedure into a plan; `planning` tells this request from older ones.

    `inputs` are what a person gave in place of the procedure's defaults.
    """

    procedure: str
    because: str
    planning: int
    inputs: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformStep:
    """Do a step, `after` so many seconds."""

    step: str
    attempt: int
    after: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyStep:
    """Look whether an attempt took effect of which nothing is known."""

    step: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoStep:
    """Put back what a step captured."""

    step: str
    after: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPage:
    """Call the people of a page, in every way that there is."""

    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPages:
    """Stop what still rings: somebody is there, or the run is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer:
    """Tell the run when `at` has come."""

    timer: str
    generation: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """Write down what is left of a run that has ended, keep it, and hand it to people, once."""

    key: str


class About(StrEnum):
    """What a new message in the channel is about.  Progress never is."""

    APPROVAL_WANTED = "approval_wanted"
    APPROVAL_LATE = "approval_late"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    NOT_PLANNED = "not_planned"
    STEP_APPROVAL_WANTED = "step_approval_wanted"
    STEP_APPROVAL_LATE = "step_approval_late"
    HELD = "held"
    RESUMED = "resumed"
    NOT_TOLD = "not_told"
    NOT_REPEATED = "not_repeated"
    DEADLINE = "deadline"
    UNDOING = "undoing"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ESCALATED = "escalated"
    PAGE_FAILED = "page_failed"
    GLASS_BROKEN = "glass_broken"
    REVIEWED = "reviewed"
    BEGINS_BY_ITSELF = "begins_by_itself"
    BEGUN_BY_ITSELF = "begun_by_itself"
    LEFT_TO_PEOPLE = "left_to_people"
    STALLED = "stalled"
    FOLLOW_UPS_DUE = "follow_ups_due"
    BOT_RESUMED = "bot_resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Post a new short message, once per `key`.  `subject` names a step, a timer or a page."""

    about: About
    key: str
    subject: str = ""


Command = (
    OpenChannel
    | GatherFacts
    | Propose
    | PreparePlan
    | PerformStep
    | VerifyStep
    | UndoStep
    | SendPage
    | EndPages
    | SetTimer
    | FileReport
    | Announce
)
