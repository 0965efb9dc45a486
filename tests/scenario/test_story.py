"""The story of one incident, played over both transports against the emulator."""

from pathlib import Path

import pytest

from sandbox.workspace.client import shown
from tests.scenario.house import INCIDENTS, JENNIFER, MARCUS, house

pytestmark = pytest.mark.scenario


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_from_declaration_to_closed(tmp_path: Path, http: bool) -> None:
    """A declared incident gets its channel and card, is approved by a click, and closes."""
    async with house(tmp_path, http=http) as home:
        run = await home.declare()
        channel = (await home.people.channels())["inc-1-checkout-5xx"]
        assert run.channel == channel["id"]
        assert {MARCUS, JENNIFER} <= set(channel["members"])
        announced = await home.people.messages(INCIDENTS)
        assert "INC-1 declared" in announced[-1]["text"]
        await home.card_shows(run, "Return to the previous release")
        await home.click(JENNIFER, run, "approve")
        run = await home.until(lambda run: run.ended)
        card = await home.card_shows(run, "CLOSED")
        assert "INC-1" in shown(card["blocks"])
        assert card["ts"] in (await home.people.channels())["inc-1-checkout-5xx"]["pins"]
