"""Plans: a procedure resolved for one run, with previews, and the digest that approvals bind to.

`flows.planning` makes them, `flows.decisions` walks through them, `bot` shows them.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from flows.gates import PLAN_SCOPE, Gate, Person, Slot
from flows.states import State

Json = Any
Scalar = str | int | float | bool
"""What a person gives a procedure for one of its inputs."""
LATE = "known after apply"
LATER = (
    "inputs",
    "blast_radius",
    "distinct_teams",
    "second_factor",
    "emergency",
    "objective",
)
"""Fields that plans of before they were kept do not have."""
UNSEEN = ""
"""Fingerprint of what could not be looked at when the plan was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """One before/after pair, masked.  `None` stands for "is not there"."""

    subject: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """How the gate of a step is to be opened, as the step's own class has it."""

    self_approval: bool
    distinct_teams: bool
    second_factor: bool
    decision_limit: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """One use of an action.  Times are seconds.

    `inputs` are concrete but for those named in `late`, which still hold their template and are
    resolved from earlier steps' outputs right before the step.  `follows` names earlier steps that
    change the very same thing.  `rules` are those of its gate; the plan's own where there are none.
    `every` is the time between the rounds of a step that is done again and again, else 0.
    """

    id: str
    title: str
    phase: State
    stage: int
    uses: str
    effect: str
    inputs: Mapping[str, Json]
    late: Mapping[str, tuple[str, ...]]
    when: str | None
    summary: str
    changes: tuple[PlannedChange, ...]
    warnings: tuple[str, ...]
    losses: str
    fingerprint: str
    in_place: bool
    touches: int
    budget: float
    within: float
    hold_for: float
    settle: float
    idempotent: bool
    undoable: bool
    skippable: bool
    required: bool
    needs: tuple[Slot, ...] = ()
    rules: GateRules | None = None
    follows: tuple[str, ...] = ()
    every: float = 0.0

    @property
    def window(self) -> float:
        """Seconds that it may take in all: a check its window, a change its budget."""
        return self.within if self.reads and self.within else self.budget

    @property
    def reads(self) -> bool:
        """Whether the step only looks."""
        return self.effect == "reads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """How the plan may begin before it is approved (break-glass), and what is owed for it.

    Whoever has one of `roles` may begin it; `notified` are called at once.  Limits are seconds.
    `barred` says why nobody may now: an earlier emergency of the system was never reviewed.
    """

    roles: tuple[str, ...]
    titles: tuple[str, ...]
    notified: tuple[Person, ...]
    notified_titles: tuple[str, ...]
    late_limit: float
    review: tuple[Slot, ...]
    review_limit: float
    barred: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What a recovery is measured against; seconds."""

    title: str
    rto: float
    rto_limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What people approve.  `digest` covers everything else in it.

    `outputs` are what the assessing steps found, `inputs` what the procedure was given;
    `phase_budgets` are seconds; `blast_radius` is the most objects that the steps may change, those
    included that are counted right before they are done.  What is None was not kept at that time.
    """

    procedure: str
    title: str
    because: str
    class_id: str
    class_title: str
    loses: str
    steps: tuple[PlannedStep, ...]
    needs: tuple[Slot, ...]
    self_approval: bool
    decision_limit: timedelta
    prepared_at: datetime
    expires_at: datetime
    phase_budgets: Mapping[str, float]
    outputs: Mapping[str, Json]
    inputs: Mapping[str, Json] | None = None
    blast_radius: int | None = None
    distinct_teams: bool = False
    second_factor: bool = False
    emergency: Emergency | None = None
    objective: Objective | None = None
    digest: str = ""

    def step(self, step_id: str) -> PlannedStep:
        """Return a step.  Raises `KeyError` where the plan has none of this id."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def stages(self, phase: State) -> tuple[tuple[PlannedStep, ...], ...]:
        """Return the steps of a phase, grouped into what runs side by side."""
        mine = [step for step in self.steps if step.phase is phase]
        numbers = sorted({step.stage for step in mine})
        return tuple(tuple(s for s in mine if s.stage == number) for number in numbers)

    def count(self, effect: str) -> int:
        """Return how many steps have an effect."""
        return sum(step.effect == effect for step in self.steps)


def seal(plan: Plan) -> Plan:
    """Return the plan with the digest over everything in it."""
    return replace(plan, digest=digest_of(plan))


def digest_of(plan: Plan) -> str:
    """Return the SHA-256 (hex) of the plan's canonical JSON, without its own digest."""
    body = asdict(plan)
    del body["digest"]
    for later in LATER:
        if body[later] in (None, False):
            del body[later]
    for step in body["steps"]:
        for later in ("rules", "follows", "every"):
            if not step[later]:
                del step[later]  # as above
    return sha256(canonical(body).encode()).hexdigest()


def canonical(value: Json) -> str:
    """Write a value as JSON in which equal values are equal bytes."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain
    )


def _plain(value: object) -> Json:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return dict(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form")


def gate_of(
    plan: Plan,
    scope: str,
    slots: tuple[Slot, ...],
    *,
    declarer: str,
    candidates: tuple[Person, ...],
) -> Gate:
    """Return the gate of the whole plan, or of one step; only who can fill a slot is listed."""
    covered = [step for step in plan.steps if scope in (PLAN_SCOPE, step.id)]
    rules = next((step.rules for step in covered if step.id == scope and step.rules), None)
    rules = rules or GateRules(
        self_approval=plan.self_approval,
        distinct_teams=plan.distinct_teams,
        second_factor=plan.second_factor,
        decision_limit=plan.decision_limit,
    )
    roles = {role for slot in slots for role in slot.any_of}
    return Gate(
        scope=scope,
        slots=slots,
        digest=plan.digest,
        declarer=declarer,
        self_approval=rules.self_approval,
        candidates=tuple(person for person in candidates if roles & set(person.roles)),
        opened_at=plan.prepared_at,
        decide_by=plan.prepared_at + rules.decision_limit,
        expires_at=plan.expires_at,
        distinct_teams=rules.distinct_teams,
        second_factor=rules.second_factor and any(s.effect == "destroys" for s in covered),
    )
