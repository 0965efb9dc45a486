"""What comes in beside Slack: orders at the control door, and whatever is typed in a shell."""

import json
import logging
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.failures import ExitCode
from bot.control.orders import SOCKET, Word
from tests.bot.cli.conftest import Cli, backout, declare, engine
from tests.bot.cli.test_ordering import Bot, bot
from tests.fuzz.mutations import NASTY, mutated
from tests.fuzz.profiles import bounded

__all__ = ["backout", "bot", "declare", "engine"]
ORDER: dict[str, Any] = {
    "request": "0" * 32,
    "incident": "INC-1",
    "person": "jennifer-liu",
    "code": "123456",
    "step": "",
    "digest": "0" * 64,
    "reason": "r",
    "text": "security",
    "answer": True,
}
READING = (
    ("incidents",),
    ("show",),
    ("report",),
    ("check",),
    ("coverage",),
    ("permissions",),
    ("actions",),
    ("evidence",),
    ("audit", "verify"),
    ("audit", "export"),
    ("migrate", "--status"),
    ("totp", "remove"),
    *((word.value,) for word in Word),
)
KNOWN = ("1", "INC-1", "aivo", "plan", "--as", "marcus-rodriguez", "--json", "--help", "--", "-1")
TYPED = [str(each) for each in NASTY if isinstance(each, str | int) and "\x00" not in str(each)]


async def posted(bot: Bot, word: str, content: bytes) -> tuple[int, str]:
    """Send bytes through the door."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(bot.data / SOCKET))) as session,
        session.post(f"http://backout/{word}", data=content) as response,
    ):
        return response.status, await response.text()


async def test_an_order_of_any_shape_is_answered_and_changes_nothing(
    bot: Bot, caplog: pytest.LogCaptureFixture
) -> None:
    """Never 5xx, a sentence each time, and the journal as it was: nobody proved who they are."""
    before, orders = len(bot.events), []

    @bounded(150)
    @given(word=st.sampled_from(list(Word)), body=mutated(ORDER))
    def draw(word: Word, body: Any) -> None:
        orders.append((word.value, json.dumps(body).encode()))

    draw()
    orders += [("approve", raw) for raw in (b"", b"\xff", b"{", b"[" * 9_000, b"null")]
    for word, content in orders:
        status, text = await posted(bot, word, content)
        assert status < 500, (status, text, word, content[:200])
        assert text, (word, content[:200])
    assert len(bot.events) == before
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@bounded(120)
@given(
    command=st.sampled_from(READING),
    words=st.lists(st.one_of(st.sampled_from(KNOWN), st.sampled_from(TYPED)), max_size=4),
)
def test_whatever_is_typed_ends_with_a_code_and_a_sentence(
    backout: Cli, command: tuple[str, ...], words: list[str]
) -> None:
    """A shell gets one of the documented codes, never a traceback."""
    code = backout(*command, *words)
    assert code in set(ExitCode), (code, backout.err[-500:])
    assert "Traceback" not in backout.out + backout.err, backout.err[-500:]
    assert code == ExitCode.OK or backout.err or backout.out
