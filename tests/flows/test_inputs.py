"""What people give a procedure beside its name: read, demanded, and part of the plan."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from config.models.procedures import Procedure, ProcedureInput, Step
from flows import events, inputs
from flows.inputs import InputError
from flows.states import State
from tests.flows.bench import PATIENCE, Bench
from tests.flows.estate import Estate, bundle, step


def with_inputs(**wanted: ProcedureInput) -> Procedure:
    """Return a procedure that takes these."""
    return bundle().procedures["back"].model_copy(update={"inputs": wanted})


def test_values_have_the_type_of_their_defaults() -> None:
    """What has no default is text; an equals sign within a value is part of it."""
    procedure = with_inputs(
        keys=ProcedureInput(required=True),
        most=ProcedureInput(default=5),
        delete=ProcedureInput(default=False),
    )
    read = inputs.read(procedure, ["keys=81,a=b", "most=7", "delete=yes"])
    assert read == {"keys": "81,a=b", "most": 7, "delete": True}
    assert inputs.lacking(procedure, read) == ()
    assert inputs.lacking(procedure, {}) == ("keys",)


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("keys", "write name=value"),
        ("kyes=1", "did you mean `keys`"),
        ("most=some", "is a number"),
        ("delete=perhaps", "is true or false"),
    ],
)
def test_what_can_t_be_meant_is_refused(pair: str, told: str) -> None:
    """Each with a sentence about what would be right."""
    procedure = with_inputs(
        keys=ProcedureInput(), most=ProcedureInput(default=5), delete=ProcedureInput(default=False)
    )
    with pytest.raises(InputError, match=told):
        inputs.read(procedure, [pair])


async def test_a_person_gives_what_a_plan_needs(tmp_path: Path) -> None:
    """Without it there is no plan, and the reason says how to give it; with it the plan has it."""
    change = step("change", "fake.set", **{"with": {"name": "release", "to": "{{ inputs.to }}"}})
    made = bundle(restore=(change,))
    wanted = ProcedureInput(description="The release to go to", required=True)
    procedure = made.procedures["back"].model_copy(update={"inputs": {"to": wanted}})
    made = replace(made, procedures={"back": procedure})
    bench = Bench(tmp_path, Estate(), made)
    bench.start()
    bench.declare()
    async with asyncio.timeout(PATIENCE):
        while not bench.run.blocked:
            await bench.watch.changed("INC-1", 1.0)
    assert "The release to go to" in bench.run.blocked
    assert "!incident plan back to=…" in bench.run.blocked
    bench.feed(events.PlanAsked(procedure="back", inputs={"to": "good"}))
    run = await bench.until(State.APPROVE)
    assert run.plan is not None
    assert run.plan.inputs == {"to": "good"}
    assert run.plan.steps[0].inputs["to"] == "good"
    await bench.stop()


@pytest.mark.parametrize(("given", "planned"), [({}, ["after"]), ({"to": "x"}, ["only", "after"])])
async def test_a_step_that_inputs_rule_out_is_no_part_of_the_plan(
    tmp_path: Path, given: dict[str, str], planned: list[str]
) -> None:
    """It is neither looked at nor approved, and nothing follows it."""
    only = step("only", "fake.set", **{"with": {"name": "release", "to": "{{ inputs.to }}"}})
    only |= {"when": "inputs.to != null"}
    after = step("after", "fake.set", **{"with": {"name": "release", "to": "good"}})
    after |= {"follows": ["only"]}
    made = bundle(restore=(only, after))
    procedure = made.procedures["back"].model_copy(update={"inputs": {"to": ProcedureInput()}})
    made = replace(made, procedures={"back": procedure})
    bench = Bench(tmp_path, Estate(), made)
    bench.start()
    bench.declare()
    await bench.until(State.APPROVE)
    bench.feed(events.PlanAsked(procedure="back", inputs=given))
    async with asyncio.timeout(PATIENCE):
        while not bench.run.plan or (bench.run.plan.inputs or {})["to"] != given.get("to"):
            await bench.watch.changed("INC-1", 1.0)
    steps = [each.id for each in bench.run.plan.steps if each.phase is State.RESTORE]
    assert steps == planned
    assert bench.run.plan.step("after").follows == (("only",) if given else ())
    await bench.stop()


@pytest.mark.parametrize(
    ("condition", "settled", "left"),
    [
        ("system.thorough", False, None),
        ("system.thorough || inputs.deep", True, None),
        ("system.thorough && steps.look.seen", None, "system.thorough && steps.look.seen"),
        ("steps.look.seen", None, "steps.look.seen"),
        (None, None, None),
    ],
)
def test_what_a_system_is_like_is_settled_when_the_plan_is_made(
    condition: str | None, settled: bool | None, left: str | None
) -> None:
    """Inputs and variables stay as they are; whatever else is read may come true by then."""
    made = Step.model_validate(step("only", "fake.set") | {"when": condition})
    values = {"system": {"thorough": False}, "inputs": {"deep": True}, "steps": {}}
    assert inputs.rule_out(made, values) is (settled is False)
    assert inputs.condition_left(made, values) == left
