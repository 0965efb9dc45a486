"""The `transitions` machine, built from the table.  The only module that knows the library.

Called by `flows.decisions`.  The traps that it avoids are named where it does.
"""

from dataclasses import dataclass
from functools import cache

from transitions import Machine

from flows.runs import Run
from flows.states import State
from flows.table import GUARDS, ROWS, Trigger


class NotAllowedError(Exception):
    """The table has no row for this trigger in this state, or its guard says no."""

    def __init__(self, state: State, trigger: Trigger) -> None:
        super().__init__(f"{trigger} does not apply in {state}")
        self.state = state
        self.trigger = trigger


@dataclass(slots=True)
class _Token:
    """What the machine moves: only a state, so that the run itself stays frozen."""

    state: State


@cache
def _machine() -> Machine:
    machine = Machine(
        model=None,
        states=State,
        initial=State.ASSESS,
        auto_transitions=False,  # else every state gets a way round the guards
        queued=False,  # else a refused trigger reports success
        ignore_invalid_triggers=True,  # answers False, as a refusing guard does
    )
    for row in ROWS:
        conditions = GUARDS[row.guard] if row.guard else None
        machine.add_transition(row.trigger.name, row.source, row.dest, conditions=conditions)
    return machine


def next_state(run: Run, trigger: Trigger) -> State:
    """Return where a trigger leads from the run's state.

    Raises `NotAllowedError` where the table has no way.
    """
    token = _Token(run.state)
    if not _machine().events[trigger.name].trigger(token, run):
        raise NotAllowedError(run.state, trigger)
    return token.state


def allows(run: Run, trigger: Trigger) -> bool:
    """Say whether a trigger leads anywhere from the run's state."""
    try:
        next_state(run, trigger)
    except NotAllowedError:
        return False
    return True
