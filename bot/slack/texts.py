"""What people type, made plain: unescaped, quotes straightened, mentions turned into words.

Slack's `&`, `<`, `>` arrive escaped, mentions arrive as `<…>`; Apple's keyboards curl quotes.
What leaves here is plain text that can't mention anybody: `bot.views` escapes it exactly once.
"""

import re
from collections.abc import Callable

from slugify import slugify

from bot import limits

CURLY = str.maketrans({**dict.fromkeys("“”„‟«»", '"'), **dict.fromkeys("‘’‚‛", "'"), "\u00a0": " "})
MARKUP = re.compile(r"<([^<>]*)>")
INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0b-\x1f\x7f]")
PREFIX = re.compile(r"^\s*production rollback\b\s*[-–—:]*\s*", re.IGNORECASE)
NAME_LIMIT = 50

Named = Callable[[str], str | None]


def plain(text: str, name_of: Named = lambda _: None) -> str:
    """Return wire text as a person would read it; `name_of` knows the names of user ids."""
    said = MARKUP.sub(lambda found: _word(found[1], name_of), text)
    said = said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return INVISIBLE.sub("", said)


def _word(markup: str, name_of: Named) -> str:
    target, _, label = markup.partition("|")
    match target[:1]:
        case "@":
            return "@" + (label or name_of(target[1:]) or target[1:])
        case "#":
            return "#" + (label or target[1:])
        case "!":
            if target.startswith("!subteam^"):
                return "@" + label.lstrip("@") if label else "@group"
            return label or "@" + target[1:]
        case _:
            return target.removeprefix("mailto:")


def straight(text: str) -> str:
    """Return text with straight quotes and ordinary spaces."""
    return text.translate(CURLY)


def reason_of(text: str) -> str:
    """Return the reason without the formula before it, in one paragraph, cut to its limit."""
    said = " ".join(text.split())
    said = PREFIX.sub("", said) or said
    return limits.cut(said)


def channel_name(incident: str, reason: str, number: int = 1) -> str:
    """Return the name of an incident's channel, e.g. `inc-7-checkout-5xx`.

    `number` tells it from one that has the name already.
    """
    head, tail = incident.lower(), f"-{number}" if number > 1 else ""
    room = NAME_LIMIT - len(head) - len(tail) - 1
    words = slugify(reason[:200], max_length=room, word_boundary=True)
    return f"{head}-{words}{tail}" if words else f"{head}{tail}"
