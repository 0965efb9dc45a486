"""Nothing that an action does wrong leaves a run where nobody can help it on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.models.bundles import Bundle
from config.models.procedures import ProcedureInput
from flows import events
from flows.actions import Context, Holds, JsonObject, NotYet, TransientError, Verdict
from flows.events import IncidentDeclared
from flows.states import State, StepState
from tests.flows.bench import EMILY, JENNIFER, MARCUS, Bench, actor, declaration
from tests.flows.estate import Estate, Look, LookInputs, Set, SetInputs, bundle, step


@pytest.fixture
def estate() -> Estate:
    """An estate with a bad release."""
    return Estate()


@pytest.fixture
async def bench(tmp_path: Path, estate: Estate) -> AsyncIterator[Bench]:
    """A running engine on it."""
    bench = Bench(tmp_path, estate, bundle())
    bench.start()
    yield bench
    await bench.stop()


async def test_a_capture_that_never_ends_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recording what is there is a look like any other: it is bounded."""

    async def stuck(action: Set, inputs: SetInputs, context: Context) -> JsonObject:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(Set, "capture", stuck)
    monkeypatch.setattr("flows.performing.LOOK_TIMEOUT", 0.01)
    await bench.approved()
    run = await bench.until(State.HOLD)
    assert run.steps["rollback"].state is StepState.FAILED


async def test_a_doubt_that_trips_over_a_fault_of_ours_is_put_to_people(
    bench: Bench, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at a doubt raises what nobody expects: the run holds instead of trying for ever."""

    async def broken(
        action: Set, inputs: SetInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        raise KeyError("revision")

    estate.faults["fake.set:release"] = ["lost"]
    monkeypatch.setattr(Set, "verify", broken)
    await bench.approved()
    run = await bench.until(State.HOLD)
    assert run.held is not None
    assert "KeyError" in run.held.why


async def test_a_doubt_that_can_not_be_looked_at_is_put_to_people_in_the_end(
    bench: Bench, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster stays unreachable: after the step's time, people may decide."""

    async def away(
        action: Set, inputs: SetInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        raise TransientError("the cluster does not answer", delay=0.02)

    estate.faults["fake.set:release"] = ["lost"]
    monkeypatch.setattr(Set, "verify", away)
    monkeypatch.setattr("flows.performing.LOOK_TIMEOUT", 0.1)
    await bench.approved()
    run = await bench.until(State.HOLD)
    assert run.held is not None
    assert "does not answer" in run.held.why


async def test_an_undo_that_trips_over_a_fault_of_ours_holds(
    tmp_path: Path, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Undo raises what nobody expects: people are told, and can leave the change as it is."""

    async def broken(action: Set, inputs: SetInputs, captured: JsonObject, context: Context) -> str:
        raise KeyError("was")

    monkeypatch.setattr(Set, "undo", broken)
    never = step("check", "fake.look", **{"with": {"name": "status", "equals": "never"}})
    bench = Bench(tmp_path, estate, bundle(validate=(never,)))
    bench.start()
    await bench.approved()
    await bench.until(State.HOLD)
    bench.feed(events.UndoAsked(reason="worse"))
    await bench.until(State.UNDO)
    run = await bench.until(State.HOLD)
    assert run.held is not None
    assert "KeyError" in run.held.why
    await bench.stop()


async def test_what_a_person_wrote_is_never_taken_for_a_template(
    tmp_path: Path, estate: Estate
) -> None:
    """Braces in the reason of a declaration stay what they are from the plan to the call."""

    def declared(incident: str) -> IncidentDeclared:
        return replace(declaration(incident), reason="{{ system.hidden }}")

    told = step("told", "fake.set", **{"with": {"name": "status", "to": "{{ incident.reason }}"}})
    bench = Bench(tmp_path, estate, bundle(restore=(told,), validate=()))
    bench.start()
    bench.engine.declare("shop", declared, actor=actor(MARCUS), event_id="declared")
    await bench.approved()
    await bench.until(State.CLOSED)
    assert estate.values["status"] == "{{ system.hidden }}"
    await bench.stop()


async def test_what_is_in_place_already_is_waited_for_and_not_captured_again(
    bench: Bench, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier plan set it and it is on its way: its end state is not taken for the old one."""
    verdicts: list[Verdict] = [NotYet(progress="pods are leaving", after=0.01)] * 2

    async def leaving(
        action: Set, inputs: SetInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        return verdicts.pop() if verdicts else Holds(summary="gone", output={})

    estate.values["release"] = "bad"
    bench.declare()
    await bench.until(State.APPROVE)
    estate.values["release"] = "good"
    monkeypatch.setattr(Set, "verify", leaving)
    bench.approve(EMILY)
    bench.approve(JENNIFER)
    run = await bench.until(State.CLOSED, State.HOLD)
    assert run.state is State.CLOSED
    assert run.steps["rollback"].captured is None
    assert not [call for call in estate.calls if call.startswith("set")]


async def test_what_the_plan_was_made_with_is_pinned_to_its_run(
    tmp_path: Path, estate: Estate
) -> None:
    """An input's default that was edited meanwhile changes no late input of an approved plan."""

    def system(default: str) -> Bundle:
        first = step("first", "fake.set", **{"with": {"name": "release", "to": "good"}})
        to = "{{ inputs.prefix }}-{{ steps.first.value }}"
        late = step("late", "fake.set", **{"with": {"name": "status", "to": to}})
        found = bundle(restore=(first, late))
        given = {"prefix": ProcedureInput(default=default)}
        procedures = {"back": found.procedures["back"].model_copy(update={"inputs": given})}
        return replace(found, procedures=procedures)

    before = Bench(tmp_path, estate, system("approved"))
    before.start()
    before.declare()
    await before.until(State.APPROVE)
    await before.stop()
    after = Bench(tmp_path, estate, system("edited"))
    after.start()
    after.approve(EMILY)
    after.approve(JENNIFER)
    await after.until(State.CLOSED)
    assert estate.values["status"] == "approved-good"
    await after.stop()


async def test_a_clock_that_is_set_back_prolongs_no_pause(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wait of milliseconds stays one, though the clock goes back by an hour meanwhile."""
    offsets = [timedelta(0)]
    looks: list[str] = []
    look = Look.look

    async def looked(action: Look, inputs: LookInputs, context: Context) -> Verdict:
        if inputs.equals is None:
            return await look(action, inputs, context)
        looks.append(inputs.name)
        if len(looks) > 1:
            return Holds(summary="good", output={})
        asyncio.get_running_loop().call_later(0.001, offsets.append, timedelta(hours=-1))
        return NotYet(progress="bad", after=0.02)

    monkeypatch.setattr(bench.engine, "_clock", lambda: datetime.now(UTC) + offsets[-1])
    monkeypatch.setattr(Look, "look", looked)
    await bench.approved()
    await bench.until(State.CLOSED)
    assert len(looks) == 2
