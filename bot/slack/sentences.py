"""Answers of the Slack surface that are put together from `bot.messages`.

What is one sentence stands there; here stands which sentences make an answer, and the few that
only Slack needs.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import assert_never

from bot import messages
from bot.messages import bold, both, code, headline, inline, situation, what_it_is
from bot.slack.calls import NoAnswerError, RateLimitedError, SlackCallError
from bot.slack.groups import Doubt
from bot.slack.identity import IdentityRefusal
from bot.wording.texts import fit
from flows.runs import Run

REASON_MISSING = "Say in a few words what it is about."
LISTING_LIMIT = 10_000
WHY = "a reason, for the record"


def unidentified(found: IdentityRefusal, system: str, user: str) -> str:
    """Say why somebody is not recognised."""
    return messages.unidentified(found.reason, user=user, system=system, people=found.people)


def steps_wanted(verb: str) -> str:
    """Ask for a step and a reason, or a reason alone."""
    what = "a step and a reason, for the record" if verb == "skip" else WHY
    return messages.missing(verb, what)


def in_doubt(doubt: Doubt, groups: Sequence[str]) -> str:
    """Say that nobody has a role by these groups now, and why."""
    named = both([code(f"@{group}", 80) for group in groups])
    match doubt:
        case Doubt.PLAN:
            why, advice = "this workspace's plan of Slack has no user groups", ""
        case Doubt.SCOPE:
            why, advice = "the scope `usergroups:read` is missing", "Install the app again. "
        case Doubt.REFUSED:
            why, advice = "Slack refuses to say it", "The log says more. "
        case Doubt.NO_ANSWER:
            why, advice = "Slack did not answer", "Try again in a moment. "
        case never:
            assert_never(never)
    return (
        f"Who is in {named} is not known: {why}. {advice}Until it is, only the roles count that "
        "people.yaml lists."
    )


def answer_how(run: Run) -> str:
    """Say how to answer which questions."""
    asked = [f"{code(q.id, 60)} ({inline(q.text, 160)})" for q in run.questions]
    if not asked:
        return f"{inline(run.id, 60)} asks no questions."
    return (
        "Nothing was done: say which question, and yes or no. "
        f"There is {both(asked, shown=8)}.\n"
        f"For example: `!incident answer {inline(run.questions[0].id, 60)} no`"
    )


def approve_how(run: Run, digest: str) -> str:
    """Show what a typed approval would be about, before it counts."""
    return (
        f"This is what {inline(run.id, 60)} asks you to approve; nothing counts before you press "
        f"*Approve*, or type `!incident approve {digest}`."
    )


def status(run: Run, now: datetime) -> str:
    """Say where an incident stands."""
    where = f"In {messages.channel_link(run)}."
    return "\n".join((headline(run, now), situation(run, now), f"{what_it_is(run)}\n{where}"))


def listing(runs: Iterable[Run], now: datetime) -> str:
    """List the open incidents."""
    lines = [
        f"• {headline(run, now)} · {inline(run.system_title, 80)} · {messages.channel_link(run)}\n"
        f"{situation(run, now)}"
        for run in runs
    ]
    return fit(lines, LISTING_LIMIT, "{} more incidents") if lines else messages.no_open_incident()


def which_incident(named: str | None, runs: Sequence[Run], verb: str) -> str:
    """Ask which incident is meant."""
    if named is not None:
        return messages.unknown_incident(named, [run.id for run in runs])
    return messages.not_here(runs, verb)


def topic(run: Run) -> str:
    """Return the topic, plain text.  Nothing in it changes: each change shows as a message."""
    return messages.cut(
        f"{run.id} · {run.system_title}, {run.environment} · {messages.one_line(run.reason)}", 250
    )


def delayed(run: Run, error: SlackCallError) -> str:
    """Tell the declarer that the channel comes later, and that nothing is lost."""
    match error:
        case RateLimitedError() | NoAnswerError():
            return messages.slowed_down(run)
        case _:
            return messages.slack_failed(f"open the channel of {bold(run.id)} ({error})")
