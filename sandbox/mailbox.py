"""What was mailed in the sandbox, as the page's panel shows it; nothing leaves the machine.

`letters` returns the letters that a mail service has taken, each with at, from, to, subject, text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sandbox.estate.values import Object
from sandbox.parts import Part

MOST = 20
"""Letters that are shown."""


class Mailbox(Part):
    """The newest letters."""

    name = "mails"

    def __init__(self, letters: Callable[[], Sequence[Object]]) -> None:
        self._letters = letters

    def state(self) -> list[Object]:
        """Return the newest letters, newest first."""
        newest = sorted(self._letters(), key=lambda letter: float(letter["at"]), reverse=True)
        return newest[:MOST]
