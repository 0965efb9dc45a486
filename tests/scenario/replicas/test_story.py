"""Several replicas play the story of one: payloads land anywhere, and nobody can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.states import Outcome
from tests.real.services.postgres import PostgresDatabase
from tests.scenario.replicas.crew import crew

pytestmark = [pytest.mark.scenario, pytest.mark.real, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("a", "b"), id="two", marks=pytest.mark.long),
        pytest.param(("a", "b", "c"), id="three"),
    ],
)
async def test_nobody_can_tell_how_many_there_are(
    tmp_path: Path, journal: PostgresDatabase, names: tuple[str, ...]
) -> None:
    """Declared, approved, closed through all of them: every word once, one card, drawn by one."""
    async with crew(tmp_path, journal, *names) as here:
        await here.sockets(len(names))
        leader = await here.leader()
        await here.planned()
        await here.approve()
        run = await here.state("closed")
        assert run.outcome is Outcome.RESTORED
        assert here.rollbacks() == 1
        await here.card_shows("CLOSED")
        await here.everything_once()

        drawn = here.drawn()
        assert [state for _, state in drawn] == sorted(state for _, state in drawn)
        assert {who for who, _ in drawn[:-1]} <= {leader.name}
        for name in names:
            assert await here[name].metric("backout_events_total") > 0
        assert here.recorded("BotResumed") == []
