"""What people type after `!incident` and `/incident`, read into requests.

Pure: text that `bot.slack.texts` made plain goes in, a request or the reason why it is none comes
out.  Who may do what is for `bot.slack.desk`.
"""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from bot.slack.texts import straight

PREFIX = "!incident"
INCIDENT = re.compile(r"^inc-?(\d+)$", re.IGNORECASE)
DIGEST = re.compile(r"^[0-9a-f]{8,64}$", re.IGNORECASE)
DECORATION = "`*_~> \t\n"
FILLERS = ("on", "in", "for", "at")
YES = ("yes", "y", "true")
NO = ("no", "n", "false")


class Verb(StrEnum):
    """What can be asked for."""

    DECLARE = "declare"
    STATUS = "status"
    LIST = "list"
    PLAN = "plan"
    APPROVE = "approve"
    DENY = "deny"
    WITHDRAW = "withdraw"
    EMERGENCY = "emergency"
    ANSWER = "answer"
    HOLD = "hold"
    RESUME = "resume"
    RETRY = "retry"
    SKIP = "skip"
    UNDO = "undo"
    ABORT = "abort"
    ACK = "ack"
    PAGE = "page"
    NOTE = "note"
    DONE = "done"
    HELP = "help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as typed.

    `subject` is a step, question, procedure or system, by the verb; `incident` stands only where
    it was named; `digest` is in lower case.
    """

    verb: Verb
    incident: str | None = None
    subject: str = ""
    digest: str = ""
    answer: bool | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misspelt:
    """A first word that is no verb; `bot.messages` names those that look like it."""

    word: str


def is_command(text: str) -> bool:
    """Say whether a message is meant for us, correctly spelt or nearly."""
    word = _first_word(text)
    if not word.startswith("!"):
        return False
    return word == PREFIX or bool(get_close_matches(word, [PREFIX], cutoff=0.8))


def rest_of(text: str) -> str:
    """Return what follows `!incident`."""
    stripped = straight(text).strip(DECORATION)
    parts = stripped.split(maxsplit=1)
    return parts[1] if len(parts) > 1 else ""


def _first_word(text: str) -> str:
    parts = straight(text).strip(DECORATION).split(maxsplit=1)
    return parts[0].casefold() if parts else ""


def parse(text: str, systems: Iterable[str] = ()) -> Request | Misspelt:
    """Read what follows `!incident`; `systems` are the names and aliases that are known."""
    text = straight(text).strip(DECORATION)
    head, *more = text.split(maxsplit=1) or [""]
    rest = more[0] if more else ""
    word = head.casefold().strip("!:,.")
    if not word:
        return Request(verb=Verb.HELP)
    if word not in Verb._value2member_map_:
        return Misspelt(word=head)
    verb = Verb(word)
    if verb is Verb.DECLARE:
        return _declaration(rest, {name.casefold() for name in systems})
    return _request(verb, rest)


def _declaration(rest: str, systems: set[str]) -> Request:
    """Read a reason, quoted or not, with a system before or after it."""
    words = _words(rest)
    if not words:
        return Request(verb=Verb.DECLARE)
    quoted = rest.lstrip().startswith('"') and rest.count('"') > 1
    if not quoted and words[0].casefold() in systems and len(words) > 1:
        return Request(verb=Verb.DECLARE, subject=words[0], text=" ".join(words[1:]))
    if quoted:
        after = [word for word in words[1:] if word.casefold() not in FILLERS]
        return Request(verb=Verb.DECLARE, subject=" ".join(after), text=words[0])
    if words[-1].casefold() in systems and len(words) > 1:
        before = words[:-1]
        if before[-1].casefold() in FILLERS:
            before.pop()
        return Request(verb=Verb.DECLARE, subject=words[-1], text=" ".join(before))
    return Request(verb=Verb.DECLARE, text=" ".join(words))


def _request(verb: Verb, rest: str) -> Request:
    incident, words = _incident(_words(rest))
    match verb:
        case Verb.APPROVE | Verb.DENY | Verb.WITHDRAW | Verb.EMERGENCY:
            digest, words = _digest(words)
            return Request(verb=verb, incident=incident, digest=digest, text=" ".join(words))
        case Verb.ANSWER:
            return _answer(incident, words)
        case Verb.SKIP | Verb.PLAN | Verb.RETRY:
            subject = words[0] if words else ""
            text = " ".join(words[1:])
            return Request(verb=verb, incident=incident, subject=subject, text=text)
        case _:
            return Request(verb=verb, incident=incident, text=" ".join(words))


def _answer(incident: str | None, words: list[str]) -> Request:
    said = words[-1].casefold().rstrip(".!") if words else ""
    answer = True if said in YES else False if said in NO else None
    subject = " ".join(words if answer is None else words[:-1]).casefold()
    return Request(verb=Verb.ANSWER, incident=incident, subject=subject, answer=answer)


def _incident(words: list[str]) -> tuple[str | None, list[str]]:
    """Take an incident's id off either end: within a sentence it is part of the sentence."""
    for index in (0, -1):
        if words and (found := INCIDENT.match(words[index])):
            words.pop(index)
            return f"INC-{found[1]}", words
    return None, words


def _digest(words: list[str]) -> tuple[str, list[str]]:
    if words and DIGEST.match(words[0]):
        return words[0].lower(), words[1:]
    return "", words


def _words(text: str) -> list[str]:
    """Split at spaces, except within double quotes; an apostrophe is no quote, nor is a `\\`."""
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.quotes, lexer.escape = True, "", '"', ""
    try:
        return list(lexer)
    except ValueError:  # a quote that is never closed
        return text.replace('"', " ").split()
