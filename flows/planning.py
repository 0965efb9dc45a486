"""Planning: a procedure made into a plan against the live estate.

Called by the driver through `bot.wiring`, and by `backout plan`.  Reads only: every step is
previewed, nothing is changed.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from config import templates
from config.models.bundles import Bundle
from config.models.policies import AuthorizationClass
from config.models.procedures import PHASES, Procedure
from config.models.procedures import Step as ProcedureStep
from flows import authorizing, events, losing
from flows import inputs as inputs_of
from flows.actions import Action, ActionError, Effect, Preview, Refuted
from flows.commands import PreparePlan
from flows.contexts import namespace
from flows.events import Event
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, Person
from flows.looks import Looks, output_of
from flows.plans import (
    UNSEEN,
    Emergency,
    GateRules,
    Objective,
    Plan,
    PlannedChange,
    PlannedStep,
    seal,
)
from flows.runs import Run
from flows.states import State

log = logging.getLogger(__name__)
DEFAULT_BUDGET = 60.0
LATE_STEP = "steps."
ROUND = "round"


class PlanningError(Exception):
    """No plan can be made.  The message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A procedure on its way to a plan; `values` is the namespace of its templates."""

    run: Run
    bundle: Bundle
    procedure: Procedure
    because: str
    outputs: Mapping[str, Mapping[str, Any]]
    values: Mapping[str, Any]
    goes_back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A step and where in the plan it stands."""

    step: ProcedureStep
    phase: State
    stage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolved:
    """A step's action, its inputs as far as they are known, and what it would change."""

    action: Action
    inputs: Mapping[str, Any]
    late: Mapping[str, tuple[str, ...]]
    preview: Preview
    losses: str


class Planner:
    """Turns procedures into plans."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        looks: Looks,
        slack_of: authorizing.SlackOf,
        roles_now: authorizing.RolesNow | None = None,
        owing: Callable[[str], Iterable[Run]] = lambda _: (),
    ) -> None:
        self._clock = clock
        self._looks = looks
        self._slack_of = slack_of
        self._roles_now = roles_now
        self._owing = owing

    async def prepare(self, run: Run, command: PreparePlan) -> Event:
        """Return the plan of a procedure, or why there is none."""
        try:
            plan = await self.plan(run, command.procedure, command.because, command.inputs)
        except PlanningError as error:
            return events.PlanFailed(planning=command.planning, why=str(error))
        except Exception as error:
            log.exception("%s: planning %s failed unexpectedly", run.id, command.procedure)
            why = f"Planning failed on an unexpected {type(error).__name__}: see the log."
            return events.PlanFailed(planning=command.planning, why=why)
        candidates = await self._candidates(self._looks.bundles[run.system])
        return events.PlanPrepared(planning=command.planning, plan=plan, candidates=candidates)

    async def _candidates(self, bundle: Bundle) -> tuple[Person, ...]:
        if self._roles_now is None:
            return authorizing.people_of(bundle, self._slack_of)
        return authorizing.people_of(bundle, self._slack_of, await self._roles_now(bundle))

    async def plan(
        self,
        run: Run,
        procedure_id: str,
        because: str,
        given: Mapping[str, Any] | None = None,
    ) -> Plan:
        """Resolve a procedure against the live estate; `given` replaces inputs' defaults.

        Raises `PlanningError` with a sentence for people.
        """
        bundle = self._looks.bundles[run.system]
        procedure = bundle.procedures.get(procedure_id)
        if procedure is None:
            known = ", ".join(bundle.procedures)
            raise PlanningError(f"{run.system} has no procedure “{procedure_id}”; it has: {known}.")
        inputs = {name: each.default for name, each in procedure.inputs.items()}
        inputs |= dict(given or {})
        _check_inputs(procedure, given or {})
        outputs = await self._assess(run, bundle, procedure, inputs)
        values = namespace(bundle.system, run, inputs=inputs, outputs=outputs)
        draft = _Draft(
            run=run,
            bundle=bundle,
            procedure=procedure,
            because=because,
            outputs=outputs,
            values=values,
            goes_back=_goes_back(bundle, procedure, values, self._clock()),
        )
        _check_names(procedure)
        steps = await self._steps(draft)
        _check_blast_radius(procedure, steps)
        people, now = await self._candidates(bundle), self._clock()
        rules = authorizing.emergency(bundle, people, self._owing(run.system), now)
        return _sealed(draft, steps, rules, now)

    async def _assess(
        self, run: Run, bundle: Bundle, procedure: Procedure, inputs: Mapping[str, Any]
    ) -> dict[str, Mapping[str, Any]]:
        outputs: dict[str, Mapping[str, Any]] = {}
        for stage in procedure.stages("assess"):
            values = namespace(bundle.system, run, inputs=inputs, outputs=outputs)
            found = await asyncio.gather(*(self._assessed(run, s, values) for s in stage))
            outputs |= dict(found)
        return outputs

    async def _assessed(
        self, run: Run, step: ProcedureStep, values: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        try:
            verdict = await self._looks.look(run, step.id, step.uses, step.with_, values)
            if isinstance(verdict, Refuted):
                raise PlanningError(f"“{step.title}”: {verdict.why}")
            return step.id, output_of(verdict)
        except (ActionError, templates.TemplateError, ValidationError) as error:
            raise PlanningError(f"“{step.title}” could not look: {error}") from error

    async def _steps(self, draft: _Draft) -> tuple[PlannedStep, ...]:
        """Preview every step side by side; nothing changes meanwhile."""
        places = [
            _Place(step=step, phase=State(phase), stage=number)
            for phase in PHASES
            for number, stage in enumerate(draft.procedure.stages(phase))
            for step in stage
            if not inputs_of.rule_out(step, draft.values)
        ]
        resolved = await asyncio.gather(*(self._resolve(draft, p.step) for p in places))
        there = {place.step.id for place in places}
        return tuple(
            _planned(draft, place, found, there)
            for place, found in zip(places, resolved, strict=True)
        )

    async def _resolve(self, draft: _Draft, step: ProcedureStep) -> _Resolved:
        action = self._looks.registry.find(step.uses)
        late = _late_inputs(step, set(draft.values["steps"]))
        try:
            now = {name: value for name, value in step.with_.items() if name not in late}
            inputs = templates.render_inputs(now, draft.values)
            if late:
                inputs |= {name: step.with_[name] for name in late}
                preview = Preview(summary=_late_summary(late), fingerprint=UNSEEN)
            else:
                model = action.Inputs.model_validate(inputs)
                inputs = model.model_dump(mode="json")
                preview = await self._previewed(draft, step, action, model)
            losses = _losses(step, preview, draft)
        except (ActionError, templates.TemplateError) as error:
            raise PlanningError(f"“{step.title}” can't be done: {error}") from error
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise PlanningError(f"“{step.title}”: {place}: {problem['msg']}") from error
        return _Resolved(action=action, inputs=inputs, late=late, preview=preview, losses=losses)

    async def _previewed(
        self, draft: _Draft, step: ProcedureStep, action: Action, inputs: Any
    ) -> Preview:
        """Preview a step; what is not required and can't be seen now prevents no plan."""
        try:
            return await self._looks.preview(draft.run, step.id, action, inputs, draft.values)
        except ActionError as error:
            if step.required or action.effect not in (Effect.READS, Effect.CHANGES):
                raise
            return Preview(
                summary="What it would change can't be seen now",
                fingerprint=UNSEEN,
                warnings=(f"It is tried nevertheless, and delays nothing: {error}",),
            )


def _planned(draft: _Draft, place: _Place, found: _Resolved, there: Collection[str]) -> PlannedStep:
    bundle, step, action, preview = draft.bundle, place.step, found.action, found.preview
    budget = step.budget.total_seconds() if step.budget else DEFAULT_BUDGET
    return PlannedStep(
        id=step.id,
        title=step.title,
        phase=place.phase,
        stage=place.stage,
        uses=step.uses,
        effect=str(action.effect),
        inputs=found.inputs,
        late=found.late,
        when=inputs_of.condition_left(step, draft.values),
        summary=preview.summary,
        changes=tuple(
            PlannedChange(subject=c.subject, before=c.before, after=c.after)
            for c in preview.changes
        ),
        warnings=preview.warnings,
        losses=found.losses,
        fingerprint=preview.fingerprint,
        in_place=preview.in_place,
        touches=preview.touches,
        budget=budget,
        within=step.within.total_seconds() if step.within else 0.0,
        hold_for=step.hold_for.total_seconds() if step.hold_for else 0.0,
        settle=budget if action.settle is None else min(action.settle, budget),
        idempotent=action.idempotent,
        undoable=action.undoable,
        skippable=step.skippable,
        required=step.required,
        needs=authorizing.class_slots(bundle, step.gate) if step.gate else (),
        follows=tuple(each for each in step.follows if each in there),
        every=step.every.total_seconds() if step.every else 0.0,
        rules=_rules(authorizing.authorization_class(bundle, step.gate)) if step.gate else None,
    )


def _losses(step: ProcedureStep, preview: Preview, draft: _Draft) -> str:
    """Join what the procedure says is lost with what the action sees: a late one sees nothing."""
    if preview.in_place:
        return preview.losses
    said = templates.render(step.loses, draft.values) if step.loses else ""
    whole = draft.goes_back if step.loses else ""
    return "; ".join(each for each in (said, preview.losses, whole) if each)


def _whole_loss(draft: _Draft, steps: Sequence[PlannedStep]) -> str:
    """Return what the procedure loses, with how far data go back where no step says that."""
    said = any(draft.goes_back in step.losses for step in steps)
    parts = (draft.procedure.loses, "" if said else draft.goes_back)
    return " ".join(each for each in parts if each)


def _goes_back(
    bundle: Bundle, procedure: Procedure, values: Mapping[str, Any], now: datetime
) -> str:
    try:
        return losing.told(procedure, bundle.policy.recovery_points, values, now)
    except templates.TemplateError as error:
        raise PlanningError(f"How far data go back can't be told: {error}.") from error


def _rules(kind: AuthorizationClass) -> GateRules:
    return GateRules(
        self_approval=kind.self_approval,
        distinct_teams=kind.distinct_teams,
        second_factor=kind.second_factor,
        decision_limit=kind.limit,
    )


def _sealed(
    draft: _Draft, steps: tuple[PlannedStep, ...], rules: Emergency | None, now: datetime
) -> Plan:
    bundle, policy = draft.bundle, draft.bundle.policy
    kind = authorizing.authorization_class(bundle, draft.procedure.class_)
    limits = policy.phase_budgets | draft.procedure.phase_budgets
    budgets = {phase: limit.total_seconds() for phase, limit in limits.items()}
    return seal(
        Plan(
            procedure=draft.procedure.procedure,
            title=draft.procedure.title,
            because=draft.because,
            class_id=kind.id,
            class_title=kind.title,
            loses=_whole_loss(draft, steps),
            steps=steps,
            needs=authorizing.plan_slots(bundle, kind.id, draft.values),
            self_approval=kind.self_approval,
            distinct_teams=kind.distinct_teams,
            second_factor=kind.second_factor,
            decision_limit=kind.limit,
            prepared_at=now,
            expires_at=now + (draft.procedure.plan_valid_for or policy.plan_valid_for),
            phase_budgets=budgets,
            outputs=draft.outputs,
            inputs=draft.values["inputs"],
            blast_radius=draft.procedure.blast_radius,
            emergency=rules,
            objective=objective_of(bundle, draft.procedure),
        )
    )


def objective_of(bundle: Bundle, procedure: Procedure) -> Objective:
    """Return what a procedure is measured against."""
    target = next(each for each in bundle.policy.targets if each.id == procedure.target)
    return Objective(
        title=target.title,
        rto=target.rto.total_seconds(),
        rto_limit=target.rto_limit.total_seconds(),
    )


def _late_inputs(step: ProcedureStep, known: set[str]) -> dict[str, tuple[str, ...]]:
    """Return the inputs that need an earlier step's output, with the steps they come from."""
    late: dict[str, tuple[str, ...]] = {}
    for name, value in step.with_.items():
        read = [each for text in _texts(value) for each in templates.references(text)]
        sources = {each.split(".")[1] for each in read if each.startswith(LATE_STEP)} - known
        if step.every is not None:
            sources |= {each for each in read if each == ROUND}
        if sources:
            late[name] = tuple(sorted(sources))
    return late


def _texts(value: Any) -> Sequence[str]:
    match value:
        case str():
            return (value,)
        case dict():
            return tuple(text for item in value.values() for text in _texts(item))
        case list() | tuple():
            return tuple(text for item in value for text in _texts(item))
        case _:
            return ()


def _late_summary(late: Mapping[str, tuple[str, ...]]) -> str:
    sources = sorted({source for names in late.values() for source in names})
    return f"known after {', '.join(sources)}"


def _check_inputs(procedure: Procedure, given: Mapping[str, Any]) -> None:
    if names := inputs_of.lacking(procedure, given):
        told = "; ".join(f"{name} ({procedure.inputs[name].description})" for name in names)
        example = " ".join(f"{name}=…" for name in names)
        raise PlanningError(
            f"“{procedure.title}” needs to know more: {told}. "
            f"Write `!incident plan {procedure.procedure} {example}`."
        )


def _check_names(procedure: Procedure) -> None:
    """Refuse a step whose gate would be taken for the gate of the whole plan."""
    for step in procedure.steps():
        if step.id in (PLAN_SCOPE, REVIEW_SCOPE):
            raise PlanningError(
                f"A step of {procedure.procedure} has the id “{step.id}”, which stands for the "
                "whole plan (or its review) where people approve: give the step another id."
            )


def _check_blast_radius(procedure: Procedure, steps: Sequence[PlannedStep]) -> None:
    touched = sum(step.touches for step in steps)
    if procedure.blast_radius is not None and touched > procedure.blast_radius:
        raise PlanningError(
            f"It would change {touched} objects; {procedure.procedure} may change at most "
            f"{procedure.blast_radius} (blast_radius)."
        )
