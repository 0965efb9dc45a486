"""Faults on request: an error, a status, a 429, a delay, a cut connection, a lost reply.

Tests and the page set them through the control API; `api.Api` asks for each call.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.workspace.values import Json, SlackError

_KEYS = {
    "method",
    "error",
    "status",
    "retry_after",
    "delay_ms",
    "drop",
    "lose_reply",
    "count",
    "skip",
    "match",
}


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to the next `count` calls of a method (`*`: any; None: until cleared)."""

    method: str = "*"
    error: str = ""
    status: int = 0
    retry_after: int = 0
    delay_ms: float = 0
    drop: bool = False
    lose_reply: bool = False
    count: int | None = 1
    skip: int = 0
    match: Json = field(default_factory=dict)
    hits: int = 0

    @classmethod
    def parse(cls, body: Json) -> Fault:
        """Read a fault from the control API; unknown keys are refused."""
        unknown = sorted(set(body) - _KEYS)
        if unknown:
            raise SlackError("invalid_fault", unknown=unknown, known=sorted(_KEYS))
        return cls(**body)

    def applies(self, method: str, args: Json) -> bool:
        """Say whether it hits this call, and count it."""
        if self.method not in ("*", method):
            return False
        if any(str(args.get(key)) != str(value) for key, value in self.match.items()):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.count is not None and self.hits >= self.count:
            return False
        self.hits += 1
        return True


@dataclass(slots=True, kw_only=True)
class Faults:
    """All faults that are set, and a delay on every call."""

    delay_ms: float = 0
    faults: list[Fault] = field(default_factory=list)

    def take(self, method: str, args: Json) -> Fault | None:
        """Return the first fault that hits this call."""
        found = next((fault for fault in self.faults if fault.applies(method, args)), None)
        self.faults = [one for one in self.faults if one.count is None or one.hits < one.count]
        return found

    def clear(self) -> None:
        """Forget all faults and the delay."""
        self.faults.clear()
        self.delay_ms = 0
