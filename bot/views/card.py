"""The pinned card: one message that says where an incident stands and offers what can be done.

`bot.slack.cards` posts it once and updates it in place.  Pure: `now` and `progress` come in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.views import limits
from bot.views.approving import (
    approved_by,
    early_blocks,
    plan_buttons,
    proposal_blocks,
    review_blocks,
    step_gate_blocks,
)
from bot.views.assessing import (
    advice_blocks,
    answer_words,
    fact_blocks,
    proposal_lines,
    question_blocks,
)
from bot.views.blocks import Block, Card, capped, context, lines, section
from bot.views.closing import FollowUp, resumed_note, summary_lines
from bot.views.holding import control_blocks, hold_lines
from bot.views.paging import paging_blocks
from bot.views.plan_view import DIGEST_SHOWN
from bot.views.steps import step_text
from bot.wording import automatic, situations
from bot.wording.texts import clock, code, either, escape, inline
from flows.runs import Run
from flows.states import State

__all__ = ["Card", "CardPolicy", "FollowUp", "card"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPolicy:
    """What the card shows of the system's policy: who controls a run, and what is due after it.

    `control` are titles of roles, `links` are (title, URL) that responders want within reach.
    """

    control: tuple[str, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


NO_POLICY = CardPolicy()


def card(
    run: Run,
    *,
    now: datetime,
    progress: Mapping[str, str] | None = None,
    policy: CardPolicy = NO_POLICY,
) -> Card:
    """Return the card of a run as it is at `now`; `progress` has steps' ids and what they say."""
    head = "\n".join(
        [
            situations.headline(run, now),
            situations.situation(run, now),
            situations.what_it_is(run),
        ]
    )
    blocks = [
        section(head),
        *_body(run, now, progress or {}, policy),
        *paging_blocks(run),
        _footer(run, now, policy),
    ]
    return Card(text=situations.notice(run), blocks=capped(blocks, limits.MESSAGE_BLOCKS))


def _body(run: Run, now: datetime, progress: Mapping[str, str], policy: CardPolicy) -> list[Block]:
    match run.state:
        case State.ASSESS:
            return [
                *lines(proposal_lines(run)),
                *advice_blocks(run),
                *fact_blocks(run),
                *question_blocks(run),
                *control_blocks(run),
            ]
        case State.APPROVE:
            said = lines([automatic.standing(run, now)])
            return [*proposal_blocks(run), *said, *plan_buttons(run)]
        case State.CLOSED | State.CANCELLED:
            return [*lines(summary_lines(run, policy.follow_ups)), *review_blocks(run, now)]
        case _:
            return [
                *early_blocks(run, now),
                *step_gate_blocks(run, now),
                *_steps(run, now, progress),
                *lines(hold_lines(run, policy.control)),
                *control_blocks(run),
            ]


def _steps(run: Run, now: datetime, progress: Mapping[str, str]) -> list[Block]:
    text = step_text(run, now, progress)
    return [section(text)] if text else []


def _footer(run: Run, now: datetime, policy: CardPolicy) -> Block:
    who = " · ".join(part for part in _who(run, policy) if part)
    where = " · ".join(part for part in _where(run, now, policy) if part)
    return context(who, where, resumed_note(run))


def _who(run: Run, policy: CardPolicy) -> list[str]:
    declared = f"Declared by {inline(run.declared_by.name, 80)} {clock(run.declared_at)}"
    if run.ended:
        return [declared, *_approved(run)]
    lead = f"lead {inline(run.lead.name, 80)}" if run.lead.id != run.declared_by.id else ""
    may = either([inline(title, 60) for title in policy.control])
    steer = f"steered by {may}" if may and run.state is not State.HOLD else ""
    return [declared, lead, *_approved(run), steer]


def _approved(run: Run) -> list[str]:
    if run.state in (State.ASSESS, State.APPROVE):
        return []
    approved = approved_by(run)
    return [f"approved by {approved}"] if approved else []


def _where(run: Run, now: datetime, policy: CardPolicy) -> list[str]:
    digest = run.plan.digest[:DIGEST_SHOWN] if run.plan and run.state is State.APPROVE else ""
    answers = "; ".join(answer_words(run)[:4]) if run.state is State.APPROVE else ""
    as_of = "" if run.ended else f"as of {clock(now)}"
    plan = f"plan {code(digest)}" if digest else ""
    return [answers, plan, as_of, *_links(policy), "" if run.ended else "`!incident help`"]


def _links(policy: CardPolicy) -> list[str]:
    fit = [(title, url) for title, url in policy.links[:4] if url.startswith("https://")]
    return [
        f"<{escape(url)}|{inline(title.replace('|', ' '), 40) or 'link'}>"
        for title, url in fit
        if "|" not in url
    ]
