"""People are called by direct message, answer with a button, and call others by name."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.events import BOT, TimerFired
from sandbox.workspace.client import buttons, shown
from tests.scenario.house import ALEX, EMILY, GUEST, INCIDENTS, JENNIFER, MARCUS, House, house

pytestmark = pytest.mark.scenario
SARAH = "U0SARAHK"


async def direct(home: House, who: str) -> list[Mapping[str, Any]]:
    """Return what the bot wrote to a person."""
    channels = (await home.people.read("channels"))["channels"]  # all direct ones have no name
    found = [c for c in channels if c["is_im"] and who in c["members"]]
    return [m for c in found for m in await home.people.messages(c["id"]) if "called" in m["text"]]


async def is_called(home: House, who: str, text: str = "You are called") -> Mapping[str, Any]:
    """Wait until a person was written to."""

    async def look() -> Mapping[str, Any] | None:
        return next((m for m in await direct(home, who) if text in m["text"]), None)

    return await home.people.wait_for(look, 30.0, what=f"{who} called")


async def test_the_other_on_call_is_called_and_acknowledges(tmp_path: Path) -> None:
    """Who declared is not called; one press tells everybody, and nobody else is woken."""
    async with house(tmp_path) as home:
        run = await home.declare()
        message = await is_called(home, EMILY)
        assert "as *SRE On-Call*" in message["text"]
        assert await direct(home, MARCUS) == []
        await home.card_shows(run, "nobody has acknowledged yet")
        press = next(name for name in buttons(message["blocks"]) if "acknowledge" in name)
        await home.people.click(EMILY, message["channel"], message["ts"], press)
        run = await home.until(lambda run: run.acknowledged)
        await home.card_shows(run, "✓ Emily Watson acknowledged")
        card = await home.card(run)
        assert not any("acknowledge" in name for name in buttons(card["blocks"]))
        await home.people.say(JENNIFER, run.channel or "", "!incident ack")
        await home.told(JENNIFER, "Emily Watson has done that already")


async def test_the_next_level_is_called_when_nobody_answers(tmp_path: Path) -> None:
    """The channel is told who is called and why; its button works like the one in the message."""
    async with house(tmp_path) as home:
        run = await home.declare()
        fired = TimerFired(timer="escalation", generation=run.rungs_called)
        later = home.engine.now() + timedelta(minutes=5)
        home.engine._clock = lambda: later
        home.engine.feed(run.id, fired, actor=BOT, event_id="timer")
        await is_called(home, JENNIFER, "nobody has acknowledged")
        await is_called(home, ALEX)

        async def told() -> Mapping[str, Any] | None:
            said = await home.people.messages(run.channel or "")
            return next((m for m in said if "Nobody has acknowledged for 5 min" in m["text"]), None)

        message = await home.people.wait_for(told, 30.0, what="the escalation told")
        assert f"<@{JENNIFER}>" in shown(message["blocks"])
        press = next(name for name in buttons(message["blocks"]) if "acknowledge" in name)
        await home.people.click(ALEX, run.channel or "", message["ts"], press)
        await home.card_shows(run, "✓ Alex Thompson acknowledged")


async def test_calling_by_name(tmp_path: Path) -> None:
    """A level, a vendor, a misspelt name, and a guest who may call nobody."""
    async with house(tmp_path) as home:
        run = await home.declare()
        channel = run.channel or ""
        await home.people.say(EMILY, channel, "!incident page level 3")
        message = await is_called(home, SARAH, "Emily Watson asked for it")
        assert "as *Executives*" in message["text"]
        await home.people.say(MARCUS, channel, "!incident page aws")
        assert "+1-206-266-4064" in await home.told(MARCUS, "AWS Enterprise Support")
        await home.people.say(MARCUS, channel, "!incident page jenifer-liu")
        assert "jennifer-liu" in await home.told(MARCUS, "Did you mean")
        await home.people.act("invite", user=MARCUS, channel=channel, invitee=GUEST)
        await home.people.say(GUEST, channel, "!incident page 3")
        await home.told(GUEST, "you are a guest")
        run = await home.until(lambda run: len(run.pages) == 2)
        assert [page.subject for page in run.pages] == ["level:1", "level:3"]


async def test_somebody_who_is_not_in_the_workspace_is_called_by_hand(tmp_path: Path) -> None:
    """The failure is told in the channel with the name, and the incident goes on."""
    async with house(tmp_path, start=False) as home:
        bundle = home.bundles["aivo"]
        emily = next(p for p in bundle.people.people if p.id == "emily-watson")
        unknown = emily.model_copy(update={"email": "nobody@aivo.edu"})
        people = tuple(unknown if p is emily else p for p in bundle.people.people)
        changed = bundle.people.model_copy(update={"people": people})
        home.bundles["aivo"] = replace(bundle, people=changed)
        await home.start()
        run = await home.declare()

        async def told() -> Mapping[str, Any] | None:
            said = await home.people.messages(run.channel or "")
            return next((m for m in said if "Not everybody was reached" in m["text"]), None)

        message = await home.people.wait_for(told, 30.0, what="the failure told")
        assert "Please call Emily Watson by hand" in message["text"]


async def test_killed_while_calling_everybody_is_called_once(tmp_path: Path) -> None:
    """A message that was sent before the kill is not sent again."""
    async with house(tmp_path) as home:
        await home.declare()
        await is_called(home, EMILY)

        async def known() -> bool:
            return home.engine.delivery("INC-1:page:1:emily-watson") is not None

        await home.people.wait_for(known, 30.0, what="the message in the journal")
        await home.restart_abruptly()
        await home.until(lambda run: run.pages[0].reached)
        assert len(await direct(home, EMILY)) == 1


async def test_slack_away_while_calling(tmp_path: Path) -> None:
    """A page waits for Slack and is sent when it is back."""
    async with house(tmp_path) as home:
        await home.people.fault("chat.postMessage", status=500, count=6)
        await home.people.say(MARCUS, INCIDENTS, '!incident declare "checkout 5xx"')
        await is_called(home, EMILY)
