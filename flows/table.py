"""The transition table: the theory of a rollback, as rows.

    assess → approve → isolate → restore → validate → communicate → closed

A run *assesses* until a plan stands, and waits in *approve* until the people whom the policy
names have approved that very plan.  It then performs the plan's phases in order.  A step that
fails, an outcome that can't be resolved, a criterion that is not met in time, drift, or a
person who says so, puts it on *hold*; from there people retry, skip, resume, plan anew, undo or
(before anything changed) abort.  *Undo* puts back what was captured, last to first.  Nothing
but a person or a satisfied gate ever moves a run out of *approve*, with two exceptions that begin
only what loses nothing: the person who breaks the glass, and owes a review for it; and a trigger
that the policy lets begin by itself, after a notice in which anybody may hold it.

`flows.machine` builds the `transitions` machine from these rows, the diagram in the docs is
generated from them, and a test walks every one.  A guard is named here and defined below; rows
of the same state and trigger are tried in order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flows.runs import Run
from flows.states import PHASES, State


class Trigger(StrEnum):
    """What moves a run."""

    PLAN_READY = "plan ready"
    NO_ROLLBACK = "no rollback called for"
    GATE_SATISFIED = "gate satisfied"
    GLASS_BROKEN = "glass broken"
    BEGUN_ALONE = "begun by itself"
    DENIED = "denied"
    EXPIRED = "expired"
    REPLAN = "replan"
    PHASE_DONE = "phase done"
    STEP_FAILED = "step failed"
    HOLD = "hold asked"
    CONTINUE = "retry, skip or resume"
    UNDO = "undo asked"
    UNDO_DONE = "undo done"
    TOLD = "everybody told"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Row:
    """One transition; `guard` names an entry of `GUARDS`."""

    source: State
    trigger: Trigger
    dest: State
    guard: str | None = None


S, T = State, Trigger
ROWS: tuple[Row, ...] = (
    Row(S.ASSESS, T.PLAN_READY, S.APPROVE),
    Row(S.ASSESS, T.NO_ROLLBACK, S.COMMUNICATE, "nothing changed"),
    Row(S.APPROVE, T.GATE_SATISFIED, S.ISOLATE, "plan isolates"),
    Row(S.APPROVE, T.GATE_SATISFIED, S.RESTORE),
    Row(S.APPROVE, T.GLASS_BROKEN, S.ISOLATE, "plan isolates"),
    Row(S.APPROVE, T.GLASS_BROKEN, S.RESTORE),
    Row(S.APPROVE, T.BEGUN_ALONE, S.ISOLATE, "plan isolates"),
    Row(S.APPROVE, T.BEGUN_ALONE, S.RESTORE),
    Row(S.APPROVE, T.DENIED, S.ASSESS),
    Row(S.APPROVE, T.EXPIRED, S.ASSESS),
    Row(S.APPROVE, T.REPLAN, S.ASSESS),
    Row(S.ISOLATE, T.PHASE_DONE, S.RESTORE),
    Row(S.RESTORE, T.PHASE_DONE, S.VALIDATE),
    Row(S.VALIDATE, T.PHASE_DONE, S.COMMUNICATE),
    *(Row(phase, T.STEP_FAILED, S.HOLD) for phase in PHASES),
    *(Row(phase, T.HOLD, S.HOLD) for phase in PHASES),
    *(Row(S.HOLD, T.CONTINUE, phase, f"held in {phase}") for phase in (*PHASES, S.UNDO)),
    Row(S.HOLD, T.REPLAN, S.ASSESS, "not undoing"),
    *(Row(state, T.UNDO, S.UNDO, "something changed") for state in (*PHASES, S.HOLD)),
    *(Row(state, T.UNDO, S.UNDO, "something changed") for state in (S.ASSESS, S.APPROVE)),
    Row(S.UNDO, T.STEP_FAILED, S.HOLD),
    Row(S.UNDO, T.UNDO_DONE, S.COMMUNICATE),
    *(
        Row(state, T.ABORT, S.CANCELLED, "nothing changed")
        for state in (S.ASSESS, S.APPROVE, *PHASES, S.HOLD)
    ),
    Row(S.COMMUNICATE, T.TOLD, S.CLOSED),
)


def _held_in(state: State) -> Callable[[Run], bool]:
    return lambda run: run.held is not None and run.held.origin is state


GUARDS: Mapping[str, Callable[[Run], bool]] = {
    "plan isolates": lambda run: bool(run.plan and run.plan.stages(State.ISOLATE)),
    "nothing changed": lambda run: not run.touched,
    "something changed": lambda run: run.touched,
    "not undoing": lambda run: not _held_in(State.UNDO)(run),
    **{f"held in {state}": _held_in(state) for state in (*PHASES, State.UNDO)},
}


def mermaid() -> str:
    """Write the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.ASSESS}"]
    for row in ROWS:
        guard = f" [{row.guard}]" if row.guard else ""
        lines.append(f"    {row.source} --> {row.dest}: {row.trigger}{guard}")
    lines += [f"    {state} --> [*]" for state in (State.CLOSED, State.CANCELLED)]
    return "\n".join(lines) + "\n"
