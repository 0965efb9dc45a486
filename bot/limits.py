"""How much of people's words one incident keeps; docs/limits.md has these and all other limits.

Every word is part of the run's state, which is stored and read at every event: without a bound,
somebody who writes on and on would slow down a rollback.
"""

TEXT = 3_000
"""Characters of a reason or a note; what is longer is cut, and whoever wrote it is told."""
MOST_NOTES = 300
"""Notes of one incident."""
MOST_CALLS = 60
"""Calls of one incident, those that the policy makes by itself among them, that people add to."""


def cut(text: str) -> str:
    """Return a text within its limit; one that was cut ends in `…`."""
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"
