"""The modal "View plan": everything that an approver may want to know before saying yes.

Opened by the button of the same name and by `!incident plan`.  Shows the plan that the buttons
are bound to; the digest at its end is the one that they carry.
"""

from collections.abc import Sequence
from typing import Any

from bot.views import plans
from bot.views.approving import approved_lines, needs_line
from bot.views.blocks import Block, context, divider, header, lines, modal, section
from bot.views.forms import CALLBACK_PLAN
from bot.wording import signs
from bot.wording.approvals import needed
from bot.wording.texts import both, clock, code, count, duration, inline, sentence
from flows.plans import LATE, Plan, PlannedStep
from flows.runs import Run
from flows.states import State, StepState

STEPS_SHOWN = 80
STEP_LIMIT = 1_400
DIGEST_SHOWN = 12
PHASES = (State.ISOLATE, State.RESTORE, State.VALIDATE, State.COMMUNICATE)


def plan_modal(run: Run) -> dict[str, Any]:
    """Return the modal with the run's plan, or with why there is none."""
    if run.plan is None:
        return modal(title="No plan yet", blocks=_without(run), callback=CALLBACK_PLAN)
    return modal(
        title=f"Plan of {run.id}", blocks=plan_blocks(run, run.plan), callback=CALLBACK_PLAN
    )


def _without(run: Run) -> list[Block]:
    why = sentence(inline(run.blocked, 600)) or "It is still being worked out."
    return [section(f"{inline(run.id, 60)} has no plan. {why}\nThe card shows what is missing.")]


def plan_blocks(run: Run, plan: Plan) -> list[Block]:
    """Return the plan as blocks: why, what it costs, who must agree, every step."""
    blocks = [
        section(f"{plans.proposed(plan)}\n{_made(plan)}"),
        *lines([effects(plan), plans.loss_line(plan), *plans.warning_lines(plan, 8)]),
        *lines(_agreement(run, plan)),
    ]
    shown = 0
    for phase in PHASES:
        steps = [step for step in plan.steps if step.phase is phase]
        room = steps[: max(0, STEPS_SHOWN - shown)]
        shown += len(room)
        if room:
            blocks += [divider(), header(_phase_title(plan, phase)), *_steps(run, room, plan)]
    rest = len(plan.steps) - shown
    if rest > 0:
        more = count(rest, "more step")
        blocks.append(context(f"… and {more}. All of them: `backout show {inline(run.id, 60)}`"))
    return [*blocks, divider(), context(digest_line(plan))]


def _made(plan: Plan) -> str:
    made = f"Made {clock(plan.prepared_at)}, void after {clock(plan.expires_at)}."
    return f"Procedure {code(plan.procedure, 60)}, class {inline(plan.class_title, 80)}. {made}"


def effects(plan: Plan) -> str:
    """Count what the steps do: `1 changes · 0 interrupts · 0 destroys · 4 only look`."""
    words = [
        f"{plan.count(effect)} {word}"
        for effect, word in (
            ("changes", "to change"),
            ("interrupts", "to interrupt"),
            ("destroys", "to destroy"),
            ("reads", "only to look"),
        )
    ]
    return f"{count(len(plan.steps), 'step')}: {', '.join(words)}."


def _agreement(run: Run, plan: Plan) -> list[str]:
    gate = run.gate
    if gate is None or gate.digest != plan.digest:
        return [f"Needs: {needed(plan.needs)}"]
    return [needs_line(gate, run.declarer), *approved_lines(run, gate)]


def _phase_title(plan: Plan, phase: State) -> str:
    budget = plan.phase_budgets.get(phase.value)
    return signs.PHASES[phase] + (f", {duration(budget)}" if budget else "")


def _steps(run: Run, steps: Sequence[PlannedStep], plan: Plan) -> list[Block]:
    blocks: list[Block] = []
    for step in steps:
        blocks += lines(_step_lines(run, step, plan), STEP_LIMIT, "{} more lines")
    return blocks


def _step_lines(run: Run, step: PlannedStep, plan: Plan) -> list[str]:
    number = plan.steps.index(step) + 1
    return [
        f"*{number}. {inline(step.title.replace('*', '∗'), 120)}*{_standing(run, step)}",
        f"{code(step.uses, 80)} · {_effect(step)} · {_time(step)}",
        _summary(step),
        *(f"~ {plans.pair(change)}" for change in step.changes[:8]),
        _more_changes(step),
        *(f"{code(name, 60)}: {LATE}, from {_sources(step, plan, name)}" for name in step.late),
        f"Only if {code(step.when, 200)}" if step.when else "",
        f"*Loses:* {inline(step.losses, 400)}" if step.losses else "",
        *(f"*Warning:* {inline(warning, 240)}" for warning in step.warnings[:4]),
        f"*Needs its own approval:* {needed(step.needs)}" if step.needs else "",
    ]


def _standing(run: Run, step: PlannedStep) -> str:
    record = run.steps.get(step.id)
    if record is None or record.state is StepState.PENDING:
        return ""
    sign = signs.STEPS[record.state]
    return f" — {sign.icon} {sign.word}"


def _effect(step: PlannedStep) -> str:
    word = signs.EFFECTS.get(step.effect, step.effect)
    if step.reads:
        return word
    touched = f" {count(step.touches, 'object')}" if step.touches else ""
    undo = "" if step.undoable else ", *can't be undone*"
    return f"*{inline(word, 20)}*{touched}{undo}"


def _time(step: PlannedStep) -> str:
    parts = [f"up to {duration(step.window)}"]
    if step.hold_for:
        parts.append(f"must hold for {duration(step.hold_for)}")
    if step.every:
        parts.append(f"again every {duration(step.every)}")
    if not step.required:
        parts.append("delays nothing")
    return ", ".join(parts)


def _summary(step: PlannedStep) -> str:
    said = inline(step.summary, 300)
    if step.in_place:
        return f"{said} — in place already, nothing to change" if said else "In place already"
    return said if step.summary != step.title and not step.late else ""


def _more_changes(step: PlannedStep) -> str:
    rest = len(step.changes) - 8
    return f"… and {count(rest, 'more change')}" if rest > 0 else ""


def _sources(step: PlannedStep, plan: Plan, name: str) -> str:
    """Name the steps whose output an input waits for, by title where they are in the plan."""
    titles = {one.id: one.title for one in plan.steps}
    found = [inline(titles.get(source, source), 90) for source in step.late[name]]
    return both(found) or "an earlier step"


def digest_line(plan: Plan) -> str:
    """Say what approvals are bound to."""
    return (
        f"Digest {code(plan.digest[:DIGEST_SHOWN])}: approvals count for exactly this plan. "
        "If anything in it changes, people are asked again."
    )
