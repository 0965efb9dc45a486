"""After the end: the channel is reminded of what is due, and people tick it off there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.embedded import EmbeddedEngine
from flows.runs import Run
from tests.scenario.house import EMILY, JENNIFER, PATIENCE, House, house

pytestmark = pytest.mark.scenario


async def ended(home: House) -> Run:
    """Play an incident to its end."""
    run = await home.declare()
    await home.click(JENNIFER, run, "approve")
    run = await home.until(lambda run: run.ended)
    await home.card_shows(run, "CLOSED")
    return run


async def says(home: House, run: Run, text: str) -> str:
    """Wait until the channel holds a text, and return its message."""

    async def look() -> str | None:
        texts = [str(m["text"]) for m in await home.people.messages(run.channel or "")]
        return next((each for each in texts if text in each), None)

    return await home.people.wait_for(look, PATIENCE, what=f"{text!r} in the channel")


@pytest.mark.covers("AIVO-P1", "AIVO-P2", "AIVO-P3", "AIVO-P12")
async def test_people_list_and_tick_off_what_is_to_be_done(tmp_path: Path) -> None:
    """`!incident done` lists the tasks with their times, and with a name ticks one off."""
    async with house(tmp_path) as home:
        run = await ended(home)
        channel = run.channel or ""
        await home.people.say(EMILY, channel, "!incident done")
        listed = await home.told(EMILY, "Follow-ups of INC-1")
        assert "○ Document the timeline — due " in listed

        await home.people.say(EMILY, channel, "!incident done timeline")
        await home.told(EMILY, "Document the timeline: done. 11 follow-ups left")
        await home.people.say(JENNIFER, channel, "!incident done timeline")
        await home.told(JENNIFER, "was done already: Emily Watson")
        await home.people.say(JENNIFER, channel, "!incident done nonsense")
        await home.told(JENNIFER, "There is no follow-up")
        assert [tick.by for tick in (await home.until(lambda r: r.ticks)).ticks] == ["Emily Watson"]


async def test_the_channel_is_reminded_when_something_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hours after the end one message names what nobody has done, across a restart."""
    async with house(tmp_path) as home:
        run = await ended(home)
        await home.people.say(EMILY, run.channel or "", "!incident done timeline")
        await home.told(EMILY, "Document the timeline: done")
        await home.kill()
        later = timedelta(hours=2, minutes=1)
        monkeypatch.setattr(EmbeddedEngine, "now", lambda _: datetime.now(UTC) + later)
        await home.start()

        told = await says(home, run, "*Due now:* 8 follow-ups not done.")
        assert "`!incident done root_cause`" in told
        assert "Document the timeline" not in told
        assert "Debrief" not in told
