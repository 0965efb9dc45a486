"""The states of a run and of a step.  Named once, used by every view."""

from enum import StrEnum


class State(StrEnum):
    """Where a run is."""

    ASSESS = "assess"
    APPROVE = "approve"
    ISOLATE = "isolate"
    RESTORE = "restore"
    VALIDATE = "validate"
    COMMUNICATE = "communicate"
    HOLD = "hold"
    UNDO = "undo"
    CLOSED = "closed"
    CANCELLED = "cancelled"


PHASES = (State.ISOLATE, State.RESTORE, State.VALIDATE)
ENDED = (State.CLOSED, State.CANCELLED)


class StepState(StrEnum):
    """Where a step is.  Only `DOUBT` may have changed the world without our knowing."""

    PENDING = "pending"
    WAITING = "waiting"
    RUNNING = "running"
    DOUBT = "doubt"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_NEEDED = "not_needed"
    UNDONE = "undone"


SETTLED = (StepState.DONE, StepState.SKIPPED, StepState.NOT_NEEDED, StepState.UNDONE)


class Outcome(StrEnum):
    """How an incident ended, or is about to."""

    RESTORED = "restored"
    UNDONE = "undone"
    NO_ROLLBACK = "no_rollback"
    CANCELLED = "cancelled"
