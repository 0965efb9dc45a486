"""Answers of the Slack surface that are put together from `bot.messages`.

What is one sentence stands there; here stands which sentences make an answer, and the few that
only Slack needs.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import assert_never

from bot import messages
from bot.messages import bold, both, code, headline, inline, situation, what_it_is
from bot.rosters import Doubt, Roster, schedule_key
from bot.slack.calls import NoAnswerError, RateLimitedError, SlackCallError
from bot.slack.identity import IdentityRefusal
from bot.wording.texts import fit
from config.models.bundles import Bundle
from flows.runs import Run

REASON_MISSING = "Say in a few words what it is about."
LISTING_LIMIT = 10_000
WHY = "a reason, for the record"
_UNTIL = "Until it is, only the roles count that people.yaml lists."


def unidentified(found: IdentityRefusal, system: str, user: str) -> str:
    """Say why somebody is not recognised."""
    return messages.unidentified(found.reason, user=user, system=system, people=found.people)


def steps_wanted(verb: str) -> str:
    """Ask for a step and a reason, or a reason alone."""
    what = "a step and a reason, for the record" if verb == "skip" else WHY
    return messages.missing(verb, what)


def doubts(bundle: Bundle, roster: Roster, wanted: Collection[str]) -> Iterator[str]:
    """Say of which of the wanted roles it is not known who has them, and why."""
    people = bundle.people
    groups = [
        people.roles[role].slack_group or role for role in people.by_group() if role in wanted
    ]
    if roster.groups.doubt is not None and groups:
        named = both([code(f"@{group}", 80) for group in groups])
        yield f"Who is in {named} is not known: {_group_doubt(roster.groups.doubt)} {_UNTIL}"
    schedules = [
        schedule
        for role in people.by_schedule()
        if role in wanted
        and (schedule := people.roles[role].schedule)
        and schedule_key(bundle.system.system, schedule) not in roster.schedules.members
    ]
    if roster.schedules.doubt is not None and schedules:
        named = both([f"PagerDuty's schedule {code(each, 80)}" for each in schedules])
        yield f"Who is on call in {named} is not known: {_schedule_doubt(roster)} {_UNTIL}"


def _group_doubt(doubt: Doubt) -> str:
    match doubt:
        case Doubt.PLAN:
            return "this workspace's plan of Slack has no user groups."
        case Doubt.SCOPE:
            return "the scope `usergroups:read` is missing. Install the app again."
        case Doubt.REFUSED:
            return "Slack refuses to say it. The log says more."
        case Doubt.NO_ANSWER:
            return "Slack did not answer. Try again in a moment."
        case never:
            assert_never(never)


def _schedule_doubt(roster: Roster) -> str:
    if roster.schedules.doubt is Doubt.NO_ANSWER:
        return "PagerDuty did not answer. Try again in a moment."
    return "PagerDuty refuses to say it. The log says more."


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
