"""`policy.yaml`: questions, facts, decision matrix, authorization, targets, follow-ups."""

from typing import Any, Self

from pydantic import Field, model_validator

from config.models.base import (
    Duration,
    Expression,
    Identifier,
    Model,
    Severity,
    Traced,
)


class Question(Traced):
    """Something that only a person can answer; the answer becomes a boolean fact."""

    id: Identifier
    text: str = Field(min_length=1, max_length=150)


class Fact(Traced):
    """Something that is looked up while assessing.  A look that fails leaves it unknown."""

    id: Identifier
    title: str = Field(min_length=1, max_length=60)
    uses: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    value: Expression = Field(description="CEL over `output` giving the fact's value.")
    show: str | None = Field(default=None, description="Template for people, over `value`.")
    limit: Expression | None = Field(default=None, description="CEL over `value`: is it all right?")


class Guard(Traced):
    """Something that must be known to be true before anything begins by itself."""

    id: Identifier
    title: str = Field(min_length=1, max_length=150)
    when: Expression = Field(description="CEL over facts; unknown bars it.")


class Automatic(Traced):
    """How a trigger declares by itself, and begins what loses nothing, once people were told."""

    notice: Duration = Field(description="How long it is announced; anybody may hold it.")
    release: Expression = Field(
        description="CEL over facts giving what it begins for once, e.g. the release that is live."
    )
    cool_down: Duration = Field(
        description="After it began by itself, the next beginning is left to people for so long, "
        "and the same trigger declares no second incident."
    )
    drill_within: Duration = Field(
        description="A drill of the procedure (`backout drill`) must have passed so recently."
    )
    guards: tuple[Guard, ...] = ()


class Trigger(Traced):
    """A condition that calls for a procedure."""

    id: Identifier
    title: str
    when: Expression | None = None
    lasting: Duration | None = None
    severity: Severity
    procedure: Identifier = Field(description="Carried, or listed under `planned`.")
    within: Duration | None = None
    automatic: Automatic | None = Field(
        default=None, description="Left out: people look, and declare."
    )

    @model_validator(mode="after")
    def _can_be_looked_at(self) -> Self:
        if self.automatic is not None and self.when is None:
            raise ValueError("what declares by itself needs `when`: the condition over facts")
        return self


class Decision(Traced):
    """One row of the decision matrix; rows stand in order of precedence."""

    procedure: Identifier | None = Field(description="Null where no procedure is carried yet.")
    title: str
    when: Expression
    because: str = Field(description="Template over facts: why this row applies.")
    severity: Severity
    then: str = Field(default="", description="What to do where `procedure` is null.")


class Slot(Traced):
    """So many distinct people who have one of these roles."""

    any_of: tuple[Identifier, ...] = Field(min_length=1)
    count: int = Field(default=1, ge=1)


class AuthorizationClass(Traced):
    """Who must approve a plan of this class."""

    id: Identifier
    title: str
    needs: tuple[Slot, ...] = Field(min_length=1)
    limit: Duration = Field(description="Decision limit; passing it escalates, never approves.")
    self_approval: bool = Field(
        default=False,
        description="Whether the declarer may be one of several approvers; never the only one.",
    )
    distinct_teams: bool = Field(
        default=False, description="Whether people of one team fill one seat together."
    )
    second_factor: bool = Field(
        default=False,
        description="Whether approving what destroys something takes a code of a second factor.",
    )


class Condition(Traced):
    """Further approvers where a fact is true; added to the class's own."""

    id: Identifier
    title: str
    when: Expression
    needs: tuple[Slot, ...] = Field(
        default=(),
        description="Left empty: nobody more is asked; levels of the chain may name it in "
        "`at_once`.",
    )


class Authorization(Model):
    """The authorization matrix."""

    classes: tuple[AuthorizationClass, ...] = Field(min_length=1)
    conditions: tuple[Condition, ...] = ()
    control: tuple[Identifier, ...] = Field(
        min_length=1, description="Roles that may hold, resume, retry, skip, undo and abort."
    )


class Review(Traced):
    """Who must look at an emergency afterwards, and until when; never who broke the glass."""

    needs: tuple[Slot, ...] = Field(min_length=1)
    within: Duration = Field(
        description="Once it is over, the system refuses the next emergency until it is reviewed."
    )


class Emergency(Traced):
    """Break-glass: one person may begin what loses nothing, while approvals are still collected."""

    roles: tuple[Identifier, ...] = Field(min_length=1, description="Who may break the glass.")
    notify: tuple[Identifier, ...] = Field(
        default=(), description="Roles whose people are called at once."
    )
    late_within: Duration = Field(
        description="How long the missing approvals may come late before that is told."
    )
    review: Review


class Target(Traced):
    """Recovery objectives of one kind of incident."""

    id: Identifier
    title: str
    rto: Duration
    rto_limit: Duration
    rpo: Duration | None = None
    rpo_limit: Duration | None = None


class RecoveryPoint(Traced):
    """How much of one kind of data may be lost; told before a plan is approved that leads back."""

    id: Identifier
    title: str = Field(min_length=1, max_length=60)
    rpo: Duration = Field(description="What is aimed at.")
    rpo_limit: Duration = Field(description="The most that may be lost.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.rpo > self.rpo_limit:
            raise ValueError("`rpo` is what is aimed at: it can't be more than `rpo_limit`")
        return self


class FollowUp(Traced):
    """A task that is due after the rollback."""

    id: Identifier
    title: str
    due: Duration


class Policy(Model):
    """The whole file."""

    facts: tuple[Fact, ...] = ()
    questions: tuple[Question, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    matrix: tuple[Decision, ...] = Field(min_length=1)
    authorization: Authorization
    emergency: Emergency | None = Field(
        default=None, description="Left out: no plan begins before it is approved."
    )
    targets: tuple[Target, ...] = Field(min_length=1)
    recovery_points: tuple[RecoveryPoint, ...] = ()
    phase_budgets: dict[Identifier, Duration] = Field(default_factory=dict)
    plan_valid_for: Duration = Field(description="A plan older than this must be made again.")
    follow_ups: tuple[FollowUp, ...] = ()
    planned: dict[Identifier, str] = Field(
        default_factory=dict, description="Procedures that are named here and not carried yet."
    )
    incomplete: tuple[str, ...] = Field(
        default=(), description="What this file does not carry yet, in words, for `check`."
    )
