"""Declaring on bad days: odd words, repeats, limits, lost answers, and kills in the middle."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.workspace.client import shown
from tests.scenario.house import EMILY, GUEST, INCIDENTS, MARCUS, House, house

pytestmark = pytest.mark.scenario

CALLS = (
    "conversations.create",
    "conversations.invite",
    "conversations.setTopic",
    "chat.postMessage",
    "pins.add",
)
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"retry_after": 1},
    "500": {"status": 500},
    "dropped": {"drop": True},
    "reply lost": {"lose_reply": True},
}


async def is_complete(home: House) -> None:
    """Wait until everything of a declaration is there, and there once."""

    async def look() -> bool:
        channels = await home.people.channels()
        ours = [one for name, one in channels.items() if name.startswith("inc-1")]
        if len(ours) != 1 or not ours[0]["topic"] or not ours[0]["pins"]:
            return False
        return {MARCUS, EMILY} <= set(ours[0]["members"]) and bool(await announcements(home))

    await home.people.wait_for(look, 30.0, what="a complete channel")
    run = await home.until(lambda run: run.state == "approve")
    cards = [
        message
        for message in await home.people.messages(run.channel or "")
        if (message.get("metadata") or {}).get("event_payload", {}).get("key") == "card:INC-1"
    ]
    assert len(cards) == 1
    assert len(await announcements(home)) == 1


async def announcements(home: House) -> list[Any]:
    """Return what the bot said about the incident to everybody."""
    said = await home.people.messages(INCIDENTS)
    return [m for m in said if m["from_app"] and "INC-1 declared" in m["text"]]


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("method", CALLS)
async def test_any_call_may_fail(tmp_path: Path, method: str, kind: str) -> None:
    """A limit, an error or a lost answer at any call delays the channel and doubles nothing."""
    async with house(tmp_path) as home:
        # The first message calls the on-call and is no part of the channel: the next ones are.
        count = 3 if method == "chat.postMessage" else 1
        await home.people.fault(method, count=count, **FAULTS[kind])
        await home.people.say(MARCUS, INCIDENTS, '!incident declare "checkout 5xx"')
        await is_complete(home)
        if kind == "429":
            await home.told(MARCUS, "as soon as Slack lets us")
            await home.told(MARCUS, "is complete now")


@pytest.mark.parametrize(("method", "skip"), [*((name, 0) for name in CALLS), (CALLS[3], 1)])
async def test_killed_in_the_middle(tmp_path: Path, method: str, skip: int) -> None:
    """Killed at any call of the declaration, the bot finds what it made and completes it."""
    async with house(tmp_path) as home:
        await home.people.fault(method, lose_reply=True, delay_ms=50, skip=skip)
        await home.people.say(MARCUS, INCIDENTS, '!incident declare "checkout 5xx"')

        async def called() -> bool:
            return len(await home.people.calls(method)) > skip

        await home.people.wait_for(called, what=method)
        await home.kill()
        await home.people.clear_faults()
        await home.start()
        await is_complete(home)
        await home.people.open_home(MARCUS)

        async def opened() -> bool:
            return "INC-1" in shown((await home.people.home(MARCUS) or {}).get("blocks"))

        await home.people.wait_for(opened, what="the Home")


async def test_a_reason_is_wanted(tmp_path: Path) -> None:
    """Without a reason nothing is declared, and the answer shows how."""
    async with house(tmp_path) as home:
        await home.people.say(MARCUS, INCIDENTS, "!incident declare")
        assert "say in a few words" in await home.told(MARCUS, "Nothing was declared")
        assert home.engine.runs() == ()


async def test_a_slash_command_without_a_reason_opens_the_form(tmp_path: Path) -> None:
    """`/incident declare` alone opens the form; submitting it twice opens one incident."""
    async with house(tmp_path) as home:
        await home.people.slash(MARCUS, INCIDENTS, "declare")
        modal = await home.people.wait_for(lambda: home.people.modal(MARCUS), what="form")
        values = {"reason": "checkout 5xx", "question:security": "no", "question:data": "no"}
        answer = await home.people.submit(MARCUS, modal["id"], values)
        assert answer["acked"]
        assert await home.people.redeliver(2, what="view_submission") == 2
        run = await home.until(lambda run: run.state == "approve")
        assert run.answers == {"security": False, "data": False}
        assert len(home.engine.runs(ended=True)) == 1
        assert run.notes == ()


@pytest.mark.covers("AIVO-S1", "AIVO-FIX1")
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("!incident declare “Production Rollback – checkout 5xx”", "checkout 5xx"),
        ("`!incident declare checkout can't be reached`", "checkout can't be reached"),
        ("!Incident  declare  checkout 5xx aivo", "checkout 5xx"),
        ('!incident declare "checkout 5xx" on AIVO-production', "checkout 5xx"),
    ],
)
async def test_however_it_is_typed(tmp_path: Path, said: str, reason: str) -> None:
    """Curly quotes, code marks, capitals, a system's alias: the reason is what was meant."""
    async with house(tmp_path) as home:
        await home.people.say(MARCUS, INCIDENTS, said)
        run = await home.until(lambda run: run.channel is not None)
        assert run.reason == reason


async def test_nobody_is_mentioned_by_a_reason(tmp_path: Path) -> None:
    """`<!channel>` and `<script>` in a reason are shown as typed and take no effect."""
    async with house(tmp_path) as home:
        said = '!incident declare "<!channel> <script>alert(1)</script> <@U0DAVID> &amp; co"'
        await home.people.say(MARCUS, INCIDENTS, said, raw=True)
        run = await home.until(lambda run: run.state == "approve" and home.card_of(run))
        assert run.reason.startswith("@channel")
        calls = [c for c in await home.people.calls() if c["method"].startswith("chat.")]
        sent = "".join(str(call["args"]) for call in calls)
        assert "<!channel" not in sent
        assert "<script" not in sent
        assert "<@U0DAVID> &" not in sent
        card = await home.card(run)
        assert "@David Park &amp; co" in shown(card["blocks"])


async def test_a_very_long_reason(tmp_path: Path) -> None:
    """5,000 characters are cut with a word about it, and everything still fits into Slack."""
    async with house(tmp_path) as home:
        await home.people.say(MARCUS, INCIDENTS, f'!incident declare "{"x & y " * 900}"')
        await home.told(MARCUS, "the rest was cut off")
        run = await home.until(lambda run: run.state == "approve" and home.card_of(run))
        assert len(run.reason) == 3000
        assert len(run.channel_name) <= 80


async def test_an_unknown_system(tmp_path: Path) -> None:
    """A system that is not known is answered with those that look like it."""
    async with house(tmp_path) as home:
        await home.people.say(MARCUS, INCIDENTS, '!incident declare "down" aivvo')
        assert "`aivo`" in await home.told(MARCUS, "there is no system")
        assert home.engine.runs() == ()


async def test_declaring_twice_points_to_the_open_one(tmp_path: Path) -> None:
    """A second declaration opens nothing: it is pointed to the open one, and kept as a note."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.people.say(EMILY, INCIDENTS, '!incident declare "payments fail as well"')
        assert (run.channel or "-") in await home.told(EMILY, "open incident already")
        run = await home.until(lambda run: bool(run.notes))
        assert run.notes[0].text == "payments fail as well"
        assert len(home.engine.runs(ended=True)) == 1


async def test_a_guest_declares_nothing(tmp_path: Path) -> None:
    """A guest is told who can declare."""
    async with house(tmp_path) as home:
        await home.people.say(GUEST, INCIDENTS, '!incident declare "down"')
        await home.told(GUEST, "you are a guest")
        assert home.engine.runs() == ()


@pytest.mark.parametrize("new_ids", [False, True], ids=["same id", "new ids"])
async def test_delivered_again(tmp_path: Path, new_ids: bool) -> None:
    """The same message delivered three times, under new ids too, declares and answers once."""
    async with house(tmp_path) as home:
        await home.people.say(MARCUS, INCIDENTS, '!incident declare "checkout 5xx"')
        await home.until(lambda run: run.state == "approve")
        assert await home.people.redeliver(3, new_ids=new_ids, what="message") == 3
        await home.restart_abruptly()
        await home.people.redeliver(3, new_ids=new_ids, what="message")
        run = await home.until(lambda run: run.state == "approve")
        assert len(home.engine.runs(ended=True)) == 1
        assert run.notes == ()


async def test_an_older_channel_of_the_name_is_left_alone(tmp_path: Path) -> None:
    """Where the name is taken by somebody else's channel, another name is found."""
    async with house(tmp_path) as home:
        create = home.surface.calls.client.conversations_create
        await home.surface.calls.do(create, name="inc-1-checkout-5xx")
        channels = home.workspace.context.store.channels
        old = next(one for one in channels.values() if one.name == "inc-1-checkout-5xx")
        old.created -= 3600
        run = await home.declare()
        assert run.channel_name == "inc-1-checkout-5xx-2"
        assert run.channel != old.id


async def test_no_channel_may_be_made(tmp_path: Path) -> None:
    """Where Slack lets us make no channel, the incident goes on where incidents are announced."""
    async with house(tmp_path) as home:
        await home.people.fault("conversations.create", error="restricted_action", count=None)
        run = await home.declare()
        assert run.channel == (await home.people.channels())[INCIDENTS]["id"]
        said = [m["text"] for m in await home.people.messages(INCIDENTS)]
        assert any("restricted_action" in text for text in said)


async def test_somebody_without_an_account(tmp_path: Path) -> None:
    """Who can't be found in Slack is named in the channel, so that somebody calls."""
    async with house(tmp_path, start=False) as home:
        await home.people.change_user("U0DAVID", deleted=True)
        await home.start()
        run = await home.declare()

        async def named() -> bool:
            said = [m["text"] for m in await home.people.messages(run.channel or "")]
            return any("could not invite David Park" in text for text in said)

        await home.people.wait_for(named, what="David Park named")
