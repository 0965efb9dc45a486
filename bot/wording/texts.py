"""Text as Slack wants it: escaped once, cut to size, durations and times in words.

Used by every sentence and every view.  What people typed reaches Slack only through `inline`,
`bold`, `code` or `quoted`, so that it can never become a mention or a link.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

ELLIPSIS = "…"
MINUTE, HOUR, DAY = 60, 3600, 86_400
INLINE_LIMIT = 300
NAMES_SHOWN = 5
_SPACES = re.compile(r"\s+")
_UNSEEN = {"Cc", "Cf", "Co", "Cs"}  # control and format characters, right-to-left overrides too


def escape(text: str) -> str:
    """Escape what Slack gives a meaning to; do it once, where text becomes mrkdwn."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Turn text that came from Slack back into what the person typed."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def one_line(text: str) -> str:
    """Return the text on one line, without characters that nobody sees."""
    spaced = _SPACES.sub(" ", text)
    return "".join(c for c in spaced if unicodedata.category(c) not in _UNSEEN).strip()


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters, the last one … where something was left off."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def inline(text: str, limit: int = INLINE_LIMIT) -> str:
    """Return anybody's text for mrkdwn: one line, escaped, at most `limit` characters as sent."""
    plain = one_line(text)
    escaped = escape(plain)
    if len(escaped) <= limit:
        return escaped
    kept, room = [], limit - 1
    for character in plain:
        sent = escape(character)
        room -= len(sent)
        if room < 0:
            break
        kept.append(sent)
    return "".join(kept).rstrip() + ELLIPSIS


def bold(text: str, limit: int = INLINE_LIMIT) -> str:
    """Return anybody's text in bold; its own asterisks can't end it."""
    inner = inline(text.replace("*", "∗"), limit)
    return f"*{inner}*" if inner else ""


def code(text: str, limit: int = INLINE_LIMIT) -> str:
    """Return anybody's text as code; its own backticks can't end it."""
    inner = inline(text.replace("`", "'"), limit)
    return f"`{inner}`" if inner else ""


def quoted(text: str, limit: int = INLINE_LIMIT) -> str:
    """Return what a person said, in quotes; without code marks, which could swallow a line."""
    return f"“{inline(text.replace('`', chr(39)), limit)}”"


def duration(seconds: float) -> str:
    """Write seconds as people say them: `3 min 20 s`, `2 h 5 min`, `3 days 4 h`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _two(whole, MINUTE, "min", 1, "s")
    if whole < 2 * DAY:
        return _two(whole, HOUR, "h", MINUTE, "min")
    return _two(whole, DAY, "days", HOUR, "h")


def _two(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    first, rest = divmod(whole, large)
    second = rest // small
    return f"{first} {large_unit}" + (f" {second} {small_unit}" if second else "")


def budget(spent: float, whole: float) -> str:
    """Write how much of a budget is used: `4 of 10 min`, `1 min 50 s of 10 min`."""
    used, limit = max(0, int(spent)), int(whole)
    if used >= MINUTE and used % MINUTE == 0 and limit % MINUTE == 0 and limit < HOUR:
        return f"{used // MINUTE} of {limit // MINUTE} min"
    return f"{duration(used)} of {duration(limit)}"


def left(until: datetime, now: datetime) -> str:
    """Say how long there is: `4 min left`, or by how much it is late."""
    seconds = (until - now).total_seconds()
    return f"{duration(seconds)} left" if seconds > 0 else f"late by {duration(-seconds)}"


def clock(when: datetime, *, day: bool = False) -> str:
    """Return a Slack date token: the time in the reader's zone, UTC where it can't be shown."""
    shown = "{date_short_pretty} {time}" if day else "{time_secs}"
    fallback = when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC" if day else "%H:%M:%S UTC")
    return f"<!date^{int(when.timestamp())}^{shown}|{fallback}>"


def utc(when: datetime) -> str:
    """Return a time for places that know no zones: notifications, the terminal."""
    return when.astimezone(UTC).strftime("%H:%M:%S UTC")


def mention(slack: str | None, name: str) -> str:
    """Ping a person, or name them where their Slack id is not known."""
    return f"<@{slack}>" if slack and re.fullmatch(r"[UW][A-Z0-9]+", slack) else inline(name, 80)


def either(words: Iterable[str], shown: int = NAMES_SHOWN) -> str:
    """Join as a choice: `A, B or C`.  The words are mrkdwn already."""
    return _joined(tuple(words), "or", shown)


def both(words: Iterable[str], shown: int = NAMES_SHOWN) -> str:
    """Join as a whole: `A, B and C`.  The words are mrkdwn already."""
    return _joined(tuple(words), "and", shown)


def _joined(words: Sequence[str], last: str, shown: int) -> str:
    if len(words) > shown:
        rest = len(words) - shown
        words = (*words[:shown], f"{rest} other{'s' if rest > 1 else ''}")
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Write `1 step`, `3 steps`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def sentence(text: str) -> str:
    """End a text with a full stop, unless it ends like a sentence already."""
    return text if not text or text.endswith((".", "!", "?", ELLIPSIS, ":")) else text + "."


def capital(text: str) -> str:
    """Start a text with a capital letter and leave the rest alone."""
    return text[:1].upper() + text[1:]


def fit(lines: Sequence[str], limit: int, more: str = "{} more lines left out") -> str:
    """Join lines up to a limit; say how many were left out."""
    kept: list[str] = []
    room = limit - len(more) - 8
    for number, text in enumerate(lines):
        room -= len(text) + 1
        if room < 0:
            return "\n".join([*kept, f"{ELLIPSIS} {more.format(len(lines) - number)}"])
        kept.append(text)
    return "\n".join(kept)
