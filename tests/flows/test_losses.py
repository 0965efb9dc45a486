"""What is lost by a step: what the procedure says counts where the action can't know yet."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.views import approving
from flows.states import State, StepState
from tests.flows.bench import PATIENCE, Bench
from tests.flows.estate import Estate, bundle, step

LOSS = "what was written since {{ steps.find.value }}"
LOOK = step("seen", "fake.look", **{"with": {"name": "release"}})
LATE = step(
    "late",
    "fake.set",
    **{"with": {"name": "release", "to": "was {{ steps.seen.value }}"}, "gate": "data"},
    loses=LOSS,
)
DONE = step("done", "fake.set", **{"with": {"name": "release", "to": "bad"}}, loses=LOSS)


async def test_a_late_step_tells_its_loss_at_its_gate(tmp_path: Path) -> None:
    """The action can't be asked before; the approvers see what the procedure says, filled in."""
    bench = Bench(tmp_path, Estate(), bundle(restore=(LOOK, LATE), validate=()))
    bench.start()
    await bench.approved()
    async with asyncio.timeout(PATIENCE):
        while bench.run.steps["late"].state is not StepState.WAITING:
            await bench.watch.changed("INC-1", 1.0)
    assert bench.run.plan is not None
    assert bench.run.plan.step("late").losses == "what was written since bad"
    blocks = approving.step_gate_blocks(bench.run, bench.engine.now())
    assert "Loses: what was written since bad" in str(blocks)
    await bench.stop()


async def test_what_is_in_place_loses_nothing(tmp_path: Path) -> None:
    """Where nothing would be changed nothing is lost, whatever the procedure says."""
    bench = Bench(tmp_path, Estate(), bundle(restore=(DONE,), validate=()))
    bench.start()
    bench.declare()
    run = await bench.until(State.APPROVE)
    assert run.plan is not None
    assert run.plan.step("done").losses == ""
    await bench.stop()
