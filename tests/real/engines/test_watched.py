"""What replicas on a real PostgreSQL tell of themselves, also while it is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot import wiring
from config.settings import Settings
from tests.real.processes import free_port
from tests.real.services.postgres import PostgresServer
from tests.scenario.house import INCIDENTS, MARCUS
from tests.scenario.test_watched import Watched, series, watched

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

LEADER = series("backout_leader")
JOURNAL = series("backout_ready", part="journal")


async def test_two_replicas_say_the_same_of_incidents_and_one_leads(
    tmp_path: Path, url: str
) -> None:
    """Gauges of the journal are equal, events are counted once, by whoever committed them."""
    port, other = free_port(), free_port()
    async with watched(tmp_path / "a", port=port, database=url) as first:
        await first.until(lambda found: found[LEADER] == 1)
        given = first.given | {"BACKOUT_PORT": other, "BACKOUT_DATA": tmp_path / "b"}
        async with wiring.running(Settings(**given)) as bot:
            second = Watched(bot, first.people, f"http://127.0.0.1:{other}", given)
            await second.until(lambda found: found[series("backout_ready", part="lease")] == 1)
            await first.people.say(MARCUS, INCIDENTS, '!incident declare "checkout 5xx"')
            opened = [
                await each.until(
                    lambda found: (
                        sum(v for (n, _), v in found.items() if n == "backout_incidents_open") == 1
                    )
                )
                for each in (first, second)
            ]
            declared = series("backout_incidents_declared_total", system="aivo", by="person")
            assert sum(found.get(declared, 0.0) for found in opened) == 1
            assert [found[LEADER] for found in opened] == [1, 0]
            assert opened[1][series("backout_lease_age_seconds")] >= 0
            assert opened[1][series("backout_journal_bytes")] > 0


async def test_while_the_database_is_away_the_doors_still_answer(
    tmp_path: Path, url: str, postgres_server: PostgresServer
) -> None:
    """`/readyz` says what is wrong, `/metrics` what was last known, and `/healthz` is content."""
    async with watched(tmp_path, port=free_port(), database=url) as home:
        await home.until(lambda found: found[JOURNAL] == 1)
        await home.people.say(MARCUS, INCIDENTS, '!incident declare "checkout 5xx"')
        await home.until(
            lambda found: (
                sum(v for (n, _), v in found.items() if n == "backout_incidents_open") == 1
            )
        )
        down = postgres_server.down()
        await asyncio.to_thread(down.__enter__)
        try:
            away = await home.until(lambda found: found[JOURNAL] == 0)
            assert sum(v for (n, _), v in away.items() if n == "backout_incidents_open") == 1
            status, body = await home.ask("/readyz")
            assert status == 503
            assert "does not answer" in body["parts"]["journal"]["why"]
            assert (await home.ask("/healthz"))[0] == 200
        finally:
            await asyncio.to_thread(down.__exit__, None, None, None)
        back = await home.until(lambda found: found[JOURNAL] == 1)
        assert back[series("backout_database_reconnects_total")] >= 1
