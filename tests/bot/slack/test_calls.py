"""Slack's answers fall into three kinds, and a limit is kept without asking again."""

from contextlib import suppress

import aiohttp
import pytest

from bot.slack.calls import (
    Calls,
    NoAnswerError,
    RateLimitedError,
    RefusedError,
    SlackCallError,
    is_loopback,
    web_client,
)
from tests.bot.slack.fakes import Clock, response


def calls(clock: Clock | None = None) -> Calls:
    """Return the door to a Slack that is never reached."""
    return Calls(web_client("xoxb-test", None), clock=clock or Clock())


async def test_an_answer() -> None:
    """What Slack answers comes back, and its scopes are remembered."""
    door = calls()
    headers = {"X-OAuth-Scopes": "chat:write, commands"}
    assert await door.do(response(200, {"ok": True, "ts": "1.0"}, headers)) == {
        "ok": True,
        "ts": "1.0",
    }
    assert door.scopes == {"chat:write", "commands"}


async def test_a_limit_is_kept() -> None:
    """After a 429 the same call in the same channel is not even tried until the time is up."""
    clock = Clock()
    door = calls(clock)
    limited = response(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"})
    with pytest.raises(RateLimitedError) as caught:
        await door.do(limited, channel="C1")
    assert caught.value.delay == 30
    fine = response(200, {"ok": True})
    clock.now += 10
    with pytest.raises(RateLimitedError) as caught:
        await door.do(fine, channel="C1")
    assert caught.value.delay == 20
    assert await door.do(fine, channel="C2")
    clock.now += 20
    assert await door.do(fine, channel="C1")


@pytest.mark.parametrize("given", [None, "soon", "0"])
async def test_a_limit_without_a_sensible_time(given: str | None) -> None:
    """A missing or odd Retry-After still makes us wait."""
    limited = response(429, {"ok": False}, {"Retry-After": given} if given else {})
    with pytest.raises(RateLimitedError) as caught:
        await calls().do(limited)
    assert caught.value.delay >= 1


async def test_a_refusal_names_the_missing_scope() -> None:
    """Slack's no comes with its word and, where it says so, what is needed."""
    no = response(200, {"ok": False, "error": "missing_scope", "needed": "pins:write"})
    with pytest.raises(RefusedError, match="pins:write") as caught:
        await calls().do(no)
    assert caught.value.code == "missing_scope"


@pytest.mark.parametrize(
    "call",
    [
        response(500, {"ok": False, "error": "internal_error"}),
        response(200, {"ok": False, "error": "fatal_error"}),
        response(503, "<html>", {}),
    ],
)
async def test_no_usable_answer(call: object) -> None:
    """Where Slack fails, nobody knows whether it was done."""
    with pytest.raises(NoAnswerError):
        await calls().do(call)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [aiohttp.ServerDisconnectedError(), TimeoutError(), OSError()])
async def test_no_answer_at_all(error: Exception) -> None:
    """A cut connection and a passed timeout count the same."""

    async def chat_update() -> None:
        raise error

    with pytest.raises(NoAnswerError):
        await calls().do(chat_update)  # type: ignore[arg-type]


def test_the_sdk_tries_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No handler repeats a call whose answer was lost; loopback never goes to a proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert web_client("xoxb-test", None).retry_handlers == []
    assert web_client("xoxb-test", None).proxy == "http://proxy.example:3128"
    assert web_client("xoxb-test", "http://127.0.0.1:8400/api/").proxy is None
    assert is_loopback("http://localhost:1/")
    assert not is_loopback("https://slack.com/api/")


async def test_every_call_is_told_with_its_result() -> None:
    """Also one that was held back; a limit is told with the wait that it asks."""
    door, told, limits = calls(), [], []
    door.told = lambda _method, result, _seconds: told.append(result)
    door.limited = lambda _method, seconds: limits.append(seconds)
    await door.do(response(200, {"ok": True}))
    limited = response(429, {"ok": False}, {"Retry-After": "30"})
    for call in (limited, limited, response(500, {"ok": False}), response(200, {"ok": False})):
        with suppress(SlackCallError):
            await door.do(call, channel="C1" if call is limited else "C2")
    assert told == ["ok", "limited", "held_back", "no_answer", "refused"]
    assert limits == [30.0]


async def test_a_token_that_slack_takes_no_more_is_known() -> None:
    """Until it takes it again; another refusal says nothing of the token."""
    door = calls()
    with pytest.raises(RefusedError):
        await door.do(response(200, {"ok": False, "error": "channel_not_found"}))
    assert door.turned_away == ""
    with pytest.raises(RefusedError):
        await door.do(response(200, {"ok": False, "error": "token_revoked"}))
    assert door.turned_away == "token_revoked"
    await door.do(response(200, {"ok": True}))
    assert door.turned_away == ""
