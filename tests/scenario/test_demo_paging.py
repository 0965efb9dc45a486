"""The demo's own wiring: phones that ring, a clock that is hurried, and break-glass with review."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.pagerduty.answers import Answers
from adapters.pagerduty.calls import Calls
from flows.runs import Run
from sandbox.pagerduty import PagerDuty
from sandbox.pagerduty.accounts import REST_TOKEN, ROUTING_KEY
from sandbox.workspace.client import buttons
from tests.scenario.world.demo import demo
from tests.scenario.world.whole import ALEX, JENNIFER, MARCUS, Whole

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]
SARAH = "U0SARAHK"
PATIENCE = 60.0
WHY = "nobody answers and checkout is down"
Json = dict[str, Any]


class Phones:
    """The phones as the page shows them."""

    def __init__(self, here: Whole) -> None:
        self._here = here
        self._url = f"{here.world.workspace.url}phones/api"

    async def calls(self) -> dict[str, Json]:
        """Return the calls by who is called."""
        async with aiohttp.ClientSession() as session, session.get(f"{self._url}/state") as answer:
            return {each["name"]: each for each in (await answer.json())["calls"]}

    async def rings(self, *names: str) -> dict[str, Json]:
        """Wait until the phones of these people ring, or, without names, nobody's does."""

        async def look() -> dict[str, Json] | None:
            calls = await self.calls()
            ringing = {name for name, call in calls.items() if call["rings"]}
            done = ringing >= set(names) if names else not ringing
            return calls if done else None

        wanted = f"ringing of {names or 'no phone'}"
        return await self._here.people.wait_for(look, PATIENCE, what=wanted)

    async def press(self, name: str, what: str) -> None:
        """Press a button of somebody's phone."""
        call = (await self.calls())[name]
        body = {"incident": call["incident"], "user": call["user"]}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self._url}/{what}", json=body) as answer,
        ):
            assert (await answer.json())["done"]


@asynccontextmanager
async def night(folder: Path) -> AsyncIterator[tuple[Whole, Phones]]:
    """A world with the bot of the demo in it, told where things are as `backout demo` tells it."""
    async with demo(folder) as here:
        yield here, Phones(here)


async def _buzz(here: Whole, who: str, text: str) -> str:
    """Wait for a direct message to a person, and return its words."""

    async def look() -> str | None:
        for channel in (await here.people.read("channels"))["channels"]:
            if channel["is_im"] and who in channel["members"]:
                for message in await here.people.messages(channel["id"]):
                    if text in message["text"]:
                        return str(message["text"])
        return None

    return await here.people.wait_for(look, PATIENCE, what=f"{text!r} for {who}")


def _after(run: Run, number: int) -> float:
    """Return how long after the declaration a page was sent, by the bot's clock."""
    return (run.pages[number].at - run.declared_at).total_seconds()


async def test_nobody_answers_up_to_level_3(tmp_path: Path) -> None:
    """Emily lets it ring; hurried, the levels follow in their order; Sarah's phone ends it."""
    async with night(tmp_path) as (here, phones):
        await here.people.say(MARCUS, "incident-response", '!incident declare "checkout 5xx"')
        calls = await phones.rings("Emily Watson")
        assert calls["Emily Watson"]["level"] == 1
        await phones.press("Emily Watson", "let_ring")
        await phones.rings()

        await here.estate("speed", speed=60)
        leads = ("Jennifer Liu", "Alex Thompson")
        await phones.rings(*leads)
        everybody = (*leads, "David Park", "Sarah Kim", "Michael Chen")
        calls = await phones.rings(*everybody)
        await here.estate("speed", speed=1)
        assert calls["Sarah Kim"]["level"] == 3
        assert not calls["Emily Watson"]["rings"]
        await phones.press("Sarah Kim", "acknowledge")

        run = await here.until(lambda run: run.acknowledged, what="an answer")
        assert run.acknowledged is not None
        assert (run.acknowledged.person.id, run.acknowledged.via) == ("sarah-kim", "pagerduty")
        assert [page.subject for page in run.pages[:3]] == ["level:1", "level:2", "level:3"]
        assert 300 <= _after(run, 1) < _after(run, 2)
        assert _after(run, 2) >= 900
        await here.card_shows("Sarah Kim acknowledged")
        calls = await phones.rings()
        assert calls["David Park"]["answered_by"] == "Sarah Kim"
        assert {call["status"] for call in calls.values()} == {"acknowledged"}

        await here.say(MARCUS, "abort just playing")
        await here.state("cancelled")


async def test_the_glass_is_broken_and_the_emergency_reviewed(tmp_path: Path) -> None:
    """Leads and executives have it on their phones at once; a lead reviews it, not Marcus."""
    async with night(tmp_path) as (here, _):
        await here.estate("speed", speed=10)
        await here.broken()
        await here.declare()
        await here.state("approve")
        await here.press(MARCUS, "break_glass")

        async def asked() -> Json | None:
            return await here.people.modal(MARCUS)

        modal = await here.people.wait_for(asked, PATIENCE, what="the form")
        await here.people.submit(MARCUS, str(modal["id"]), {"reason": WHY})
        for who in (JENNIFER, SARAH):
            assert WHY in await _buzz(here, who, "broke the glass")

        run = await here.until(lambda run: run.ended, what="the end")
        assert run.begun_early
        assert here.running() == {"2.14.2"}
        await here.card_shows("is to be reviewed")
        await _review(here, MARCUS)
        await here.told(MARCUS, "it needs")
        await _review(here, ALEX)
        words = await here.card_shows("Emergency reviewed")
        assert "by Alex Thompson" in words


async def _review(here: Whole, who: str) -> None:
    card = await here.card()
    press = next(name for name in buttons(card["blocks"]) if "review" in name)
    await here.people.click(who, card["channel"], card["ts"], press)


async def test_the_real_client_and_the_sandbox_understand_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a webhook the bot asks: the sandbox answers over TLS, with the person's address."""
    async with PagerDuty(data=tmp_path) as duty:
        monkeypatch.setenv("SSL_CERT_FILE", str(duty.authority))
        calls = Calls()
        try:
            details = {"people": "Emily Watson"}
            payload = {"summary": "checkout 5xx", "source": "aivo", "severity": "critical"}
            event = {"payload": {**payload, "custom_details": details}}
            await calls.send(duty.url, ROUTING_KEY, "trigger", "INC-1:level:1", event)
            answers = Answers(calls, duty.url, REST_TOKEN)
            assert await answers.to("INC-1:level:1") is None
            (incident,) = duty.desk.incidents
            duty.desk.acknowledge(incident, incident.calls["PEMILY"].user)
            answer = await answers.to("INC-1:level:1")
        finally:
            calls.close()
    assert answer is not None
    assert (answer.by.name, answer.by.email) == ("Emily Watson", "emily.watson@aivo.edu")
