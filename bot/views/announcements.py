"""The short messages that say that something happened which people must notice.

One for each `About`, at most two lines.  A person is mentioned only when something is wanted
from that person; progress never gets a message of its own.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.views.approving import approve_buttons, approved_by, view_plan
from bot.views.blocks import Element, Message, actions, section
from bot.views.closing import exceptions_line, resumed_note, what_next
from bot.views.controls import Act
from bot.views.holding import ways
from bot.views.paging import acknowledge
from bot.wording import automatic, emergencies, follow_ups, paging, signs, situations
from bot.wording.approvals import places, waiting
from bot.wording.texts import (
    NAMES_SHOWN,
    bold,
    both,
    capital,
    duration,
    either,
    inline,
    left,
    mention,
    sentence,
)
from flows.commands import About, Announce
from flows.gates import PLAN_SCOPE, Gate, Person
from flows.runs import Run
from flows.states import Outcome, State

ASKING = (
    About.APPROVAL_WANTED,
    About.APPROVAL_LATE,
    About.STEP_APPROVAL_WANTED,
    About.STEP_APPROVAL_LATE,
)
WORDS = {
    Act.RETRY: "retry",
    Act.RESUME: "resume",
    Act.SKIP: "skip",
    Act.REPLAN: "a new plan",
    Act.UNDO: "undo",
    Act.ABORT: "abort",
}
ASKED = "*Was asked:*"
DEADLINES = {"rto": "recovery time target", "rto_limit": "recovery time limit"}


def announcement(run: Run, command: Announce, now: datetime) -> Message:
    """Return the message; its subject names a step or a timer."""
    text = _text(run, command, now)
    head = inline(run.id, 60)
    said = f"*{head}* · {text}"
    buttons = actions(_buttons(run, command, now))
    return Message(text=said, blocks=[section(said), *buttons], thread=False)


def settled(run: Run, command: Announce, asked: str) -> Message:
    """Return what a message that asked for approval becomes once that is over: no buttons.

    `asked` is its text, of which the first line stays; `command` is what came after it.
    """
    match command.about:
        case About.APPROVED:
            how = f"✓ *Approved* by {approved_by(run) or 'everybody who is needed'}."
        case About.DENIED:
            how = f"✗ *Not approved.* {sentence(inline(run.blocked, 600))}"
        case About.EXPIRED:
            how = "*Void:* it got too old while it waited."
        case About.APPROVAL_WANTED:
            how = "*Void:* there is a newer plan below."
        case _:
            how = "*No longer asked:* a newer message says where it stands."
    said = f"{asked.partition(chr(10))[0]}\n{how}".replace("*Please approve:*", ASKED, 1)
    return Message(text=said, blocks=[section(said)], thread=False)


def _text(run: Run, command: Announce, now: datetime) -> str:  # noqa: C901 one case a subject
    match command.about:
        case About.APPROVAL_WANTED:
            return _approval_wanted(run, now)
        case About.STEP_APPROVAL_WANTED:
            return _step_approval_wanted(run, command.subject, now)
        case About.APPROVAL_LATE | About.STEP_APPROVAL_LATE:
            return _approval_late(run, command.subject or PLAN_SCOPE, now)
        case About.APPROVED:
            return (
                f"*Approved* by {approved_by(run) or 'everybody who is needed'}. "
                "The rollback has begun; the card shows each step.\n"
                "Nothing is wanted from you. To stop it: `!incident hold`."
            )
        case About.DENIED:
            return f"*Not approved.* {sentence(inline(run.blocked, 600))}\n{_plan_again(run)}"
        case About.EXPIRED:
            return f"*The plan is void.* It got too old while it waited.\n{_plan_again(run)}"
        case About.NOT_PLANNED:
            why = sentence(capital(inline(run.blocked, 600))) or "No plan could be made."
            return f"*No plan.* {why}\n{_plan_again(run)}"
        case About.HELD if run.held is None:  # people were faster than Slack
            return f"*It was on hold, and is not any more.*\n{situations.situation(run, now)}"
        case About.HELD:
            return f"*On hold.* {situations.held(run)}\n{_lead(run)}, what now? {_ways(run)}"
        case About.RESUMED:
            return f"*Goes on* with {signs.PHASES[run.phase]}.\n{situations.situation(run, now)}"
        case About.NOT_TOLD:
            return _not_told(run, command.subject)
        case About.NOT_REPEATED:
            return _not_repeated(run, command.subject)
        case About.DEADLINE:
            return _deadline(run, command.subject, now)
        case About.UNDOING:
            return f"*Undo has begun.*\n{situations.situation(run, now)}"
        case About.CLOSED:
            return f"*Closed.* {situations.ended(run)}\n{_ending(run)}"
        case About.CANCELLED:
            return f"*Cancelled.* {situations.ended(run)}\n{_ending(run)}"
        case About.ESCALATED | About.PAGE_FAILED:
            return _paged(run, command, now)
        case About.GLASS_BROKEN:
            return emergencies.broken(run, now)
        case About.BEGINS_BY_ITSELF:
            return automatic.notice(run, now)
        case About.BEGUN_BY_ITSELF:
            return automatic.begun(run, now)
        case About.LEFT_TO_PEOPLE:
            return automatic.left_to_people(run)
        case About.REVIEWED:
            return emergencies.reviewed(run)
        case About.STALLED:
            why = sentence(capital(inline(run.stalled, 400))) or "See the log."
            return f"*Something stands still.* {why}\n{_lead(run)}, please look; the log says more."
        case About.FOLLOW_UPS_DUE:
            return follow_ups.due_now(run, command.subject)
        case About.BOT_RESUMED:
            return f"{resumed_note(run)}\n{situations.situation(run, now)}"


def _approval_wanted(run: Run, now: datetime) -> str:
    gate, plan = run.gate, run.plan
    if gate is None or plan is None:
        return f"A plan was proposed and is gone by now.\n{situations.situation(run, now)}"
    what = f"*Please approve:* {bold(plan.title)} — because {inline(plan.because, 300)}"
    return f"{what}\n{_please(run, gate, now)}"


def _step_approval_wanted(run: Run, step_id: str, now: datetime) -> str:
    gate = run.gate_of(step_id)
    if gate is None or run.plan is None:
        return f"A step waited for approval.\n{situations.situation(run, now)}"
    step = run.plan.step(step_id)
    lost = inline(step.losses, 300) or "nothing"
    what = f"*Please approve the step* {bold(step.title, 120)} — loses: {lost}"
    return f"{what}\n{_please(run, gate, now)}"


def _please(run: Run, gate: Gate, now: datetime) -> str:
    wait = waiting(gate, run.decisions, now)
    if wait is None:
        return situations.asked_for(run, gate, now)
    if not wait.people:
        return situations.asked_for(run, gate, now)
    who = _mentions(wait.people)
    asked = "one of you is enough" if len(wait.people) > 1 else "it waits for you"
    if wait.count > 1:
        asked = f"{wait.count} approvals are needed, {places(wait.slots)}"
    return f"{who}: {asked}, {left(gate.decide_by, now)}."


def _approval_late(run: Run, scope: str, now: datetime) -> str:
    gate = run.gate_of(scope)
    wait = waiting(gate, run.decisions, now) if gate else None
    if wait is not None and run.begun_early and scope == PLAN_SCOPE:
        return emergencies.approvals_late(run, _mentions(wait.people), now)
    if gate is None or wait is None:
        return "The time to decide has passed. The card shows what is waited for."
    waited = duration((now - gate.opened_at).total_seconds())
    rest = duration((gate.expires_at - now).total_seconds())
    who = _mentions(wait.people) or either([inline(title) for title in wait.titles])
    return (
        f"*The time to decide has passed:* {_what(run, scope)} has waited for {waited}.\n"
        f"{who}: please approve or deny; in {rest} the plan is void."
    )


def _what(run: Run, scope: str) -> str:
    titles = {step.id: step.title for step in run.plan.steps} if run.plan else {}
    return bold(titles[scope], 120) if scope in titles else "the plan"


def _paged(run: Run, command: Announce, now: datetime) -> str:
    page = run.page(int(command.subject)) if command.subject.isdecimal() else None
    if page is None:
        return situations.situation(run, now)
    if command.about is About.PAGE_FAILED:
        return paging.page_failed(page)
    return paging.escalated(run, page)


def _mentions(people: Sequence[Person]) -> str:
    return both([mention(p.slack, p.name) for p in people], shown=2 * NAMES_SHOWN)


def _lead(run: Run) -> str:
    return mention(run.lead.slack, run.lead.name)


def _plan_again(run: Run) -> str:
    return f"{_lead(run)}, what now? `!incident plan` makes a new one, `!incident abort` ends it."


def _ways(run: Run) -> str:
    words = either([WORDS[act] for act in ways(run) if act in WORDS])
    return f"{capital(words)}: the card has the buttons." if words else "The card says more."


def _not_told(run: Run, step_id: str) -> str:
    steps = {step.id: step.title for step in run.plan.steps} if run.plan else {}
    record = run.steps.get(step_id)
    why = inline(record.summary, 400) if record else ""
    name = bold(steps.get(step_id, step_id), 120)
    said = sentence(why) or "no reason was given."
    return f"{name} failed: {said}\n{_lead(run)}, please do it by hand; the rollback goes on."


def _not_repeated(run: Run, step_id: str) -> str:
    steps = {step.id: step for step in run.plan.steps} if run.plan else {}
    step = steps.get(step_id)
    name, often = (step.title, f" every {duration(step.every)}") if step else (step_id, "")
    stands = "is on hold" if run.state is State.HOLD else "is being undone"
    return (
        f"{bold(name, 120)} should happen{often}, and did not: the rollback {stands}.\n"
        f"{_lead(run)}, please do it by hand if people wait for it."
    )


def _deadline(run: Run, timer: str, now: datetime) -> str:
    what = situations.situation(run, now)
    if timer.startswith("phase:"):
        phase = timer.removeprefix("phase:")
        budget = (run.plan.phase_budgets.get(phase) if run.plan else None) or 0.0
        name = signs.PHASES[State(phase)] if phase in set(State) else inline(phase, 40)
        whole = f" of {duration(budget)}" if budget else ""
        return f"*{name} is over its time{whole}*; nothing was cut off.\n{_lead(run)}: {what}"
    limit = run.rto_limit if timer == "rto_limit" else run.rto
    name = DEADLINES.get(timer, inline(timer, 40))
    return f"*Past the {name} of {duration(limit)}.*\n{_lead(run)}: {what}"


def _ending(run: Run) -> str:
    if run.outcome in (Outcome.CANCELLED, Outcome.NO_ROLLBACK):
        return " ".join(what_next(run))
    return f"{exceptions_line(run)} The card has the figures."


def _buttons(run: Run, command: Announce, now: datetime) -> list[Element | None]:
    """Return the buttons that still count: Slack may have been slow."""
    if command.about is About.ESCALATED:
        return [acknowledge(run, run.declared_by)]
    scopes = dict.fromkeys(ASKING, command.subject or PLAN_SCOPE)
    gate = run.gate_of(scopes.get(command.about, ""))
    if gate is None or waiting(gate, run.decisions, now) is None:
        return []
    return [*approve_buttons(run, gate), view_plan(run)]
