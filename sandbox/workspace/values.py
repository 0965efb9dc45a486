"""Small shared values: the JSON alias, Slack's error, and the clock.

Used by every module of the workspace emulator, imports nothing of it.
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

_ID_ALPHABET = string.ascii_uppercase + string.digits


class SlackError(Exception):
    """An answer with `ok: false`; `extra` is merged into the response."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra: Json = extra

    @classmethod
    def arguments(cls, *messages: str) -> SlackError:
        """Build `invalid_arguments` with Slack's way of naming what is wrong."""
        marked = [f"[ERROR] {message}" for message in messages]
        return cls("invalid_arguments", response_metadata={"messages": marked})


def new_id(prefix: str) -> str:
    """Return a random id that looks like one of Slack's."""
    return prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(10))


@dataclass(slots=True, kw_only=True)
class Clock:
    """Real time, message timestamps by the clock on the wall, and deadlines divided by `speed`."""

    speed: float = 1.0
    wall: Callable[[], float] = time.time
    _last: int = field(default=0, repr=False)

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go back, for deadlines."""
        return time.monotonic()

    def scaled(self, seconds: float) -> float:
        """Return how long one of Slack's own delays lasts here."""
        return seconds / self.speed

    def next_ts(self) -> str:
        """Return a message timestamp that no other message of the workspace has."""
        micros = max(int(self.wall() * 1_000_000), self._last + 1)
        self._last = micros
        return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"
