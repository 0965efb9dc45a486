"""Text as Markdown wants it, for documents that leave Slack.

What people and estates wrote reaches a document only through `plain` or `code`: it can neither
end a table's cell, nor start a heading, nor become a link, a picture, HTML or a mention.
"""

import re
from collections.abc import Iterable, Sequence

from bot.wording.texts import cut, one_line

CELL = 400
_SPECIAL = re.compile(r"([\\`*_\[\]{}#|~$^=])")
_STARTS = re.compile(r"^(?=[-+:])|^(?=\d+[.)](?:\s|$))")
_SCHEME = re.compile(r"(?i)\b(https?|ftp|mailto|www)([:.])")
_NO_MENTION = "@\u2060"  # a word joiner: nobody sees it, and nobody is called


def plain(text: str, limit: int = CELL) -> str:
    """Return anybody's text on one line, as nothing but text."""
    kept = cut(one_line(text), limit)
    entities = kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    marked = _STARTS.sub("\u2060", _SPECIAL.sub(r"\\\1", entities))
    return _SCHEME.sub("\\1\u2060\\2", marked).replace("@", _NO_MENTION)


def code(text: str, limit: int = CELL) -> str:
    """Return text as code; its own backticks can't end it."""
    kept = cut(one_line(text), limit).replace("`", "'").replace("|", "¦")
    return f"`{kept.replace('@', _NO_MENTION)}`" if kept else ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table's lines; the cells are Markdown already."""
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def section(title: str, lines: Sequence[str]) -> list[str]:
    """Return a section, or nothing where it would be empty."""
    return ["", f"## {title}", "", *lines] if lines else []
