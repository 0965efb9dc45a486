"""The commands that people type, with what they do: help, unknown verbs, missing parts.

`COMMANDS` is the one list; the parser of `bot.slack` and the documentation take theirs from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from bot.wording.texts import code, either, inline


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One verb: how it is written, what it does, and an example."""

    verb: str
    usage: str
    does: str
    example: str
    group: str


START, DECIDE, STEER, CALL, LOOK = "Start", "Decide", "Steer", "Call", "Look"
COMMANDS: tuple[Command, ...] = (
    Command(
        verb="declare",
        usage='declare "reason" [system]',
        does="open an incident: a channel, the facts, and a proposal; without a reason, a form",
        example='declare "checkout answers 5xx" aivo',
        group=START,
    ),
    Command(
        verb="plan",
        usage="plan [procedure] [input=value …]",
        does="show the plan; with a procedure, or where there is none, make a new one",
        example="plan service",
        group=DECIDE,
    ),
    Command(
        verb="approve",
        usage="approve [digest]",
        does="approve; the digest's first characters, on the card, say which plan you read",
        example="approve 3f9a01c2",
        group=DECIDE,
    ),
    Command(
        verb="deny",
        usage="deny <reason>",
        does="say no to the plan; it goes back to assessing",
        example="deny revision 41 has the same bug",
        group=DECIDE,
    ),
    Command(
        verb="withdraw",
        usage="withdraw",
        does="take your approval back, as long as others are still waited for",
        example="withdraw",
        group=DECIDE,
    ),
    Command(
        verb="emergency",
        usage="emergency <digest> <reason>",
        does="begin what loses nothing before the plan is approved; it must be reviewed afterwards",
        example="emergency 3f9a01c2 nobody answers and checkout is down",
        group=DECIDE,
    ),
    Command(
        verb="answer",
        usage="answer <question> yes|no",
        does="answer what only people can know; what to do follows from it",
        example="answer security no",
        group=DECIDE,
    ),
    Command(
        verb="hold",
        usage="hold [reason]",
        does="start nothing new; what is under way is finished",
        example="hold database team wants to look",
        group=STEER,
    ),
    Command(
        verb="resume",
        usage="resume",
        does="go on where it stood, if nothing failed",
        example="resume",
        group=STEER,
    ),
    Command(
        verb="retry",
        usage="retry [step]",
        does="try what failed again, with a fresh time budget",
        example="retry rollout",
        group=STEER,
    ),
    Command(
        verb="skip",
        usage="skip <step> <reason>",
        does="leave a failed step out, on your word",
        example="skip status_open status page is down",
        group=STEER,
    ),
    Command(
        verb="undo",
        usage="undo [reason]",
        does="put everything back that was changed, last first",
        example="undo made it worse",
        group=STEER,
    ),
    Command(
        verb="abort",
        usage="abort <reason>",
        does="end it, as long as nothing was changed",
        example="abort false alarm",
        group=STEER,
    ),
    Command(
        verb="ack",
        usage="ack",
        does="say that you are there: nobody else is called",
        example="ack",
        group=CALL,
    ),
    Command(
        verb="page",
        usage="page <who>",
        does="call a level, a role or a person; of a vendor it shows the number",
        example="page level 2",
        group=CALL,
    ),
    Command(
        verb="status",
        usage="status [incident]",
        does="say where an incident stands and who is waited for",
        example="status INC-7",
        group=LOOK,
    ),
    Command(
        verb="list",
        usage="list",
        does="list the open incidents",
        example="list",
        group=LOOK,
    ),
    Command(
        verb="done",
        usage="done [<follow-up>]",
        does="tick off what is to be done after a rollback; alone, it lists what there is",
        example="done timeline",
        group=LOOK,
    ),
    Command(
        verb="note",
        usage="note <text>",
        does="write something into the record, with your name and the time",
        example="note cache was cleared by hand at 14:05",
        group=LOOK,
    ),
    Command(
        verb="help",
        usage="help [command]",
        does="show this, or one command in full",
        example="help declare",
        group=LOOK,
    ),
)
VERBS = tuple(command.verb for command in COMMANDS)
_BY_VERB = {command.verb: command for command in COMMANDS}
PREFIX = "!incident"
_MEANT = {
    "start": "declare", "open": "declare", "new": "declare", "create": "declare",
    "yes": "approve", "ok": "approve", "accept": "approve", "lgtm": "approve",
    "no": "deny", "reject": "deny", "refuse": "deny",
    "stop": "hold", "pause": "hold", "wait": "hold", "halt": "hold",
    "break-glass": "emergency", "breakglass": "emergency", "override": "emergency",
    "continue": "resume", "go": "resume", "unhold": "resume",
    "again": "retry", "rerun": "retry",
    "rollback": "plan", "replan": "plan", "propose": "plan",
    "revert": "undo", "restore": "undo", "back": "undo",
    "cancel": "abort", "end": "abort", "close": "abort", "kill": "abort",
    "show": "status", "info": "status", "where": "status",
    "ls": "list", "all": "list", "incidents": "list",
    "acknowledge": "ack", "here": "ack", "mine": "ack",
    "call": "page", "escalate": "page", "alert": "page",
    "log": "note", "comment": "note",
    "usage": "help", "commands": "help", "?": "help",
}  # fmt: skip


def typed(rest: str) -> str:
    """Return a command as people type it, for mrkdwn."""
    return code(f"{PREFIX} {rest}")


def help_text(verb: str = "") -> str:
    """Return the help: one command in full, or all of them."""
    if verb in _BY_VERB:
        return _one(_BY_VERB[verb])
    if verb:
        return unknown_verb(verb)
    first = (
        f'*Something is broken?* Type `{PREFIX} declare "what you see"`, and follow the card in '
        "the channel that opens. Nothing is changed before people have approved a plan.\n"
        "In the incident's channel the other commands know which one is meant:"
    )
    lines = [first]
    for group in (START, DECIDE, STEER, CALL, LOOK):
        lines.append(f"*{group}*")
        lines += [f"{typed(c.usage)} — {c.does}" for c in COMMANDS if c.group == group]
    lines.append("`/incident …` does the same, seen by you alone.")
    return "\n".join(lines)


def _one(command: Command) -> str:
    return f"{typed(command.usage)} — {command.does}.\nFor example: {typed(command.example)}"


def near_verbs(word: str) -> tuple[str, ...]:
    """Return the verbs that were probably meant, best first."""
    asked = word.casefold()
    close = get_close_matches(asked, VERBS, n=3, cutoff=0.5)
    meant = _MEANT.get(asked)
    prefixed = [verb for verb in VERBS if len(asked) > 1 and verb.startswith(asked)]
    found = dict.fromkeys([*([meant] if meant else []), *prefixed, *close])
    return tuple(found)[:3]


def unknown_verb(word: str) -> str:
    """Answer a verb that there is not; nothing is guessed, near ones are named."""
    near = [typed(_BY_VERB[verb].usage) for verb in near_verbs(word)]
    there = f"There is no command {code(word, 60)}, so nothing was done."
    if near:
        return f"{there} Did you mean {either(near)}? `{PREFIX} help` lists all of them."
    return f"{there} `{PREFIX} help` lists what there is."


def missing(verb: str, what: str) -> str:
    """Say which part of a command is missing, and how it is written."""
    command = _BY_VERB[verb]
    return (
        f"Nothing was done: `{PREFIX} {verb}` needs {inline(what)}.\n"
        f"For example: `{PREFIX} {command.example}`"
    )


def unknown_name(kind: str, word: str, known: Iterable[str]) -> str:
    """Answer a name that there is not (of a system, a procedure, an incident), near ones named."""
    names = list(known)
    by_fold = {name.casefold(): name for name in names}
    near = [by_fold[n] for n in get_close_matches(word.casefold(), by_fold, n=3, cutoff=0.5)]
    there = f"Nothing was done: there is no {kind} {code(word, 60)}."
    if near:
        return f"{there} Did you mean {either([code(n, 60) for n in near])}?"
    if names:
        return f"{there} There is {either([code(n, 60) for n in names], shown=8)}."
    return f"{there} There is none yet."
