"""`procedures/*.yaml`: a recipe of steps in phases.  `flows.planning` resolves it into a plan."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from config.models.base import Duration, Expression, Identifier, Model, Traced

PHASES = ("isolate", "restore", "validate", "communicate")


class Step(Traced):
    """One use of an action."""

    id: Identifier = Field(description="Unique in the procedure; templates say `steps.<id>`.")
    title: str = Field(min_length=1, max_length=80, description="What people read on the card.")
    uses: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    when: Expression | None = Field(
        default=None, description="CEL over facts, inputs and steps; false skips the step."
    )
    budget: Duration | None = Field(default=None, description="Hard time limit of one attempt.")
    within: Duration | None = Field(
        default=None, description="A check may take this long to come true."
    )
    hold_for: Duration | None = Field(
        default=None, description="A check must stay true for this long."
    )
    follows: tuple[Identifier, ...] = Field(
        default=(),
        description="Earlier steps that change the very same thing: once one of them is done, what "
        "it left is what this step begins with, and no drift from the plan.",
    )
    every: Duration | None = Field(
        default=None,
        description="Done again and again: this long after its stage has come for the first time, "
        "and then at this interval until the last phase.  Templates say `round`: 1, 2, …",
    )
    gate: Identifier | None = Field(
        default=None, description="A further authorization class asked for this step alone."
    )
    loses: str = Field(
        default="",
        max_length=300,
        description="What is lost by it, as its approvers read it, where the action can't know; a "
        "template over what the plan knows.",
    )
    skippable: bool = Field(default=True, description="Whether authority may skip it at all.")
    required: bool = Field(
        default=True,
        description="A step that is not required never delays or holds the run: its failure is "
        "shown and told, and the rollback goes on.",
    )


class Parallel(Model):
    """Steps that run side by side; the next stage starts when all are done."""

    parallel: tuple[Step, ...] = Field(min_length=2)


def _stage_kind(value: Any) -> str:
    is_parallel = isinstance(value, Parallel) or (isinstance(value, dict) and "parallel" in value)
    return "parallel" if is_parallel else "step"


Stage = Annotated[
    Annotated[Step, Tag("step")] | Annotated[Parallel, Tag("parallel")],
    Discriminator(_stage_kind),
]


class ProcedureInput(Model):
    """A value that the person who chooses the procedure may give."""

    description: str = ""
    default: str | int | float | bool | None = None
    required: bool = False


class Procedure(Traced):
    """A recipe: reads for assessing, then the phases of a rollback."""

    procedure: Identifier
    title: str = Field(min_length=1, max_length=80)
    summary: str = Field(default="", max_length=300)
    class_: Identifier = Field(alias="class", description="Authorization class in policy.yaml.")
    target: Identifier = Field(description="Entry under `targets` in policy.yaml (RTO, RPO).")
    loses: str = Field(
        default="nothing", max_length=300, description="What is lost, in words for approvers."
    )
    returns_to: str | None = Field(
        default=None,
        max_length=300,
        description="Template of the moment to which data go back, with its zone; what is lost is "
        "then told against the policy's `recovery_points` before people approve.",
    )
    blast_radius: int | None = Field(
        default=None, ge=1, description="The most objects that one run may change."
    )
    phase_budgets: dict[Identifier, Duration] = Field(
        default_factory=dict, description="In place of the policy's, for these phases."
    )
    plan_valid_for: Duration | None = Field(
        default=None, description="In place of the policy's, where a step waits for people long."
    )
    inputs: dict[Identifier, ProcedureInput] = Field(default_factory=dict)
    assess: tuple[Stage, ...] = ()
    isolate: tuple[Stage, ...] = ()
    restore: tuple[Stage, ...] = ()
    validate_: tuple[Stage, ...] = Field(default=(), alias="validate")
    communicate: tuple[Stage, ...] = ()
    status: Literal["complete", "partial"] = "complete"

    def stages(self, phase: str) -> tuple[tuple[Step, ...], ...]:
        """Return a phase as stages, each a tuple of steps that run side by side."""
        stages: tuple[Stage, ...] = getattr(self, "validate_" if phase == "validate" else phase)
        return tuple(s.parallel if isinstance(s, Parallel) else (s,) for s in stages)

    def steps(self) -> tuple[Step, ...]:
        """Return every step of every phase, in order."""
        phases = ("assess", *PHASES)
        return tuple(step for p in phases for stage in self.stages(p) for step in stage)
