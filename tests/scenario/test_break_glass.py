"""Break-glass in Slack: a button with a reason, people called, late approvals, then a review."""

from pathlib import Path

import pytest

from sandbox.workspace.client import buttons, shown
from tests.scenario.house import ALEX, EMILY, GUEST, JENNIFER, MARCUS, House, house
from tests.scenario.test_calling import SARAH, is_called

pytestmark = pytest.mark.scenario
WHY = "nobody answers and checkout is down"


async def break_glass(home: House, who: str) -> None:
    """Press the button on the card and give the reason."""
    run = await home.until(lambda run: run.state == "approve")
    await home.click(who, run, "break_glass")

    async def asked() -> dict[str, object] | None:
        return await home.people.modal(who)

    modal = await home.people.wait_for(asked, 30.0, what="the modal")
    assert "before it is approved" in shown(modal)
    await home.people.submit(who, str(modal["id"]), {"reason": WHY})


async def test_begun_by_the_declarer_and_reviewed_by_a_lead(tmp_path: Path) -> None:
    """Alone at night, the declarer begins; leads and executives are called; a lead reviews."""
    async with house(tmp_path) as home:
        await home.declare()
        await break_glass(home, MARCUS)
        run = await home.until(lambda run: run.ended)
        assert home.estate.applied
        for who in (JENNIFER, SARAH):
            message = await is_called(home, who, "broke the glass")
            assert WHY in message["text"]
        card = await home.card_shows(run, "is to be reviewed")
        press = next(name for name in buttons(card["blocks"]) if "review" in name)
        await home.people.click(MARCUS, run.channel or "", card["ts"], press)
        await home.told(MARCUS, "it needs")
        await home.people.click(ALEX, run.channel or "", card["ts"], press)
        card = await home.card_shows(run, "Emergency reviewed* by Alex Thompson")
        assert not any("review" in name for name in buttons(card["blocks"]))
        assert home.engine.unreviewed("aivo") == ()


async def test_approved_while_it_is_performed(tmp_path: Path) -> None:
    """The approvals that were missing are still collected, and the card says so."""
    async with house(tmp_path) as home:
        home.estate.gate.clear()
        await home.declare()
        await break_glass(home, MARCUS)
        run = await home.until(lambda run: run.begun_early)
        await home.card_shows(run, "Begun before it was approved")
        await home.click(JENNIFER, run, "approve")
        await home.card_shows(run, "The approvals have come")
        home.estate.gate.set()
        await home.until(lambda run: run.ended)


async def test_denied_while_it_is_performed(tmp_path: Path) -> None:
    """A lead who says no stops it."""
    async with house(tmp_path) as home:
        home.estate.gate.clear()
        run = await home.declare()
        await break_glass(home, MARCUS)
        await home.until(lambda run: run.begun_early)
        await home.people.say(JENNIFER, run.channel or "", "!incident deny wrong release")
        run = await home.until(lambda run: run.state == "hold")
        assert run.held is not None
        assert "wrong release" in run.held.why


async def test_who_may_not_and_how_it_is_typed(tmp_path: Path) -> None:
    """A guest and an executive may not; typing needs the digest and a reason."""
    async with house(tmp_path) as home:
        run = await home.declare()
        channel = run.channel or ""
        await home.people.act("invite", user=MARCUS, channel=channel, invitee=GUEST)
        await home.click(GUEST, run, "break_glass")
        await home.told(GUEST, "you are a guest")
        await home.click(SARAH, run, "break_glass")
        await home.told(SARAH, "that is for *SRE On-Call* or *Engineering Lead*")
        await home.people.say(EMILY, channel, "!incident emergency now")
        said = await home.told(EMILY, "digest and a reason")
        assert run.plan is not None
        assert run.plan.digest[:8] in said
        await home.people.say(EMILY, channel, f"!incident emergency {run.plan.digest[:8]} {WHY}")
        run = await home.until(lambda run: run.break_glass)
        assert run.break_glass is not None
        assert run.break_glass.reason == WHY
