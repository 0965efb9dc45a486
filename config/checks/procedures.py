"""`procedures/*.yaml` and `messages/*.md`: steps in an order in which they can be done."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from config.checks import scopes
from config.checks.actions import MESSAGE, Use, check_use
from config.checks.catalogs import ActionCatalog, KnowsOutputs
from config.checks.notes import Notes
from config.checks.scopes import Scope
from config.documents import Trail
from config.models.procedures import PHASES, Parallel, Procedure, Step

ORDER = ("assess", *PHASES)
REPEATED = ("isolate", "restore", "validate")
MOST_OFTEN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A step, where it stands in the file, and when its turn comes."""

    step: Step
    trail: Trail
    turn: tuple[int, int]


def check(notes: Notes, actions: ActionCatalog) -> None:
    """Note every problem of a system's procedures and messages."""
    for procedure in notes.bundle.procedures.values():
        _check_procedure(notes, procedure, actions)
    _check_unsent_messages(notes)


def placed(procedure: Procedure) -> Iterator[Placed]:
    """Yield every step with its place and turn."""
    for number, phase in enumerate(ORDER):
        stages = getattr(procedure, "validate_" if phase == "validate" else phase)
        for index, stage in enumerate(stages):
            turn = (number, index)
            if isinstance(stage, Parallel):
                for beside, step in enumerate(stage.parallel):
                    trail = (phase, index, "parallel", beside)
                    yield Placed(step=step, trail=trail, turn=turn)
            else:
                yield Placed(step=stage, trail=(phase, index), turn=turn)


def _check_procedure(notes: Notes, procedure: Procedure, actions: ActionCatalog) -> None:
    file = f"procedures/{procedure.procedure}.yaml"
    policy = notes.bundle.policy
    classes = [kind.id for kind in policy.authorization.classes]
    notes.must_exist(file, ("class",), "authorization class", procedure.class_, classes)
    targets = [target.id for target in policy.targets]
    notes.must_exist(file, ("target",), "target", procedure.target, targets)
    for phase in procedure.phase_budgets:
        if phase not in PHASES:
            notes.must_exist(file, ("phase_budgets", phase), "phase", phase, PHASES)
    steps = tuple(placed(procedure))
    notes.must_differ(file, "step", (((*each.trail, "id"), each.step.id) for each in steps))
    outputs = _outputs(steps, actions)
    assessed = frozenset(step.id for stage in procedure.stages("assess") for step in stage)
    given = {name: each.default for name, each in procedure.inputs.items()}
    known = {name: value for name, value in given.items() if value is not None}
    if procedure.returns_to is not None:
        planned = _when_planned(notes, procedure, assessed, outputs)
        scopes.check_template(notes, file, ("returns_to",), procedure.returns_to, planned)
    for each in steps:
        scope = _scope(notes, procedure, steps, each, outputs)
        use = Use(
            file=file,
            trail=each.trail,
            uses=each.step.uses,
            inputs=each.step.with_,
            scope=scope,
            given=known,
        )
        check_use(notes, use, actions)
        before = [other.step.id for other in steps if other.turn < each.turn]
        for number, name in enumerate(each.step.follows):
            where = (*each.trail, "follows", number)
            notes.must_exist(file, where, "earlier step", name, before)
        _check_step(notes, file, each, scope, classes)
        planned = replace(scope, roots={**scope.roots, "steps": assessed})
        scopes.check_templates(notes, file, (*each.trail, "loses"), each.step.loses, planned)


def _check_step(notes: Notes, file: str, each: Placed, scope: Scope, classes: list[str]) -> None:
    step, trail = each.step, each.trail
    if step.when is not None:
        scopes.check_expression(notes, file, (*trail, "when"), step.when, scope)
    if step.gate is not None:
        notes.must_exist(file, (*trail, "gate"), "authorization class", step.gate, classes)
    if step.hold_for is not None and (step.within is None or step.hold_for >= step.within):
        message = "a check can't hold for longer than it may take: `within` must be more"
        notes.add(file, (*trail, "hold_for"), message)
    if step.every is not None:
        _check_repeated(notes, file, each)
    message_name = step.with_.get(MESSAGE)
    if isinstance(message_name, str) and message_name in notes.bundle.messages:
        scopes.check_message(notes, message_name, scope)


def _check_repeated(notes: Notes, file: str, each: Placed) -> None:
    step, trail = each.step, (*each.trail, "every")
    if each.trail[0] not in REPEATED:
        notes.add(file, trail, f"only steps of {', '.join(REPEATED)} are done again and again")
    if step.every is not None and step.every < MOST_OFTEN:
        notes.add(file, trail, "a minute is the least")
    if step.required or step.gate is not None:
        message = "what is done again and again must be `required: false`, and has no gate"
        notes.add(file, trail, message)


def _scope(
    notes: Notes,
    procedure: Procedure,
    steps: tuple[Placed, ...],
    here: Placed,
    outputs: Mapping[str, frozenset[str]],
) -> Scope:
    """Return what a step may read: everything, but only steps that are done by then.

    What is done again and again comes a while after its stage, so it may read what runs beside it.
    """
    done = frozenset(each.step.id for each in steps if _is_done(each, here))
    return Scope(
        roots={
            **scopes.base(notes),
            "facts": scopes.facts(notes),
            "inputs": frozenset(procedure.inputs),
            "steps": done,
            "outcome": None,
            **({"round": None} if here.step.every else {}),
        },
        later={each.step.id: _when(each, here) for each in steps if each.step.id not in done},
        outputs=outputs,
    )


def _when_planned(
    notes: Notes,
    procedure: Procedure,
    assessed: frozenset[str],
    outputs: Mapping[str, frozenset[str]],
) -> Scope:
    """Return what the plan itself may read: what is known before its first step."""
    return Scope(
        roots={
            **scopes.base(notes),
            "facts": scopes.facts(notes),
            "inputs": frozenset(procedure.inputs),
            "steps": assessed,
        },
        outputs=outputs,
    )


def _is_done(other: Placed, here: Placed) -> bool:
    if here.step.every is None or other.step.id == here.step.id:
        return other.turn < here.turn
    return other.turn <= here.turn


def _when(other: Placed, here: Placed) -> str:
    if other.step.id == here.step.id:
        return "is this step itself"
    return "runs beside this one" if other.turn == here.turn else "runs after this one"


def _outputs(steps: tuple[Placed, ...], actions: ActionCatalog) -> dict[str, frozenset[str]]:
    if not isinstance(actions, KnowsOutputs):
        return {}
    names = actions.names()
    used = [each.step for each in steps if each.step.uses in names]
    return {step.id: frozenset(actions.outputs(step.uses)) for step in used}


def _check_unsent_messages(notes: Notes) -> None:
    """Check messages that no step sends against every step that there is."""
    procedures = notes.bundle.procedures.values()
    steps = [step for procedure in procedures for step in procedure.steps()]
    sent = {step.with_.get(MESSAGE) for step in steps}
    scope = Scope(
        roots={
            **scopes.base(notes),
            "facts": scopes.facts(notes),
            "inputs": frozenset(name for p in procedures for name in p.inputs),
            "steps": frozenset(step.id for step in steps),
            "outcome": None,
            "round": None,
        }
    )
    for name in notes.bundle.messages:
        if name not in sent:
            scopes.check_message(notes, name, scope)
