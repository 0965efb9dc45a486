"""Replicas that die or hang in the middle: another goes on, once, and people can go on clicking."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.states import Outcome, StepState
from sandbox.workspace.client import shown
from tests.real.services.postgres import PostgresDatabase
from tests.scenario.replicas.crew import Crew, crew
from tests.scenario.world.whole import ALEX, JENNIFER, MARCUS, PATIENCE, SOON_KNOWN, STANDSTILL

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.real,
    pytest.mark.crash,
    pytest.mark.timeout(900),  # the machine may be busy
]


async def ends_well(here: Crew) -> None:
    """See it to its end: rolled back once, and every word of it there once."""
    run = await here.state("closed")
    assert run.outcome is Outcome.RESTORED
    assert here.rollbacks() == 1
    assert here.running() == {"2.14.2"}
    await here.card_shows("CLOSED")
    await here.everything_once()


async def test_the_leader_dies_then_whoever_performs(
    tmp_path: Path, journal: PostgresDatabase
) -> None:
    """Killed before an approval, and in the middle of Helm: the other one goes on, once."""
    async with crew(tmp_path, journal, "a", "b", edits=SOON_KNOWN) as here:
        await here.planned()
        dead = await here.leader()
        await dead.kill()
        await here.sockets(1)
        await here.press(JENNIFER, "approve")
        await here.until(lambda run: run.decisions, what="the first approval")
        other = await here.leader()
        assert other is not dead
        await here.card_shows("Jennifer Liu")
        assert here.recorded("BotResumed") == []  # nothing was under way: somebody was always there

        await here.join(dead.name)
        await here.estate("speed", speed=STANDSTILL)
        await here.press(ALEX, "approve")
        dead = await here.helmsman()
        await dead.kill()
        await here.estate("speed", speed=25)
        await here.hears("resumed this rollback")
        await ends_well(here)
        run = here.look()
        assert run is not None
        assert run.steps["rollback"].reconciled
        assert len(here.recorded("BotResumed")) == 1
        assert "resumed this rollback" in await here.card_shows("CLOSED")


@pytest.mark.long
async def test_all_of_them_die(tmp_path: Path, journal: PostgresDatabase) -> None:
    """Killed both in the middle of Helm: what was typed meanwhile comes again and counts once."""
    async with crew(tmp_path, journal, "a", "b", edits=SOON_KNOWN) as here:
        await here.planned()
        await here.estate("speed", speed=STANDSTILL)
        await here.approve()
        await here.helmsman()
        for replica in here.replicas.values():
            await replica.kill()
        await here.sockets(0)
        await here.say(MARCUS, "note two carts are lost")
        await here.estate("speed", speed=25)
        await here.join("a", "b")
        await here.until(lambda run: run.notes, what="the note")
        await here.hears("resumed this rollback")
        await ends_well(here)
        assert len(here.recorded("NoteAdded")) == 1
        assert len(here.recorded("BotResumed")) == 1


@pytest.mark.long
async def test_whoever_performs_hangs_and_comes_back(
    tmp_path: Path, journal: PostgresDatabase
) -> None:
    """Stopped in the middle of Helm and taken over: back, it changes nothing and works again."""
    async with crew(tmp_path, journal, "a", "b", edits=SOON_KNOWN) as here:
        await here.planned()
        await here.estate("speed", speed=STANDSTILL)
        await here.approve()
        frozen = await here.helmsman()
        frozen.freeze()
        await here.estate("speed", speed=25)
        await ends_well(here)
        before = here.events()
        requests = len(here.requests("PATCH")) + len(here.requests("POST"))
        frozen.thaw()
        await here.is_ready(frozen.name)

        async def lets_go() -> bool:
            return await frozen.metric(r'backout_commands\{state="performing"\}') == 0

        await here.people.wait_for(lets_go, PATIENCE, what="dropped claims")
        assert here.events() == before
        assert len(here.requests("PATCH")) + len(here.requests("POST")) == requests
        await here.everything_once()
        await here.card_shows("CLOSED")

        (other,) = [one for one in here.replicas.values() if one is not frozen]
        await other.kill()
        await here.sockets(1)
        assert await here.leader() is frozen
        await here.say(MARCUS, "note it works again")
        await here.until(lambda run: run.notes, what="a note through the one that was frozen")


@pytest.mark.long
async def test_an_old_card_does_not_stay(tmp_path: Path, journal: PostgresDatabase) -> None:
    """The leader hangs with a card on its way; it arrives after the end, and is put right."""
    async with crew(tmp_path, journal, "a", "b") as here:
        await here.planned()
        frozen = await here.leader()
        here.doors.catch(frozen.name, "chat.update")
        await here.insist(JENNIFER, "approve", lambda run: run.decisions)

        async def on_its_way() -> bool:
            return bool(here.doors.waiting)

        await here.people.wait_for(on_its_way, PATIENCE, what="a card on its way")
        frozen.freeze()
        await here.insist(ALEX, "approve", lambda run: run.state != "approve")
        await ends_well(here)
        drawn = len(here.drawn())
        here.doors.let_go(frozen.name, "chat.update")

        async def arrived() -> bool:
            return any(who == frozen.name for who, _ in here.drawn()[drawn:])

        await here.people.wait_for(arrived, PATIENCE, what="the old card")
        assert "CLOSED" not in shown((await here.card())["blocks"])
        frozen.thaw()
        await here.card_shows("CLOSED")
        await here.is_ready(frozen.name)
        run = here.look()
        assert run is not None
        assert all(
            each.state in (StepState.DONE, StepState.NOT_NEEDED) for each in run.steps.values()
        )
        assert len(run.decisions) == 2
        assert here.rollbacks() == 1
