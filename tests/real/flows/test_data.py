"""AIVO's single rows put back, between two PostgreSQL databases."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from flows import events
from flows.states import State, StepState
from tests.real.flows.conftest import Open
from tests.real.flows.school import Databases
from tests.real.flows.stage import Stage

Json = Any
DAMAGED = {"assessments": "5", "grades": "3,4,9"}


async def reviewed(aivo: Stage, databases: Databases, **inputs: str) -> None:
    """Go as far as the review of the differences: nothing is written before it."""
    damaged = databases.content()
    aivo.declare("grades are wrong", data=True)
    plan = await aivo.plan("rows", **DAMAGED, **inputs)
    assert plan.class_id == "data"
    changes = {each.subject: (each.before, each.after) for each in plan.step("mend").changes}
    assert changes["public.grades id=3"] == ("grade=0.00", "grade=3.00")
    assert changes["public.assessments id=5"] == (None, "id=5, title=essay 5")
    assert len(changes) == 4
    aivo.approve("emily-watson")
    await aivo.until(lambda run: run.steps["mend"].state is StepState.WAITING)
    aivo.approve("emily-watson", "jennifer-liu", scope="mend")
    assert aivo.run.steps["mend"].state is StepState.WAITING, "one of the VP and the CTO as well"
    aivo.approve("michael-chen", scope="mend")
    assert aivo.run.steps["mend"].state is StepState.WAITING, "the CEO is neither"
    assert databases.content() == damaged


@pytest.mark.covers("AIVO-FLOW6", "AIVO-R15", "AIVO-R16", "AIVO-R17", "AIVO-FIX31", "AIVO-FIX32")
@pytest.mark.covers("AIVO-V2", "AIVO-V3", "AIVO-V8", "AIVO-Q1")
async def test_rows_are_put_back_after_a_review(
    stage: Open, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read at their own address, every difference shown, agreed to by two: the data are whole."""
    aivo = await stage(databases=databases.apart(monkeypatch))
    await reviewed(aivo, databases, recovered=databases.address)
    aivo.approve("david-park", scope="mend")
    await aivo.until_ended()
    assert databases.content() == databases.good()
    run = aivo.run
    assert run.steps["mend"].output is not None
    assert run.steps["mend"].output["changed"] == 4
    assert {"consistent", "users_after", "students_after", "grades_after"} <= set(aivo.done())
    assert any("Rows written: 4" in said for said in aivo.messages.said.values())


async def test_without_keys_there_is_no_plan(stage: Open, databases: Databases) -> None:
    """Nobody copies whole tables by leaving something out, and a key that is gone is told."""
    aivo = await stage()
    aivo.declare(data=True)
    assert "tables" in await aivo.refused("rows")
    assert "does not have 77" in await aivo.refused("rows", grades="77")


async def test_rows_are_read_at_no_other_host(stage: Open, databases: Databases) -> None:
    """An address that somebody typed gets no password unless the system's files allow it."""
    aivo = await stage()
    aivo.declare(data=True)
    told = await aivo.refused("rows", grades="3", recovered=databases.address)
    assert "connections.databases.recovered.hosts" in told


@pytest.mark.covers("AIVO-R17", "AIVO-FIX32")
async def test_copied_rows_are_put_back_as_they_were(stage: Open, databases: Databases) -> None:
    """Undone after the copy: the images of before come back, what was new goes again."""
    damaged = databases.content()
    aivo = await stage()
    await reviewed(aivo, databases)
    databases.primary.execute("DELETE FROM users WHERE id > 12")  # which a check won't pass
    aivo.approve("sarah-kim", scope="mend")
    await aivo.until(lambda run: run.state is State.VALIDATE)
    assert databases.content() == databases.good()
    aivo.feed(events.HoldAsked(reason="users are missing"))
    await aivo.until(lambda run: run.state is State.HOLD)
    aivo.feed(events.UndoAsked(reason="these were no mistakes"))
    run = await aivo.until(lambda run: run.ended)
    assert run.outcome == "undone"
    assert databases.content() == damaged
    assert any("as they were found" in said for said in aivo.messages.said.values())


@pytest.mark.covers("AIVO-R17", "AIVO-FIX43")
async def test_rows_that_changed_since_the_review_are_not_overwritten(
    stage: Open, databases: Databases
) -> None:
    """A teacher corrects a grade meanwhile: what was approved is no longer what would be done."""
    aivo = await stage()
    await reviewed(aivo, databases)
    databases.primary.execute("UPDATE grades SET grade = 2 WHERE id = 3")
    now = databases.content()
    aivo.approve("david-park", scope="mend")
    run = await aivo.until(lambda run: run.state is State.HOLD)
    assert run.held is not None
    assert databases.content() == now


@pytest.mark.crash
@pytest.mark.covers("AIVO-R17")
async def test_a_restart_during_the_copy_copies_once(stage: Open, databases: Databases) -> None:
    """The bot ends while the copy waits for somebody's lock; the next one finishes it."""
    damaged = databases.content()
    aivo = await stage()
    await reviewed(aivo, databases)
    with psycopg.connect(databases.primary.owner_dsn) as teacher:
        teacher.execute("SELECT 1 FROM grades WHERE id = 3 FOR UPDATE")
        aivo.approve("david-park", scope="mend")
        await aivo.until(lambda run: run.steps["mend"].state is StepState.RUNNING)
        await aivo.close()
        assert databases.content() == damaged
    aivo.wake()
    await aivo.until_ended()
    assert databases.content() == databases.good()
    assert databases.copies() == 1
