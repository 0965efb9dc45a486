"""Keyed messages are posted once, whatever happens to the answer or to the process."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.slack.announcing import Announcer
from bot.slack.background import Background
from bot.slack.calls import NoAnswerError, RateLimitedError, RefusedError
from bot.slack.cards import Cards
from bot.slack.directory import Directory
from bot.slack.messenger import SlackMessenger
from bot.slack.posting import Letter, Poster, key_of
from bot.views.announcements import announcement, settled
from bot.views.card import card
from flows.actions import PermanentError, TransientError, UnknownOutcomeError
from flows.commands import About, Announce
from flows.engine import Delivery, LaterError
from flows.runs import Run
from tests.bot import story
from tests.bot.slack.fakes import Clock, FakeCalls
from tests.bot.slack.journals import FakeEngine

LATE = story.START + timedelta(hours=1)


def message(key: str, ts: str = "9.0") -> dict[str, Any]:
    """Return one of our messages as conversations.history has it."""
    return {"ts": ts, "metadata": {"event_type": "backout", "event_payload": {"key": key}}}


def letter(**changes: Any) -> Letter:
    """Return a letter that is younger than the process."""
    base = Letter(key="k", channel="C1", text="hello", since=story.START + timedelta(minutes=1))
    return replace(base, **changes)


@pytest.fixture
def calls() -> FakeCalls:
    """Slack, agreeable."""
    return FakeCalls()


@pytest.fixture
def engine() -> FakeEngine:
    """A journal of a process that began at the story's start."""
    run = replace(story.waiting().run, channel="C1")
    return FakeEngine(story.START, run)


async def test_the_second_time_is_free(engine: FakeEngine, calls: FakeCalls) -> None:
    """What the journal knows is not posted and not looked for."""
    poster = Poster(engine, calls, Clock().sleep)
    first = await poster.post(letter)
    assert await poster.post(letter) == first
    assert calls.names() == ["chat_postMessage"]
    assert calls.asked[0][1]["metadata"]["event_payload"] == {"key": "k"}


async def test_after_a_lost_answer_it_is_looked_for(engine: FakeEngine, calls: FakeCalls) -> None:
    """A message whose answer was lost is found by its key instead of posted again."""
    calls.answer("chat_postMessage", NoAnswerError("cut"))
    calls.answer("conversations_history", {"messages": [{"ts": "8.0"}, message("k")]})
    poster = Poster(engine, calls, Clock().sleep)
    with pytest.raises(NoAnswerError):
        await poster.post(letter)
    assert (await poster.post(letter)).ts == "9.0"
    assert calls.names() == ["chat_postMessage", "conversations_history"]


async def test_after_a_lost_answer_it_may_have_to_be_posted(
    engine: FakeEngine, calls: FakeCalls
) -> None:
    """Where the look finds nothing, the call had not arrived: it is posted."""
    calls.answer("chat_postMessage", NoAnswerError("cut"), {"channel": "C1", "ts": "7.0"})
    calls.answer(
        "conversations_history",
        {"messages": [message("other")], "response_metadata": {"next_cursor": "x"}},
        {"messages": []},
    )
    poster = Poster(engine, calls, Clock().sleep)
    with pytest.raises(NoAnswerError):
        await poster.post(letter)
    assert (await poster.post(letter)).ts == "7.0"
    assert calls.names().count("conversations_history") == 2


async def test_an_older_process_may_have_posted_it(engine: FakeEngine, calls: FakeCalls) -> None:
    """What may be older than this process is looked for in its thread, once it has landed."""
    calls.answer("conversations_replies", {"messages": [message("k")]})
    old = letter(since=story.START - timedelta(hours=1), thread="1.0")
    clock = Clock()
    assert (await Poster(engine, calls, clock.sleep).post(lambda: old)).ts == "9.0"
    assert clock.slept == [1.0]
    assert calls.names() == ["conversations_replies"]


async def test_a_refusal_leaves_no_doubt(engine: FakeEngine, calls: FakeCalls) -> None:
    """After a limit nothing has to be looked for: it was not posted."""
    limited = RateLimitedError("chat_postMessage", 1.0)
    calls.answer("chat_postMessage", limited, {"channel": "C1", "ts": "7.0"})
    poster = Poster(engine, calls, Clock().sleep)
    with pytest.raises(RateLimitedError):
        await poster.post(letter)
    await poster.post(letter)
    assert calls.names() == ["chat_postMessage", "chat_postMessage"]


async def test_one_channel_keeps_its_order(engine: FakeEngine, calls: FakeCalls) -> None:
    """Letters to one channel leave in the order in which they were given."""
    poster = Poster(engine, calls, Clock().sleep)
    await asyncio.gather(
        *(poster.post(lambda number=number: letter(key=f"k{number}")) for number in range(5))  # type: ignore[misc]
    )
    keys = [asked["metadata"]["event_payload"]["key"] for _, asked in calls.asked]
    assert keys == ["k0", "k1", "k2", "k3", "k4"]


def test_other_messages_have_no_key() -> None:
    """Somebody else's metadata is none of ours."""
    assert key_of({"metadata": {"event_type": "other", "event_payload": {"key": "k"}}}) is None
    assert key_of({"text": "hello"}) is None
    assert key_of(message("k")) == "k"


# Announcements


def announcer(engine: FakeEngine, calls: FakeCalls) -> Announcer:
    """Return one over the fakes."""
    poster = Poster(engine, calls, Clock().sleep)
    cards = Cards(
        engine,
        calls,
        poster,
        lambda run: card(run, now=engine.now()),
        progress=lambda _: {},
        background=Background(),
    )
    return Announcer(engine, calls, poster, cards, announcement, settled)


async def test_an_announcement_waits_for_the_channel(engine: FakeEngine, calls: FakeCalls) -> None:
    """Before the card is there, an announcement comes later, and less and less eagerly."""
    told = story.waiting()
    with pytest.raises(LaterError) as young:
        await announcer(engine, calls).perform(told.run, told.announced)
    engine.time = LATE
    with pytest.raises(LaterError) as old:
        await announcer(engine, calls).perform(told.run, told.announced)
    assert young.value.delay < old.value.delay
    assert calls.asked == []


@pytest.mark.parametrize(
    ("trouble", "delay"),
    [
        (RateLimitedError("chat_postMessage", 17.0), 17.0),
        (NoAnswerError("cut"), 1.0),
        (RefusedError("chat_postMessage", {"error": "is_archived"}), 60.0),
    ],
)
async def test_an_announcement_is_never_dropped(
    engine: FakeEngine, calls: FakeCalls, trouble: Exception, delay: float
) -> None:
    """Whatever Slack says, the command stays, to be tried again."""
    told = story.waiting()
    engine.keep_delivery(Delivery(key="card:INC-7", channel="C1", ts="1.0"))
    calls.answer("chat_postMessage", trouble)
    run = replace(told.run, channel="C1")
    with pytest.raises(LaterError) as caught:
        await announcer(engine, calls).perform(run, told.announced)
    assert caught.value.delay == delay


async def test_the_last_announcement_makes_the_card_final(
    engine: FakeEngine, calls: FakeCalls
) -> None:
    """An incident is not done before its card says how it ended."""
    told = story.closed()
    run: Run = replace(told.run, channel="C1")
    engine.known[run.id] = run
    engine.keep_delivery(Delivery(key="card:INC-7", channel="C1", ts="1.0"))
    assert await announcer(engine, calls).perform(run, told.announced) == ()
    assert calls.names() == ["conversations_history", "chat_postMessage", "chat_update"]


@pytest.mark.parametrize(
    "trouble", [None, RefusedError("chat_update", {"error": "message_not_found"})]
)
async def test_a_decided_question_loses_its_buttons_once(
    engine: FakeEngine, calls: FakeCalls, trouble: Exception | None
) -> None:
    """The message that asked says who decided, without buttons; a deleted one stops nothing."""
    engine.keep_delivery(Delivery(key="card:INC-7", channel="C1", ts="1.0"))
    asking = story.waiting()
    await announcer(engine, calls).perform(replace(asking.run, channel="C1"), asking.announced)
    asked = dict(calls.asked)["chat_postMessage"]

    calls.asked.clear()
    calls.answer("conversations_history", {"messages": [{"ts": "2.0", "text": asked["text"]}]})
    if trouble:
        calls.answer("chat_update", trouble)
    run = replace(story.restoring().run, channel="C1")
    for number in range(2):
        approved = Announce(about=About.APPROVED, key=f"approved/{number}")
        await announcer(engine, calls).perform(run, approved)
    assert calls.names().count("chat_update") == 1
    updated = dict(calls.asked)["chat_update"]
    assert "Approved* by Jennifer Liu" in updated["text"]
    assert [block["type"] for block in updated["blocks"]] == ["section"]


async def test_what_still_waits_keeps_its_buttons(engine: FakeEngine, calls: FakeCalls) -> None:
    """A deadline that passes while the plan waits for approval takes nothing away."""
    engine.keep_delivery(Delivery(key="card:INC-7", channel="C1", ts="1.0"))
    asking = story.waiting()
    run = replace(asking.run, channel="C1")
    await announcer(engine, calls).perform(run, asking.announced)
    late = Announce(about=About.DEADLINE, key="late", subject="rto")
    await announcer(engine, calls).perform(run, late)
    assert "chat_update" not in calls.names()


# Actions


def messenger(engine: FakeEngine, calls: FakeCalls) -> SlackMessenger:
    """Return one that knows one channel."""
    directory = Directory(calls)
    directory.keep_channel("C9", "incident-response")
    return SlackMessenger(engine, Poster(engine, calls, Clock().sleep), directory)


async def test_an_action_posts_by_name(engine: FakeEngine, calls: FakeCalls) -> None:
    """Channels are named with or without #, or by their id."""
    for number, name in enumerate(("incident-response", "#incident-response", "C9")):
        await messenger(engine, calls).post(channel=name, text="x", key=f"INC-9/tell/{number}")
    assert {asked["channel"] for name, asked in calls.asked if name == "chat_postMessage"} == {"C9"}


async def test_an_action_finds_what_it_posted(engine: FakeEngine, calls: FakeCalls) -> None:
    """`find` looks into the channel where the journal knows nothing."""
    calls.answer("conversations_history", {"messages": [message("INC-7/tell/1")]})
    found = messenger(engine, calls)
    assert await found.find(channel="incident-response", key="INC-7/tell/1") == "9.0"
    assert await found.find(channel="incident-response", key="INC-7/tell/2") is None


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (RateLimitedError("chat_postMessage", 3.0), TransientError),
        (NoAnswerError("cut"), UnknownOutcomeError),
        (RefusedError("chat_postMessage", {"error": "not_in_channel"}), PermanentError),
    ],
)
async def test_an_action_hears_what_kind_of_trouble(
    engine: FakeEngine, calls: FakeCalls, trouble: Exception, kind: type[Exception]
) -> None:
    """A limit is passing, a lost answer is a doubt, a refusal names what to do."""
    calls.answer("chat_postMessage", trouble)
    with pytest.raises(kind):
        await messenger(engine, calls).post(channel="C9", text="x", key="INC-9/tell/1")


async def test_an_action_without_its_channel(engine: FakeEngine, calls: FakeCalls) -> None:
    """A channel that the bot is not in is named, with what to do."""
    calls.answer("users_conversations", {"channels": []})
    with pytest.raises(PermanentError, match="invite the bot"):
        await messenger(engine, calls).post(channel="ops", text="x", key="INC-9/tell/1")
