"""The App Home: what waits for me first, then what is open, then what I could start.

Published by `bot.slack.homes`.  A person may be somebody else in every system, so it is asked
for a mapping.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.views import limits, plans
from bot.views.approving import approve_buttons, review_blocks, view_plan
from bot.views.assessing import question_blocks
from bot.views.blocks import Block, actions, capped, context, divider, header, section, within_bytes
from bot.views.controls import Act, Control, button
from bot.views.declare_modal import SystemChoice
from bot.wording import situations
from bot.wording.approvals import waiting
from bot.wording.refusals import listed_as
from bot.wording.replies import channel_link
from bot.wording.texts import bold, both, clock, count, inline
from flows.gates import PLAN_SCOPE, Gate, Person
from flows.runs import Run
from flows.states import State

RUNS_SHOWN = 15
SYSTEMS_SHOWN = 10


def home(
    runs: Sequence[Run],
    people: Mapping[str, Person],
    now: datetime,
    *,
    systems: Sequence[SystemChoice] = (),
    control: Mapping[str, Sequence[str]] | None = None,
    owing: Sequence[Run] = (),
) -> dict[str, Any]:
    """Return the Home of one user.

    `runs` are the open ones, `people` who the user is by system (absent where not listed),
    `control` the roles that steer a run, by system; `owing` are those that owe a review.
    """
    mine = [block for run in runs for block in _wanted(run, people, now, control or {})]
    mine += [block for run in owing for block in _owed(run, people, now)]
    blocks = [
        header("Waiting for you"),
        *(mine or [section(_nothing(people))]),
        *actions([button(Control(act=Act.DECLARE), "Declare an incident…")]),
        divider(),
        header("Open incidents"),
        *_open(runs, now),
        divider(),
        header("Systems"),
        *_systems(systems, people),
        context(f"As of {clock(now)} · commands: `!incident help` in any channel I am in"),
    ]
    return {"type": "home", "blocks": within_bytes(capped(blocks, limits.VIEW_BLOCKS))}


def _nothing(people: Mapping[str, Person]) -> str:
    if people:
        return "Nothing waits for you."
    return (
        "Nothing waits for you. You are not listed in any system's people.yaml, so you can't "
        "approve. Every full member of the workspace can declare, and note what they know."
    )


def _wanted(
    run: Run, people: Mapping[str, Person], now: datetime, control: Mapping[str, Sequence[str]]
) -> list[Block]:
    person = people.get(run.system)
    if person is None or run.ended:
        return []
    found = [block for gate in _gates(run) for block in _gate(run, gate, person, now)]
    steers = not set(control.get(run.system, ())).isdisjoint(person.roles)
    if not (steers or person.id == run.lead.id):
        return found
    if run.state is State.HOLD:
        head = f"*{situations.title(run)}* · {channel_link(run)}\n{situations.held(run)}"
        return [*found, section(f"{head}\nPlease say there what happens next.")]
    if run.state is State.ASSESS and situations.unanswered(run):
        head = f"*{situations.title(run)}* · {channel_link(run)}"
        asked = question_blocks(run, answered=False)
        return [*found, section(f"{head}\n{situations.situation(run, now)}"), *asked]
    return found


def _owed(run: Run, people: Mapping[str, Person], now: datetime) -> list[Block]:
    """Return the review that an ended incident owes, to those who can pay it."""
    person = people.get(run.system)
    if person is None or run.debt is None or not run.ended:
        return []
    wait = waiting(run.debt.gate, run.debt.decisions, now)
    if wait is None or person.id not in {p.id for p in wait.people}:
        return []
    head = f"*{situations.title(run)}* · {channel_link(run)}"
    return [section(head), *review_blocks(run, now)]


def _gates(run: Run) -> list[Gate]:
    if run.state is State.APPROVE and run.gate:
        return [run.gate]
    gates = [run.gate_of(scope) for scope in situations.waiting_steps(run)]
    return [gate for gate in gates if gate]


def _gate(run: Run, gate: Gate, person: Person, now: datetime) -> list[Block]:
    wait = waiting(gate, run.decisions, now)
    if wait is None or run.plan is None or person.id not in {p.id for p in wait.people}:
        return []
    what = plans.proposed(run.plan)
    if gate.scope != PLAN_SCOPE:
        step = run.plan.step(gate.scope)
        what = f"Step {bold(step.title, 120)} — loses: {inline(step.losses, 300) or 'nothing'}"
    head = f"*{situations.title(run)}* · {channel_link(run)}"
    text = f"{head}\n{what}\n{situations.asked_for(run, gate, now)}"
    return [section(text), *actions([*approve_buttons(run, gate), view_plan(run)])]


def _open(runs: Sequence[Run], now: datetime) -> list[Block]:
    if not runs:
        return [section("None. If something is broken, declare it: the button is above.")]
    blocks = [section(_run_text(run, now)) for run in runs[:RUNS_SHOWN]]
    rest = len(runs) - RUNS_SHOWN
    return [*blocks, context(f"… and {rest} more: `!incident list`")] if rest > 0 else blocks


def _run_text(run: Run, now: datetime) -> str:
    return (
        f"{situations.headline(run, now)} · {channel_link(run)}\n"
        f"{situations.situation(run, now)}\n{situations.what_it_is(run)}"
    )


def _systems(systems: Sequence[SystemChoice], people: Mapping[str, Person]) -> list[Block]:
    mine = [one for one in systems if one.id in people] or list(systems)
    if not mine:
        return [section("No system is configured. Ask whoever runs Backout: `backout check`.")]
    blocks = [section(_system_text(one, people.get(one.id))) for one in mine[:SYSTEMS_SHOWN]]
    rest = len(systems) - len(blocks)
    return [*blocks, context(f"… and {count(rest, 'more system')}")] if rest > 0 else blocks


def _system_text(system: SystemChoice, person: Person | None) -> str:
    titles = both([inline(title, 80) for _, title in system.procedures])
    role = ""
    if person is not None:
        role = f" · you: {listed_as(person, dict(system.roles))}"
    return f"{bold(system.shown, 160)}{role}\nCan do: {titles or 'nothing yet'}"
