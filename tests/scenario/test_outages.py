"""Slack limits, fails or is away: the rollback goes on, what people see catches up."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from sandbox.workspace.client import buttons, shown
from tests.scenario.house import INCIDENTS, JENNIFER, MARCUS, PATIENCE, house

pytestmark = pytest.mark.scenario

WEATHER: dict[str, dict[str, Any]] = {
    "429": {"retry_after": 30},
    "500": {"status": 500},
    "no answer": {"drop": True},
}


@pytest.mark.parametrize("kind", WEATHER)
async def test_the_rollback_goes_on(tmp_path: Path, kind: str) -> None:
    """With Slack taking no call at all, an approval counts and the rollback is performed."""
    async with house(tmp_path) as home:
        run = await home.declare()
        card = await home.card(run)
        await home.people.fault(count=None, **WEATHER[kind])
        approve = next(name for name in buttons(card["blocks"]) if "approve" in name)
        await home.people.click(JENNIFER, run.channel or "", card["ts"], approve)
        run = await home.until(lambda run: run.ended)
        assert "CLOSED" not in str((await home.card(run))["blocks"])
        if kind == "429":
            return  # a rest of 30 s is kept, whatever happens meanwhile
        await home.people.clear_faults()
        await home.card_shows(run, "CLOSED")


async def test_a_limit_delays_the_card_only(tmp_path: Path) -> None:
    """After a limit the card and every announcement come, each once."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.people.fault("chat.update", retry_after=1, count=2)
        await home.people.fault("chat.postMessage", retry_after=1, count=2)
        await home.click(JENNIFER, run, "approve")
        run = await home.until(lambda run: run.ended)
        await home.card_shows(run, "CLOSED")

        async def told() -> bool:
            said = [m["text"] for m in await home.people.messages(run.channel or "")]
            return sum("· *Approved*" in text for text in said) == 1

        await home.people.wait_for(told, 30.0, what="one announcement")


async def test_a_lost_answer_posts_nothing_twice(tmp_path: Path) -> None:
    """An announcement whose answer was lost is found again instead of posted again."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.people.fault("chat.postMessage", lose_reply=True, count=3)
        await home.click(JENNIFER, run, "approve")
        run = await home.until(lambda run: run.ended)
        await home.card_shows(run, "CLOSED")
        keys = [
            (message.get("metadata") or {}).get("event_payload", {}).get("key")
            for message in await home.people.messages(run.channel or "")
        ]
        posted = [key for key in keys if key]
        assert len(posted) == len(set(posted))


async def test_after_a_restart_the_card_is_true_and_clickable(tmp_path: Path) -> None:
    """What happened while the bot was dead does not matter: the card is shown afresh and works."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.kill()
        home.workspace.context.store.channels[run.channel or ""].messages[
            home_card(run.id, tmp_path)
        ].blocks = []
        await home.start()
        await home.card_shows(run, "Return to the previous release")
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: run.ended)


def home_card(incident: str, data: Path) -> str:
    """Return the ts of a card from the journal of a bot that is not running."""
    from flows.journal import Journal  # a reader beside the bot, as `backout show` has it

    journal = Journal.read(data)
    delivery = journal.delivery(f"card:{incident}")
    journal.close()
    assert delivery is not None
    return delivery.ts


async def test_killed_in_the_middle_of_a_rollback(tmp_path: Path) -> None:
    """Started again, the bot says that it was away, finishes, and closes the card."""
    async with house(tmp_path) as home:
        run = await home.declare()
        home.estate.gate.clear()
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: run.state == "restore")
        await home.restart_abruptly()
        run = await home.until(lambda run: run.ended)
        card = await home.card_shows(run, "CLOSED")
        assert "started again" in shown(card["blocks"]) or "resumed" in shown(card["blocks"])


async def test_the_last_word_on_the_card_is_not_lost(tmp_path: Path) -> None:
    """Killed between the end and the card's last update, the next start makes it final."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.people.fault("chat.update", status=500, count=None)
        await home.click(JENNIFER, run, "approve")
        run = await home.until(lambda run: run.ended)
        await home.kill()
        await home.people.clear_faults()
        await home.start()
        await home.card_shows(run, "CLOSED")


async def test_a_deleted_card_comes_back(tmp_path: Path) -> None:
    """A card that somebody deleted is posted anew with the next change."""
    async with house(tmp_path) as home:
        run = await home.declare()
        old = home.card_of(run)
        await home.surface.calls.do(
            home.surface.calls.client.chat_delete, channel=run.channel, ts=old
        )
        assert run.gate is not None
        typed = f"!incident approve {run.gate.digest[:12]}"
        await home.people.say(JENNIFER, run.channel or "", typed)

        async def moved() -> bool:
            return home.card_of(run) != old

        await home.people.wait_for(moved, 30.0, what="a new card")
        run = await home.until(lambda run: run.ended)
        card = await home.card_shows(run, "CLOSED")
        assert card["ts"] in (await home.people.channels())[run.channel_name]["pins"]


async def test_started_while_slack_is_away(tmp_path: Path) -> None:
    """The bot starts without Slack, performs what was approved, and comes in later."""
    async with house(tmp_path) as home:
        run = await home.declare()
        home.estate.gate.clear()
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: run.state == "restore")
        await home.kill()
        await home.people.fault(status=500, count=None)
        await home.start_without_slack()
        run = await home.until(lambda run: run.ended)
        assert not home.surface.ready
        await home.people.clear_faults()
        await home.card_shows(run, "CLOSED")


async def test_a_broken_socket_is_opened_again(tmp_path: Path) -> None:
    """After an abrupt break the bot is soon back, and hears again."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.people.act("drop_sockets")
        await home.people.wait_sockets(1, within=PATIENCE)
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: run.ended)


async def test_a_forged_request_is_refused(tmp_path: Path) -> None:
    """Over HTTP, what does not carry Slack's signature changes nothing; health answers."""
    async with house(tmp_path, http=True) as home, aiohttp.ClientSession() as session:
        url = home.url
        body = {"type": "event_callback", "event": {"type": "message"}}
        async with session.post(f"{url}/slack/events", json=body) as response:
            assert response.status == 401
        async with session.get(f"{url}/healthz") as response:
            assert response.status == 200
        async with session.get(f"{url}/readyz") as response:
            assert response.status == 200
        await home.people.say(MARCUS, INCIDENTS, "!incident list")
        await home.told(MARCUS, "no open incident")


async def test_everything_is_acknowledged(tmp_path: Path) -> None:
    """Ordinary talk, edits, joins and unknown buttons are acknowledged, and answered by nothing."""
    async with house(tmp_path) as home:
        ts = await home.people.say(MARCUS, INCIDENTS, "good morning")
        await home.people.act("edit", user=MARCUS, channel=INCIDENTS, ts=ts, text="hello")
        await home.people.say(MARCUS, INCIDENTS, "!something else")
        await home.people.open_home(MARCUS)

        async def settled() -> bool:
            sent = await home.people.deliveries()
            return len(sent) >= 4 and all(one["ok"] is not None for one in sent)

        await home.people.wait_for(settled, what="deliveries")
        assert all(one["ok"] for one in await home.people.deliveries())
        assert await home.people.ephemerals(MARCUS) == []


async def test_something_breaks_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A click on which the bot breaks is answered with a reference; a message comes again."""
    async with house(tmp_path) as home:
        run = await home.declare()
        with monkeypatch.context() as broken:
            broken.setattr(home.engine, "feed", _break)
            await home.click(JENNIFER, run, "approve")
            await home.told(JENNIFER, "reference")
            await home.people.say(MARCUS, run.channel or "", "!incident note seen at 14:00")

            async def refused() -> bool:
                return any(one["ok"] is False for one in await home.people.deliveries())

            await home.people.wait_for(refused, what="an unacknowledged message")
        await home.click(JENNIFER, run, "approve")
        run = await home.until(lambda run: run.ended and bool(run.notes))
        assert [note.text for note in run.notes] == ["seen at 14:00"]


def _break(*_arguments: object, **_more: object) -> None:
    """Stand for a full disk."""
    raise OSError("no space left on device")
