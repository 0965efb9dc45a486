"""A plan as plain text, the way people know it from Terraform: `backout plan`.

Pure text without colours; `bot.cli` adds them where there is a terminal.
"""

from collections.abc import Iterable, Sequence

from bot.views.plans import losses
from bot.wording.texts import capital, count, duration, one_line, sentence
from flows.gates import Slot
from flows.plans import LATE, Plan, PlannedChange, PlannedStep
from flows.states import State

MARKS = {"reads": " ", "changes": "~", "interrupts": "!", "destroys": "-"}
PHASES = (State.ISOLATE, State.RESTORE, State.VALIDATE, State.COMMUNICATE)
DIGEST_SHOWN = 12


def plan_text(plan: Plan, *, system: str = "", environment: str = "") -> str:
    """Return the plan; what changes is marked `~`, what appears `+`, what goes `-`."""
    where = ", ".join(part for part in (system, environment) if part)
    head = [
        one_line(plan.title) + (f" — {where}" if where else ""),
        f"  procedure  {plan.procedure} (class: {one_line(plan.class_title)})",
        f"  because    {one_line(plan.because)}",
        "",
        "  ~ changes   ! interrupts   - destroys   (no mark) only looks",
    ]
    body = [line for phase in PHASES for line in _phase(plan, phase)]
    return "\n".join([*head, *body, "", *_tail(plan)]) + "\n"


def _phase(plan: Plan, phase: State) -> list[str]:
    steps = [(n, step) for n, step in enumerate(plan.steps, 1) if step.phase is phase]
    if not steps:
        return []
    budget = plan.phase_budgets.get(phase.value)
    title = phase.value + (f" (budget {duration(budget)})" if budget else "")
    found = ["", title]
    for number, step in steps:
        found += [*_step(number, step, _beside(plan, step)), *_details(step)]
    return found


def _beside(plan: Plan, step: PlannedStep) -> bool:
    mates = [s for s in plan.steps if s.phase is step.phase and s.stage == step.stage]
    return len(mates) > 1


def _step(number: int, step: PlannedStep, beside: bool) -> list[str]:
    mark = MARKS.get(step.effect, "?")
    side = " ‖" if beside else "  "
    return [f"{side}{number:>3}. {mark} {one_line(step.title)}  [{step.uses}, {_time(step)}]"]


def _time(step: PlannedStep) -> str:
    parts = [f"up to {duration(step.window)}"]
    if step.hold_for:
        parts.append(f"holding {duration(step.hold_for)}")
    if step.every:
        parts.append(f"every {duration(step.every)}")
    if not step.required:
        parts.append("delays nothing")
    return ", ".join(parts)


def _details(step: PlannedStep) -> list[str]:
    said = one_line(step.summary)
    texts = [
        said if said and said != one_line(step.title) else "",
        "in place already, nothing to change" if step.in_place else "",
        *(_change(change) for change in step.changes),
        *(f"{name} = ({LATE}, from {', '.join(step.late[name])})" for name in step.late),
        f"only if {one_line(step.when)}" if step.when else "",
        f"loses: {one_line(step.losses)}" if step.losses else "",
        "can't be undone" if not step.undoable and not step.reads else "",
        *(f"warning: {one_line(warning)}" for warning in step.warnings),
        f"needs its own approval: {slots_text(step.needs)}" if step.needs else "",
    ]
    return [f"           {text}" for text in texts if text]


def _change(change: PlannedChange) -> str:
    subject = one_line(change.subject)
    if change.before is None:
        return f"+ {subject} = {one_line(change.after or '')}"
    if change.after is None:
        return f"- {subject} = {one_line(change.before)}"
    return f"~ {subject}: {one_line(change.before)} -> {one_line(change.after)}"


def slots_text(slots: Iterable[Slot]) -> str:
    """Write what must be approved by whom, in plain text."""
    return "; ".join(
        f"{slot.count} × {' or '.join(slot.titles or slot.any_of)} ({one_line(slot.why)})"
        for slot in slots
    )


def _tail(plan: Plan) -> Sequence[str]:
    lost = " ".join(sentence(capital(text)) for text in losses(plan))
    return [
        counts_text(plan),
        f"Loses: {lost or 'nothing'}",
        f"Needs: {slots_text(plan.needs)}{_restrictions(plan)}",
        f"Time to decide: {duration(plan.decision_limit.total_seconds())}",
        f"Digest: {plan.digest[:DIGEST_SHOWN]}",
    ]


def _restrictions(plan: Plan) -> str:
    teams = "; of different teams" if plan.distinct_teams else ""
    return teams if plan.self_approval else f"{teams}; not the declarer"


def counts_text(plan: Plan) -> str:
    """Write the counts, as Terraform's last line does."""
    return (
        f"Plan: {plan.count('changes')} to change, {plan.count('interrupts')} to interrupt, "
        f"{plan.count('destroys')} to destroy; {count(plan.count('reads'), 'step')} only "
        f"look{'s' if plan.count('reads') == 1 else ''}."
    )
