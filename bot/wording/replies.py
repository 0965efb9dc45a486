"""What the bot answers to commands, buttons and forms: what was done, or why nothing was."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bot.wording import commands, situations
from bot.wording.approvals import waiting, wanted
from bot.wording.objections import doing
from bot.wording.refusals import listed_as
from bot.wording.texts import (
    bold,
    clock,
    code,
    either,
    inline,
    mention,
    quoted,
    sentence,
)
from flows.gates import PLAN_SCOPE, REVIEW_SCOPE, Person, Verb
from flows.runs import Run

CHANNEL_ID_PREFIXES = ("C", "G")


def channel_link(run: Run) -> str:
    """Return a link to an incident's channel, or its name while there is none."""
    if run.channel and run.channel.startswith(CHANNEL_ID_PREFIXES) and run.channel.isalnum():
        return f"<#{run.channel}>"
    return f"#{inline(run.channel_name, 80)}"


# --- declaring -----------------------------------------------------------------------------------


def declared(run: Run) -> str:
    """Tell the channel where it was declared what happened."""
    who = mention(run.declared_by.slack, run.declared_by.name)
    opened = (
        f"Everything else happens in {channel_link(run)}."
        if run.channel
        else f"The channel #{inline(run.channel_name, 80)} is being opened."
    )
    return f"*{inline(run.id, 60)} declared* by {who} · {situations.what_it_is(run)}\n{opened}"


def already_open(run: Run, reason: str = "") -> str:
    """Point to the incident that is open on the system already; nothing was doubled."""
    kept = f" What you wrote was added there as a note: {quoted(reason, 400)}." if reason else ""
    return (
        f"{bold(run.system_title, 80)} has an open incident already: *{inline(run.id, 60)}*, "
        f"declared by {inline(run.declared_by.name, 80)} {clock(run.declared_at)}. No second one "
        f"was opened.{kept}\nPlease go to {channel_link(run)}."
    )


def no_reason() -> str:
    """Ask for the reason of a declaration."""
    return (
        "Nothing was declared yet: say in a few words what you see.\n"
        'For example: `!incident declare "checkout answers 5xx since 14:00"`'
    )


def no_system(systems: Sequence[str]) -> str:
    """Ask which system is meant."""
    named = either([code(name, 60) for name in systems], shown=8)
    if not named:
        return (
            "Nothing was declared: no system is configured. Set `BACKOUT_SYSTEMS` to a folder "
            "with systems and run `backout check`."
        )
    first = inline(systems[0], 60)
    return (
        f"Nothing was declared yet: say which system is meant, {named}.\n"
        f'For example: `!incident declare "checkout answers 5xx" {first}`'
    )


def unknown_system(word: str, systems: Iterable[str]) -> str:
    """Answer a system that there is not."""
    return commands.unknown_name("system", word, systems)


def unknown_procedure(word: str, procedures: Iterable[str]) -> str:
    """Answer a procedure that there is not."""
    return commands.unknown_name("procedure", word, procedures)


def odd_input(why: str) -> str:
    """Answer what is no input of a procedure."""
    return f"Nothing was done: {inline(why, 400)}."


def unknown_incident(word: str, incidents: Iterable[str]) -> str:
    """Answer an incident that there is not."""
    return commands.unknown_name("open incident", word, incidents)


def text_cut(limit: int) -> str:
    """Say that a reason or a note was cut, and where the rest belongs."""
    return (
        f"What you wrote was longer than {limit:,} characters; the rest was cut off. "
        "Put details into the incident's channel, or `!incident note &lt;text&gt;`."
    )


def notes_full(run: Run, most: int) -> str:
    """Say that an incident takes no further notes, and where they belong."""
    return (
        f"This was not noted: {inline(run.id, 60)} has {most:,} notes, as many as it can keep "
        "without slowing down. Write it into the channel, where it stays as well."
    )


def calls_full(run: Run, most: int) -> str:
    """Say that an incident makes no further calls on somebody's word."""
    return (
        f"Nobody was called: {inline(run.id, 60)} has made {most:,} calls, as many as it can. "
        "Call them yourself, or with PagerDuty."
    )


def slowed_down(run: Run | None = None) -> str:
    """Tell the declarer that Slack takes its time; nothing is lost by it."""
    which = f"{inline(run.id, 60)} is recorded and " if run else ""
    return (
        f"Slack is slowing us down: {which}what is missing (channel, invitations, card) will be "
        "completed as soon as Slack lets us. The rollback itself does not wait for it."
    )


def completed_late(run: Run) -> str:
    """Tell the declarer that what was slow is complete."""
    return f"{inline(run.id, 60)} is complete now: please go to {channel_link(run)}."


# --- which incident ------------------------------------------------------------------------------


def no_open_incident() -> str:
    """Say that there is nothing to act on."""
    return (
        "There is no open incident, so nothing was done.\n"
        'If something is broken: `!incident declare "what you see"`'
    )


def not_here(runs: Sequence[Run], verb: str) -> str:
    """Ask which incident is meant, outside of an incident's channel."""
    if not runs:
        return no_open_incident()
    named = either([f"{inline(r.id, 60)} ({channel_link(r)})" for r in runs], shown=8)
    return (
        f"Nothing was done: this is no incident's channel, so it is not clear which one is meant: "
        f"{named}.\nType `!incident {inline(verb, 20)} …` in its channel."
    )


# --- acts ----------------------------------------------------------------------------------------


def decided(run: Run, *, scope: str, verb: Verb, now: datetime) -> str:
    """Confirm a decision to the one who made it, and say what it still waits for."""
    whole = {PLAN_SCOPE: "the plan", REVIEW_SCOPE: "the review of the emergency"}
    what = whole.get(scope) or f"the step {bold(_step_title(run, scope), 100)}"
    match verb:
        case Verb.APPROVE:
            said = f"You approved {what} of {run.id}."
        case Verb.DENY:
            after = "It is on hold." if run.begun_early else "Nothing of it is performed."
            return f"You denied {what} of {run.id}. {after}"
        case Verb.WITHDRAW:
            said = f"You withdrew your approval of {what} of {run.id}."
    gate = run.gate_of(scope)
    wait = waiting(gate, run.words_on(scope), now) if gate else None
    if wait:
        return f"{said} It still waits for {wanted(wait)}."
    return (
        f"{said} Nothing is owed any more." if scope == REVIEW_SCOPE else f"{said} It goes on now."
    )


def _step_title(run: Run, step: str) -> str:
    return run.plan.step(step).title if run.plan and step in run.steps else step


def done(run: Run, verb: str, now: datetime) -> str:
    """Confirm what was asked for, and say where that leaves the run."""
    said = {
        "hold": "is on hold",
        "resume": "goes on",
        "retry": "tries again",
        "skip": "goes on without the step, on your word",
        "undo": "is being undone",
        "abort": "is cancelled",
        "replan": "is being assessed afresh",
        "plan": "is being planned",
        "answer": "has your answer",
        "no_rollback": "is closed without a rollback",
        "emergency": "has begun on your word, and must be reviewed afterwards",
    }.get(verb, "took it")
    return f"{inline(run.id, 60)} {said}. {situations.situation(run, now)}"


def noted(run: Run, text: str) -> str:
    """Confirm a note."""
    return f"Noted in the record of {inline(run.id, 60)}: {quoted(text, 200)}."


def not_in_control(
    person: Person,
    verb: str,
    control: Sequence[str],
    people: Sequence[str],
    titles: Mapping[str, str],
) -> str:
    """Refuse to steer: the person has none of the roles that may (`control`, ids)."""
    asked = either([bold(titles.get(role, role), 60) for role in control])
    who = either([inline(name, 80) for name in people])
    ask = f"Ask {who}" if who else "Ask somebody in that role"
    return (
        f"You can't {doing(verb, 'this incident')}: it needs {asked}, and you are "
        f"listed as {listed_as(person, titles)}. {ask}, or say it in the channel."
    )


def emergency_how(digest: str) -> str:
    """Say how the glass is broken by typing: bound to a plan, and with a reason."""
    plan = f" The plan that waits now is {code(digest)}." if digest else ""
    return commands.missing("emergency", "the plan's digest and a reason") + plan


def nothing_to_deny_with() -> str:
    """Ask for the reason of a denial."""
    return commands.missing("deny", "a reason, so that the others know what to change")


# --- when something does not work ----------------------------------------------------------------


def unreadable() -> str:
    """Answer a command that came without what every command of Slack has."""
    return (
        "Nothing was done: this command did not arrive whole. Type it again, or write "
        "`!incident help` as a message."
    )


def stale_control() -> str:
    """Answer a button that can't be read."""
    return (
        "Nothing was done: this button is from an older version of Backout. "
        "Use the newest message, or type `!incident status`."
    )


def failed(reference: str) -> str:
    """Answer when something broke inside; say what is safe and what to do."""
    return (
        f"Something broke inside Backout, and what you asked for may not have been done "
        f"(reference {code(reference, 60)}). Look with `!incident status` and try once more; "
        "the details are in the log."
    )


def not_recorded() -> str:
    """Answer while the journal can't be reached: nothing was done, and how to go on."""
    return (
        "This was not recorded: the database of Backout's journal does not answer. What was "
        "decided before is safe. Press or type it again in a few seconds."
    )


def not_recorded_yet() -> str:
    """Answer the same to a message, which Slack delivers once more by itself."""
    return (
        "This was not recorded: the database of Backout's journal does not answer. What was "
        "decided before is safe. Slack delivers your message once more within a minute or two; "
        "type it again if nothing has come of it by then."
    )


def slack_failed(what: str) -> str:
    """Say that Slack refused something, and that the rollback does not depend on it."""
    return (
        f"Slack did not let me {inline(what, 200)}. The rollback goes on without it; "
        "I will try again."
    )


def could_not_invite(names: Sequence[str]) -> str:
    """Say who could not be invited, so that somebody calls them."""
    who = either([inline(name, 80) for name in names]).replace(" or ", " and ")
    return (
        f"I could not invite {who}: no Slack account was found for "
        f"{'them' if len(names) > 1 else 'this person'}. Please call, and check people.yaml."
    )


def fell_back(run: Run, reason: str) -> str:
    """Say that an incident goes on in another channel than it should."""
    return (
        f"I could not open a channel for {inline(run.id, 60)}: {sentence(inline(reason, 200))} "
        f"It goes on in {channel_link(run)}."
    )
