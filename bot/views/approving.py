"""The card's parts around a gate: what is proposed, who has approved, the buttons."""

from datetime import datetime

from bot.views import plans
from bot.views.blocks import Block, Element, actions, confirm, lines
from bot.views.controls import Act, Control, button, short_digest
from bot.wording import emergencies
from bot.wording.approvals import approvals, slot_titles, title_in, waiting
from bot.wording.situations import asked_for, waiting_steps
from bot.wording.texts import bold, clock, inline
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, Gate, Person
from flows.plans import Plan
from flows.runs import Run
from flows.states import State

APPROVALS_SHOWN = 8
GATES_SHOWN = 4


def proposal_blocks(run: Run) -> list[Block]:
    """Return the proposal: what, why, what changes, what is lost, who must agree."""
    plan, gate = run.plan, run.gate
    if plan is None or gate is None:
        return []
    texts = [
        plans.proposed(plan),
        *plans.change_lines(plan),
        plans.loss_line(plan),
        *plans.warning_lines(plan),
        needs_line(gate, run.declarer),
        *approved_lines(run, gate),
    ]
    return lines(texts)


def needs_line(gate: Gate, declarer: str) -> str:
    """Say what a gate asks for, and who may not be the one (nobody, where a trigger declared)."""
    asked = [f"{slot_titles(slot)} ({inline(slot.why, 120)})" for slot in gate.slots[:6]]
    is_barred = declarer and not gate.self_approval
    other = f" — not by {inline(declarer, 80)}, who declared" if is_barred else ""
    teams = ", of different teams" if gate.distinct_teams else ""
    return f"Needs: {' and '.join(asked)}{teams}{other}"


def approved_lines(run: Run, gate: Gate) -> list[str]:
    """Return who has approved so far."""
    given = approvals(gate, run.decisions)[:APPROVALS_SHOWN]
    return [f"✓ {by} — approved" for by in (_who(gate, d.person, d.at) for d in given)]


def approved_by(run: Run) -> str:
    """Say who approved the plan that is performed."""
    if run.gate is None:
        return ""
    given = approvals(run.gate, run.decisions)[:APPROVALS_SHOWN]
    return ", ".join(_who(run.gate, d.person, d.at) for d in given)


def _who(gate: Gate, person: Person, at: datetime) -> str:
    title = title_in(gate, person)
    role = f"{inline(title, 60)}, " if title else ""
    return f"{inline(person.name, 80)} ({role}{clock(at)})"


def approve_buttons(run: Run, gate: Gate) -> list[Element]:
    """Return [Approve] and [Deny…] of a gate, bound to the digest that is shown."""
    digest = short_digest(gate.digest)
    yes = Control(act=Act.APPROVE, incident=run.id, scope=gate.scope, digest=digest)
    no = Control(act=Act.DENY, incident=run.id, scope=gate.scope, digest=digest)
    ask = loss_dialog(run, gate)
    style = None if ask else "primary"
    return [button(yes, "Approve", style=style, confirm=ask), button(no, "Deny…")]


def loss_dialog(run: Run, gate: Gate) -> Element | None:
    """Return the dialog that names the loss, or None where nothing is lost."""
    plan = run.plan
    if plan is None:
        return None
    if gate.scope == PLAN_SCOPE:
        return _dialog(plans.once_more(plan)) if plans.loses_data(plan) else None
    if gate.scope == REVIEW_SCOPE:
        return None
    step = plan.step(gate.scope)
    if step.effect != "destroys" and not step.losses:
        return None
    return _dialog(f"{step.title}: {step.losses or plans.once_more(plan)}")


def _dialog(text: str) -> Element:
    return confirm(
        title="Approve, and lose this?",
        text=text,
        yes="Approve the loss",
        no="Not yet",
        danger=True,
    )


def view_plan(run: Run) -> Element | None:
    """Return [View plan]."""
    if run.plan is None:
        return None
    return button(Control(act=Act.VIEW_PLAN, incident=run.id), "View plan")


def plan_buttons(run: Run) -> list[Block]:
    """Return the buttons under a proposal."""
    if run.gate is None:
        return []
    front = [*approve_buttons(run, run.gate), hold_back(run)]
    return actions([*front, view_plan(run), break_glass(run)])


def hold_back(run: Run) -> Element | None:
    """Return [Hold], where the plan is about to begin by itself."""
    if run.will_begin_at is None:
        return None
    return button(Control(act=Act.HOLD, incident=run.id), "Hold")


def break_glass(run: Run) -> Element | None:
    """Return [Break glass…], where the policy lets somebody begin the plan before its approval."""
    if run.plan is None or run.plan.emergency is None or run.state is not State.APPROVE:
        return None
    digest = short_digest(run.plan.digest)
    return button(
        Control(act=Act.BREAK_GLASS, incident=run.id, digest=digest), "Break glass…", style="danger"
    )


def early_blocks(run: Run, now: datetime) -> list[Block]:
    """Return what is still wanted for a plan that was begun before it was approved."""
    if not run.begun_early or run.gate is None:
        return []
    said = lines([emergencies.begun_early(run, now), *approved_lines(run, run.gate)])
    is_open = waiting(run.gate, run.decisions, now) is not None
    return [*said, *(actions(approve_buttons(run, run.gate)) if is_open else [])]


def review_blocks(run: Run, now: datetime) -> list[Block]:
    """Return what is owed for an emergency, and who pays it, until it is paid."""
    debt = run.debt
    if debt is None or not run.ended:
        return []
    said = lines([emergencies.owed(run, now)])
    if debt.paid_at is not None:
        return said
    control = Control(
        act=Act.APPROVE,
        incident=run.id,
        scope=REVIEW_SCOPE,
        digest=short_digest(debt.gate.digest),
    )
    return [*said, *actions([button(control, "Reviewed"), view_plan(run)])]


def step_gate_blocks(run: Run, now: datetime) -> list[Block]:
    """Return what each waiting step needs, with its own buttons."""
    blocks: list[Block] = []
    for number, scope in enumerate(waiting_steps(run)[:GATES_SHOWN]):
        gate = run.gate_of(scope)
        if gate is None or run.plan is None:
            continue
        step = run.plan.step(scope)
        texts = [
            f"*Approval for* {bold(step.title, 120)}",
            *plans.step_change_lines(step),
            f"Loses: {inline(step.losses, 500) or 'nothing'}",
            needs_line(gate, run.declarer),
            asked_for(run, gate, now) if number else "",  # the card's second line has the first
            *approved_lines(run, gate),
        ]
        blocks += [*lines(texts, 1_500), *actions(approve_buttons(run, gate))]
    return blocks


def digest_note(plan: Plan) -> str:
    """Say which plan the buttons belong to."""
    return f"Plan {inline(plan.digest[:12], 12)}: approvals count for exactly this one."
