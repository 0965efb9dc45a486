"""The transition table: every row leads where it says, and nothing else leads anywhere."""

from dataclasses import replace
from typing import cast

import pytest

from flows.decisions import decide
from flows.events import Actor, Recorded
from flows.machine import NotAllowedError, allows, next_state
from flows.runs import Applied, Held, Run, StepRecord
from flows.states import PHASES, State
from flows.table import GUARDS, ROWS, Row, Trigger, mermaid
from tests.flows.bench import declaration
from tests.flows.test_gates import START

ACTOR = Actor(id="marcus", name="Marcus Rodriguez")


def a_run(state: State, *, held_in: State = State.RESTORE, touched: bool = False) -> Run:
    """Return a run in a state, without a plan."""
    recorded = Recorded(seq=1, at=START, actor=ACTOR, event=declaration("INC-1"))
    run, _ = decide(None, recorded)
    held = Held(origin=held_in, why="test", step=None, by=ACTOR, at=START)
    run = replace(run, state=state, held=held if state is State.HOLD else None)
    something = cast("Applied", StepRecord())  # only whether there is something is looked at
    return replace(run, applied=(something,)) if touched else run


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.source}-{row.trigger}-{row.guard}")
def test_every_row_leads_where_it_says(row: Row) -> None:
    """A run for which the guard holds goes to the row's destination."""
    runs = [
        a_run(row.source, held_in=held, touched=touched)
        for held in (*PHASES, State.UNDO)
        for touched in (True, False)
    ]
    fitting = [run for run in runs if row.guard is None or GUARDS[row.guard](run)]
    if row.guard == "plan isolates":
        return  # shown by a whole run that isolates
    assert fitting
    assert {next_state(run, row.trigger) for run in fitting} == {row.dest}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("trigger", Trigger)
def test_what_has_no_row_is_not_allowed(state: State, trigger: Trigger) -> None:
    """There is no way round the table, and an unknown way raises instead of answering yes."""
    run = a_run(state)
    if any(row.source is state and row.trigger is trigger for row in ROWS):
        return
    assert not allows(run, trigger)
    with pytest.raises(NotAllowedError):
        next_state(run, trigger)


def test_three_ways_lead_from_approve_into_a_phase() -> None:
    """A satisfied gate, broken glass, and what the policy lets begin by itself; no fourth one."""
    ways = {row.trigger for row in ROWS if row.source is State.APPROVE and row.dest in PHASES}
    assert ways == {Trigger.GATE_SATISFIED, Trigger.GLASS_BROKEN, Trigger.BEGUN_ALONE}


def test_an_ended_run_goes_nowhere() -> None:
    """Closed and cancelled have no rows."""
    assert not [row for row in ROWS if row.source in (State.CLOSED, State.CANCELLED)]


def test_the_diagram_names_every_row() -> None:
    """Each row of the table is an arrow of the diagram."""
    assert mermaid().count("-->") == len(ROWS) + 3
