"""One icon a meaning, always with a word; and the words for states and effects.

Plain characters, not emoji: they look the same in Slack, in the sandbox and in a terminal.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flows.runs import Fact
from flows.states import State, StepState


@dataclass(frozen=True, slots=True)
class Sign:
    """An icon and its word."""

    icon: str
    word: str


STEPS: Mapping[StepState, Sign] = {
    StepState.PENDING: Sign("○", "waiting"),
    StepState.WAITING: Sign("○", "waiting for approval"),
    StepState.RUNNING: Sign("▸", "running"),
    StepState.DOUBT: Sign("?", "in doubt"),
    StepState.DONE: Sign("✓", "done"),
    StepState.FAILED: Sign("✗", "failed"),
    StepState.SKIPPED: Sign("⊘", "skipped"),
    StepState.NOT_NEEDED: Sign("–", "not needed"),
    StepState.UNDONE: Sign("↶", "undone"),
}
FINE = Sign("✓", "fine")
BAD = Sign("✗", "out of limits")
UNKNOWN = Sign("?", "unknown")
SEEN = Sign("✓", "seen")

PHASES: Mapping[State, str] = {
    State.ASSESS: "Assess",
    State.APPROVE: "Approve",
    State.ISOLATE: "Isolate",
    State.RESTORE: "Restore",
    State.VALIDATE: "Validate",
    State.COMMUNICATE: "Communicate",
    State.HOLD: "Hold",
    State.UNDO: "Undo",
    State.CLOSED: "Closed",
    State.CANCELLED: "Cancelled",
}
EFFECTS: Mapping[str, str] = {
    "reads": "reads",
    "changes": "changes",
    "interrupts": "interrupts",
    "destroys": "destroys",
}


def of_fact(fact: Fact) -> Sign:
    """Return the sign of a fact: within its limits, not, unknown, or merely seen."""
    if fact.value is None:
        return UNKNOWN
    if fact.ok is None:
        return SEEN
    return FINE if fact.ok else BAD


def severity(name: str) -> str:
    """Return a severity as people read it."""
    return name[:1].upper() + name[1:]
