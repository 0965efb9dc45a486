"""Days on which the bot itself is not as it should be: refused starts, SIGKILL, restarts."""

import asyncio
import time
from pathlib import Path

import pytest

from flows.states import State
from sandbox.workspace.client import shown
from tests.scenario.world.whole import (
    ALEX,
    DECLARATION,
    EMILY,
    INCIDENTS,
    JENNIFER,
    MARCUS,
    PATIENCE,
    SOON_KNOWN,
    STANDSTILL,
    Whole,
    whole,
)

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]  # the machine may be busy


async def ended(here: Whole, *words: str) -> tuple[int, str]:
    """Run a command to its end; return its exit code and what it said."""
    process = await here.run(*words)
    async with asyncio.timeout(PATIENCE):
        code = await process.wait()
    return code, here.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["serve", "check"])
async def test_a_broken_file_refuses_the_start_with_its_line(tmp_path: Path, command: str) -> None:
    """A procedure that can't be read is named with line and column, and nothing is started."""
    async with whole(tmp_path, start=False) as here:
        file = tmp_path / "systems" / "aivo" / "procedures" / "service.yaml"
        text = file.read_text(encoding="utf-8")
        line = text[: text.index("uses: helm.rollback")].count("\n") + 1
        file.write_text(text.replace("uses: helm.rollback", "uses: [helm.rollback"))
        code, said = await ended(here, command)
        assert code == 1
        assert f"service.yaml:{line}" in said or f"service.yaml:{line + 1}" in said
        assert "Traceback" not in said
        assert not (here.data / "journal.db").exists()


async def test_a_second_process_on_one_journal_is_refused(tmp_path: Path) -> None:
    """It says that another one runs and what to do, and the first goes on undisturbed."""
    async with whole(tmp_path) as here:
        code, said = await ended(here, "serve")
        assert code == 4
        assert "another Backout is running" in said
        assert "BACKOUT_DATA" in said
        assert "Traceback" not in said
        await here.planned()


@pytest.mark.crash
async def test_a_rollback_survives_the_death_of_the_bot(tmp_path: Path) -> None:
    """Killed while Helm works, the bot finds out what became of it and finishes, once."""
    async with whole(tmp_path, edits=SOON_KNOWN, start=False) as here:
        await here.serve()
        await here.planned()
        await here.estate("speed", speed=STANDSTILL)
        await here.approve()

        async def helm_works() -> bool:
            return here.history()[-1][2] == "pending-rollback"

        await here.people.wait_for(helm_works, PATIENCE, what="Helm at work")
        await here.kill()
        await here.estate("speed", speed=25)
        await here.serve()
        await here.hears("resumed this rollback")
        run = await here.state("closed")
        assert here.rollbacks() == 1
        assert here.running() == {"2.14.2"}
        assert run.resumed_at is not None
        assert run.steps["rollback"].reconciled
        words = await here.card_shows("CLOSED")
        assert "resumed this rollback" in words
        assert here.events()[-1].seq == run.seq


DEATHS = {
    "before the channel is made": ("conversations.create", False),
    "after it is made, unheard": ("conversations.create", True),
    "while people are invited": ("conversations.invite", False),
    "while the card is posted": ("chat.postMessage", False),
}
IN_EVERY_RUN = "while people are invited"


@pytest.mark.crash
@pytest.mark.parametrize(
    "at",
    [at if at == IN_EVERY_RUN else pytest.param(at, marks=pytest.mark.long) for at in DEATHS],
)
async def test_a_declaration_survives_the_death_of_the_bot(tmp_path: Path, at: str) -> None:
    """Killed while it declares, the bot leaves no orphan: one channel, everyone in it, a card."""
    method, done = DEATHS[at]
    async with whole(tmp_path, start=False) as here:
        await here.serve()
        fault = {"lose_reply": True} if done else {"delay_ms": 60_000}
        await here.people.fault(method, count=None, **fault)
        await here.people.say(MARCUS, INCIDENTS, DECLARATION)

        async def called() -> bool:
            made = any(name.startswith("inc-") for name in await here.people.channels())
            return made if done else bool(await here.people.calls(method))

        await here.people.wait_for(called, PATIENCE, what=method)
        await here.kill()
        await here.people.clear_faults()
        await here.serve()
        run = await here.until(lambda run: run.channel, what="the channel")
        await here.card_shows("INC-1")

        async def everyone() -> bool:
            channels = await here.people.channels()
            (name,) = [name for name in channels if name.startswith("inc-")]
            assert channels[name]["id"] == run.channel
            return {MARCUS, EMILY, JENNIFER, ALEX} <= set(channels[name]["members"])

        await here.people.wait_for(everyone, PATIENCE, what="everyone in the channel")
        await here.people.open_home(MARCUS)

        async def home() -> bool:
            view = await here.people.home(MARCUS)
            return view is not None and "INC-1" in shown(view["blocks"])

        await here.people.wait_for(home, PATIENCE, what="the Home")

        async def announced() -> bool:
            return await here.count("INC-1 declared", INCIDENTS) > 0

        await here.people.wait_for(announced, PATIENCE, what="the announcement")
        assert await here.count("INC-1 declared", INCIDENTS) == 1


async def test_a_decision_limit_that_passes_meanwhile_is_told_once(tmp_path: Path) -> None:
    """The bot was down when the time to decide ended; back, it says so, and approvals count."""
    limits = {"policy.yaml": {" limit: 5m": " limit: 3s"}}
    async with whole(tmp_path, edits=limits) as here:
        run = await here.planned()
        await here.stop()
        assert run.gate is not None
        await moment(run.gate.decide_by.timestamp())
        for _ in range(2):
            await here.start()
            await here.hears("The time to decide has passed")
            await here.stop()
        assert await here.count("The time to decide has passed") == 1
        await here.start()
        assert (await here.state("approve")).decisions == ()
        await here.approve()
        await here.until(lambda run: run.state is not State.APPROVE, what="the approved rollback")


async def test_a_plan_that_gets_too_old_meanwhile_is_void(tmp_path: Path) -> None:
    """The bot was down when the plan expired; back, it asks for a new one."""
    limits = {
        "policy.yaml": {" limit: 5m": " limit: 2s", "plan_valid_for: 30m": "plan_valid_for: 3s"}
    }
    async with whole(tmp_path, edits=limits) as here:
        run = await here.planned()
        await here.stop()
        assert run.plan is not None
        await moment(run.plan.expires_at.timestamp())
        await here.start()
        run = await here.state("assess")
        assert "too old" in run.blocked
        await here.hears("The plan is void.")
        assert await here.count("The plan is void.") == 1
        await here.card_shows("too old")
        assert here.rollbacks() == 0


async def moment(timestamp: float) -> None:
    """Wait until the clock shows a time: the bot that is away can't be asked."""
    while time.time() < timestamp:
        await asyncio.sleep(0.05)
