"""Ending sessions, and waiting a little until they are gone.

Called by `terminate_sessions` and by what recycles sessions (`writing`).
"""

from collections.abc import Awaitable, Callable, Sequence

from adapters.postgres import roles
from adapters.postgres.roles import Client
from adapters.postgres.sessions import Session
from adapters.values import count
from flows.actions import Context

LOOKS = 30
BETWEEN = 0.3
"""Seconds between two looks: a backend ends when it comes to itself, usually at once."""


async def end(
    session: Session, left: Callable[[], Awaitable[Sequence[Client]]], context: Context
) -> None:
    """End what is left, and look until nothing is, or for some 10 s; `verify` says what is."""
    for number in range(LOOKS):
        there = await left()
        if not there:
            return
        if not number:
            await roles.end(session, there)
        await context.progress(f"{count(len(there), 'session')} to end")
        await context.pause(BETWEEN)
