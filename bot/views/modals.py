"""The modals that ask for a reason before something is denied, left out or ended.

Each says first what pressing the button does.  Read back by `bot.views.forms`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.views import limits
from bot.views.blocks import Block, modal, section, text_input
from bot.views.controls import Act, Control, short_digest
from bot.views.forms import CALLBACK_CODE, CALLBACK_REASON, CODE, REASON
from bot.views.holding import undo_words
from bot.wording import emergencies
from bot.wording.texts import bold, escape, inline
from flows.gates import PLAN_SCOPE
from flows.runs import Run

REASON_LIMIT = 1_000
CODE_LIMIT = 10
CODE_ONCE = "A code counts once, and only for this approval."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How one act asks for its reason."""

    title: str
    submit: str
    placeholder: str
    optional: bool = False


ASKS: Mapping[Act, Ask] = {
    Act.BREAK_GLASS: Ask(
        title="Break the glass",
        submit="Begin now",
        placeholder="Why can't it wait for the approvals?",
    ),
    Act.DENY: Ask(
        title="Deny",
        submit="Deny",
        placeholder="What is wrong with it, and what should be done instead?",
    ),
    Act.SKIP: Ask(
        title="Skip a step",
        submit="Skip it",
        placeholder="Why is it right to go on without this step?",
    ),
    Act.UNDO: Ask(
        title="Put everything back",
        submit="Undo all",
        placeholder="Why is the rollback not wanted any more?",
        optional=True,
    ),
    Act.ABORT: Ask(
        title="End the incident",
        submit="End it",
        placeholder="Why is nothing to be done? For example: false alarm.",
    ),
    Act.HOLD: Ask(
        title="Hold",
        submit="Hold",
        placeholder="What should the others know?",
        optional=True,
    ),
    Act.NO_ROLLBACK: Ask(
        title="Close, no rollback",
        submit="Close it",
        placeholder="What is done instead?",
    ),
}


def deny_modal(run: Run, *, digest: str, scope: str = PLAN_SCOPE) -> dict[str, Any]:
    """Return the modal that asks why a plan or a step is denied, bound to what was seen."""
    return reason_modal(run, Act.DENY, scope=scope, digest=short_digest(digest))


def reason_modal(
    run: Run, act: Act, *, scope: str | None = None, digest: str | None = None
) -> dict[str, Any]:
    """Return the modal that asks for the reason of an act; `scope` is the step of a skip."""
    ask = ASKS[act]
    control = Control(act=act, incident=run.id, scope=scope, digest=digest)
    field = text_input(
        name=REASON,
        label="Reason, for the record",
        placeholder=ask.placeholder,
        optional=ask.optional,
        most=REASON_LIMIT,
    )
    return modal(
        title=ask.title,
        blocks=[_what_happens(run, act, scope), field],
        callback=CALLBACK_REASON,
        metadata=control.dump()[: limits.METADATA],
        submit=ask.submit,
        close="Cancel",
    )


def code_modal(
    run: Run, act: Act, *, scope: str | None = None, digest: str | None = None
) -> dict[str, Any]:
    """Return the modal that asks for a code before an approval counts, bound to what was seen."""
    control = Control(act=act, incident=run.id, scope=scope, digest=digest)
    gate = run.gate_of(scope or PLAN_SCOPE)
    text = f"{_approving(run, scope)} {CODE_ONCE}"
    field = text_input(
        name=CODE,
        label="Code of your authenticator app",
        placeholder="Six digits",
        most=CODE_LIMIT,
        multiline=False,
    )
    return modal(
        title="Approve",
        blocks=[section(text), field] if gate else [section(CODE_ONCE)],
        callback=CALLBACK_CODE,
        metadata=control.dump()[: limits.METADATA],
        submit="Approve" if gate else None,
        close="Cancel",
    )


def _approving(run: Run, scope: str | None) -> str:
    if scope in (None, PLAN_SCOPE):
        title = bold(run.plan.title) if run.plan else "the plan"
        return f"You approve {title} for {inline(run.id, 60)}; it destroys something."
    return f"You approve {_step(run, scope)} for {inline(run.id, 60)}; it destroys something."


def _what_happens(run: Run, act: Act, scope: str | None) -> Block:
    name = inline(run.id, 60)
    text = {
        Act.BREAK_GLASS: emergencies.what_breaking_does(run),
        Act.DENY: _denying(run, scope),
        Act.SKIP: f"{name} goes on without {_step(run, scope)}. The record says that it was your "
        "word, and the summary names the step.",
        Act.UNDO: f"{name}: {escape(undo_words(run))}",
        Act.ABORT: f"{name} ends here. Nothing was changed, so nothing has to be put back.",
        Act.HOLD: f"{name} starts nothing new; what is under way is finished first."
        if run.will_begin_at is None
        else f"{name} does not begin by itself any more: it waits for its approvals.",
        Act.NO_ROLLBACK: f"{name} is closed without a rollback; nothing was changed.",
    }[act]
    return section(text)


def _denying(run: Run, scope: str | None) -> str:
    if scope in (None, PLAN_SCOPE):
        title = bold(run.plan.title) if run.plan else "the plan"
        return f"{title} is not performed. {inline(run.id, 60)} goes back to assessing."
    return f"{_step(run, scope)} is not performed, and {inline(run.id, 60)} goes on hold."


def _step(run: Run, scope: str | None) -> str:
    if scope and run.plan and scope in run.steps:
        return bold(run.plan.step(scope).title, 120)
    return "the step"
