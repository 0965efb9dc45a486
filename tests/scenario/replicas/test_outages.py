"""Around the replicas something goes away: the database, Slack, PagerDuty, or themselves."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from sandbox.workspace.client import shown
from tests.adapters.pagerduty_stub import KEY, TOKEN, Stub
from tests.real.services.postgres import PostgresDatabase
from tests.scenario.replicas.crew import crew
from tests.scenario.replicas.replica import Replica
from tests.scenario.world.whole import (
    ALEX,
    INCIDENTS,
    JENNIFER,
    MARCUS,
    PATIENCE,
    SOON_KNOWN,
    STANDSTILL,
)

pytestmark = [pytest.mark.scenario, pytest.mark.real, pytest.mark.timeout(900)]
UNRECORDED = "This was not recorded"


async def wrong(replica: Replica) -> dict[str, str]:
    """Return what a replica says is wrong with it, by part."""
    _, body = await replica.ask("/readyz")
    parts = json.loads(body)["parts"] if body else {}
    return {name: part["why"] for name, part in parts.items() if not part["ok"]}


async def test_the_database_goes_away_for_a_while(
    tmp_path: Path, journal: PostgresDatabase
) -> None:
    """Who clicks, writes or submits hears that it was not recorded; then all goes on by itself."""
    async with crew(tmp_path, journal, "a", "b") as here:
        await here.planned()
        channel = await here.channel()
        await here.people.slash(MARCUS, channel, "declare")

        async def form() -> dict[str, str] | None:
            return await here.people.modal(MARCUS)

        modal = await here.people.wait_for(form, PATIENCE, what="the form")
        card, action = await here.button("approve")
        with journal.server.down():

            async def truth() -> bool:
                said = [await wrong(each) for each in here.replicas.values()]
                return all("does not answer" in each.get("journal", "") for each in said)

            await here.people.wait_for(truth, PATIENCE, what="the truth of /readyz")
            for each in here.replicas.values():
                assert "slack" not in await wrong(each)
                assert (await each.ask("/readyz"))[0] == 503
            await here.people.click(JENNIFER, channel, card["ts"], action)
            await here.told(JENNIFER, UNRECORDED)
            await here.people.say(ALEX, channel, "!incident note two carts are lost")
            await here.told(ALEX, "Slack delivers your message once more")
            answer = await here.people.submit(MARCUS, modal["id"], {"reason": "once more"})
            assert UNRECORDED in answer["errors"]["reason"]
            await here.sockets(2)
        for name in here.replicas:
            await here.is_ready(name)
        await here.sockets(2)
        await here.until(lambda run: run.notes, what="the note")
        await here.approve()
        await here.state("closed")
        await here.card_shows("CLOSED")
        await here.everything_once()
        assert here.rollbacks() == 1
        assert len(here.recorded("NoteAdded")) == 1
        assert len(here.recorded("IncidentDeclared")) == 1
        assert here.recorded("BotResumed") == []


@pytest.mark.long
async def test_replicas_are_replaced_one_after_the_other(
    tmp_path: Path, journal: PostgresDatabase
) -> None:
    """New ones take the place of old ones twice, in approve and in restore: nobody notices."""
    async with crew(tmp_path, journal, "a", "b", edits=SOON_KNOWN) as here:
        await here.planned()
        await here.join("c")
        assert await here["a"].stop() == 0
        assert await here["b"].stop() == 0
        await here.sockets(1)
        await here.press(JENNIFER, "approve")
        await here.until(lambda run: run.decisions, what="the first approval")
        await here.join("d")
        await here.estate("speed", speed=STANDSTILL)
        await here.press(ALEX, "approve")
        old = await here.helmsman()
        stopping = asyncio.create_task(old.stop())
        await here.estate("speed", speed=25)
        assert await stopping == 0
        await here.state("closed")
        await here.card_shows("CLOSED")
        await here.everything_once()
        assert here.rollbacks() == 1
        assert here.recorded("BotResumed") == []


@pytest.mark.long
async def test_slack_is_away_while_another_takes_over(
    tmp_path: Path, journal: PostgresDatabase
) -> None:
    """The rollback goes on without Slack; what was to be said is said later, once."""
    async with crew(tmp_path, journal, "a", "b", edits=SOON_KNOWN) as here:
        await here.planned()
        await here.estate("speed", speed=STANDSTILL)
        await here.approve()
        dead = await here.helmsman()
        here.doors.shut.update(here.replicas)
        await dead.kill()
        await here.estate("speed", speed=25)
        await here.state("communicate")
        here.doors.shut.clear()
        await here.state("closed")
        await here.hears("resumed this rollback")
        await here.card_shows("CLOSED")
        await here.everything_once()
        assert here.rollbacks() == 1


@pytest.mark.long
async def test_pagerduty_is_away_while_another_takes_over(
    tmp_path: Path, journal: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tried to ring dies; the other rings once PagerDuty is back, once."""
    stub = Stub()
    (tmp_path / "tls").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(await stub.start(tmp_path / "tls")))
    monkeypatch.setenv("PAGERDUTY_KEY", KEY)
    monkeypatch.setenv("PAGERDUTY_TOKEN", TOKEN)
    stub.fault(500)
    try:
        async with crew(tmp_path, journal, "a", "b", pagerduty=stub.url) as here:
            await here.broken()
            await here.declare()

            async def tried() -> Replica | None:
                for each in here.replicas.values():
                    if "PagerDuty" in each.said():
                        return each
                return None

            dead = await here.people.wait_for(tried, PATIENCE, what="a first try")
            await dead.kill()
            (other,) = [one for one in here.replicas.values() if one is not dead]
            await here.people.wait_for(other.leads, PATIENCE, what="a failover")
            stub.heal()
            await here.until(
                lambda run: run.pages and run.pages[0].reached, what="the page that was sent"
            )
            assert stub.of(1).rang == 1
            await here.everything_once()
            direct = [m for m in await here.people.messages(INCIDENTS) if m["from_app"]]
            assert sum("INC-1 declared" in shown(m) for m in direct) <= 1
    finally:
        await stub.stop()
