"""The story of AIVO's service rollback, from the declaration to the closed card."""

from pathlib import Path

import pytest

from flows.states import Outcome, StepState
from sandbox.workspace.client import shown
from tests.scenario.world.whole import ALEX, INCIDENTS, JENNIFER, number_in, whole

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]  # the machine may be busy


async def test_two_leads_bring_the_service_back(tmp_path: Path) -> None:
    """The bad release is rolled back once, measured well, told to everybody, and recorded."""
    async with whole(tmp_path) as here:
        run = await here.planned()
        assert here.running() == {"2.15.0"}
        assert run.plan is not None
        assert [slot.count for slot in run.plan.needs] == [1, 1]

        await here.press(JENNIFER, "approve")
        await here.until(lambda run: run.decisions, what="the first approval")
        assert here.rollbacks() == 0
        await here.press(ALEX, "approve")
        run = await here.state("closed")

        assert run.outcome is Outcome.RESTORED
        assert here.running() == {"2.14.2"}
        assert here.history()[-1] == (43, "2.14.2", "deployed")
        assert here.rollbacks() == 1
        assert all(r.state in (StepState.DONE, StepState.NOT_NEEDED) for r in run.steps.values())
        assert here.events()[-1].seq == run.seq
        incidents = here.world.estate.statuspage.incidents
        assert [one["status"] for one in incidents] == ["resolved"]
        await here.hears("A rollback of production has begun", INCIDENTS)
        await here.hears("Production runs release 2.14.2 again", INCIDENTS)

        words = await here.card_shows("CLOSED")
        assert number_in(words, r"Availability above 99 %: .*?([\d.]+)") > 0.99
        assert number_in(words, r"Error ratio below 0.1 %: .*?([\d.]+)") < 0.1
        assert "revision 43 is deployed and carries revision 41" in words
        assert "Nothing was skipped" in words
        assert "CLOSED" in shown((await here.card())["blocks"])


async def test_a_status_page_that_opens_late_is_resolved_nevertheless(tmp_path: Path) -> None:
    """Customers never read of a trouble that is over: the end waits for the beginning."""
    patient = {"procedures/service.yaml": {"budget: 1m": "budget: 10m"}}
    async with whole(tmp_path, edits=patient) as here:
        await here.planned()
        await here.fault("statuspage", "status", status=429, method="POST")
        await here.approve()
        run = await here.state("communicate", "closed")
        assert run.steps["status_open"].state is StepState.RUNNING
        assert run.steps["status_close"].state is StepState.PENDING
        here.mend()
        await here.state("closed")
        assert [one["status"] for one in here.world.estate.statuspage.incidents] == ["resolved"]
