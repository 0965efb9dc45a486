"""Sentences that were written for Slack, as a terminal shows them."""

import re
from collections.abc import Callable

from bot.slack.texts import plain

BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
TYPED = re.compile(r"`([^`\n]+)`")


def flat(text: str, name_of: Callable[[str], str | None] = lambda _: None) -> str:
    """Return mrkdwn as plain text: no marks, names for mentions, times in UTC."""
    unmarked = TYPED.sub(r"\1", BOLD.sub(r"\1", text))
    return plain(unmarked, name_of)
