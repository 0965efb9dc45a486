"""Days on which what surrounds the rollback is down, and people who stop it half-way."""

from pathlib import Path

import pytest

from flows.runs import Run
from flows.states import Outcome, State, StepState
from tests.scenario.world.whole import (
    JENNIFER,
    MARCUS,
    PATIENCE,
    SOON_KNOWN,
    STANDSTILL,
    Whole,
    whole,
)

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]  # the machine may be busy
BRIEFLY = "within: 4s\n        budget: 4s"


async def test_a_status_page_that_is_down_holds_nothing_up(tmp_path: Path) -> None:
    """Production comes back, and the lead is asked to tell customers by hand."""
    async with whole(tmp_path, edits=SOON_KNOWN) as here:
        await here.planned()
        await here.fault("statuspage", "down")
        await here.approve()
        run = await here.state("closed")
        assert run.outcome is Outcome.RESTORED
        assert run.steps["status_open"].state is StepState.FAILED
        assert here.running() == {"2.14.2"}
        words = await here.hears("please do it by hand")
        assert "status page" in words
        words = await here.card_shows("CLOSED")
        assert "Failed: Open the incident on the status page" in words


async def test_what_can_not_be_measured_is_never_taken_as_met(tmp_path: Path) -> None:
    """Without Prometheus the rollback goes on, but nobody says that the service is well."""
    short = {
        "procedures/service.yaml": {
            "within: 10m": BRIEFLY,
            "within: 15m": BRIEFLY,
            "within: 30m": BRIEFLY,
            "budget: 1m": "budget: 5s",
        }
    }
    async with whole(tmp_path, edits=short) as here:
        await here.planned()
        await here.fault("prometheus", "down")
        await here.approve()
        run = await here.state("hold")
        assert here.running() == {"2.14.2"}
        assert run.held is not None
        assert run.held.origin is State.VALIDATE
        for step in ("availability", "latency", "errors"):
            assert run.steps[step].state is not StepState.DONE
        assert "unknown" in run.held.why
        await here.hears("On hold.")
        assert "Availability above 99 %: " not in await here.card_shows("HOLD")
        here.mend()
        while run.state != "closed":  # a busy machine may not look in time
            run = await retried(here)
        assert run.outcome is Outcome.RESTORED


async def retried(here: Whole) -> Run:
    """Retry once every check has stopped, and wait for what becomes of it."""
    held = await here.until(
        lambda run: all(step.state is not StepState.RUNNING for step in run.steps.values()),
        what="every check to have stopped",
    )
    await here.say(MARCUS, "retry")
    return await here.until(
        lambda run: run.seq > held.seq and run.state in ("hold", "closed"),
        what="what became of the retry",
    )


async def under_way(here: Whole) -> None:
    """Begin the rollback and wait until Helm waits for pods."""
    await here.planned()
    await here.estate("speed", speed=STANDSTILL)
    await here.approve()

    async def helm_works() -> bool:
        return here.history()[-1][2] == "pending-rollback"

    await here.people.wait_for(helm_works, PATIENCE, what="Helm at work")


async def test_held_in_the_middle_of_helms_work_and_resumed(tmp_path: Path) -> None:
    """Nothing new starts on hold, Helm ends what it began, and it is not done a second time."""
    async with whole(tmp_path, edits=SOON_KNOWN) as here:
        await under_way(here)
        await here.say(JENNIFER, "hold let me look first")
        run = await here.state("hold")
        assert run.held is not None
        assert "let me look first" in run.held.why
        await here.estate("speed", speed=25)

        async def helm_ended() -> bool:
            return here.history()[-1] == (43, "2.14.2", "deployed")

        await here.people.wait_for(helm_ended, PATIENCE, what="Helm's end")
        run = await here.state("hold")
        assert run.steps["rollout"].state is StepState.PENDING
        await here.say(MARCUS, "resume")
        run = await here.state("closed")
        assert here.rollbacks() == 1
        assert run.steps["rollback"].reconciled


async def test_abort_is_refused_once_something_changed(tmp_path: Path) -> None:
    """The refusal says what to do instead, and the rollback goes on."""
    async with whole(tmp_path) as here:
        await under_way(here)
        await here.say(MARCUS, "abort never mind")
        words = await here.told(MARCUS, "You can't abort INC-1 now")
        assert "!incident undo" in words
        await here.estate("speed", speed=25)
        await here.state("closed")


async def test_aborted_before_any_change_it_is_cancelled(tmp_path: Path) -> None:
    """Nothing was changed, everybody is told so, and a late approval has no effect."""
    async with whole(tmp_path) as here:
        await here.planned()
        await here.say(MARCUS, "abort it was a false alarm")
        run = await here.state("cancelled")
        assert run.outcome is Outcome.CANCELLED
        words = await here.hears("Cancelled before anything was changed.")
        assert "it was a false alarm" in words
        await here.card_shows("CANCELLED")
        assert here.rollbacks() == 0
        assert here.running() == {"2.15.0"}
        assert here.requests("PATCH") == []
        await here.say(JENNIFER, "approve")
        await here.told(JENNIFER, "INC-1")
