"""The journal's database is away: whoever asks for something hears that it was not recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.engine import AwayError
from tests.scenario.house import JENNIFER, MARCUS, House, house

pytestmark = pytest.mark.scenario
UNRECORDED = "This was not recorded"


@contextmanager
def away(home: House) -> Iterator[None]:
    """Let nothing be recorded while the block runs."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AwayError("the database does not answer")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(home.engine, "feed", refuse)
        patch.setattr(home.engine, "declare", refuse)
        yield


async def test_a_button_says_that_it_did_nothing(tmp_path: Path) -> None:
    """Who approves hears that it was not recorded; pressed again later, it counts."""
    async with house(tmp_path) as home:
        run = await home.declare()
        with away(home):
            await home.click(JENNIFER, run, "approve")
            said = await home.told(JENNIFER, UNRECORDED)
        assert "Press or type it again" in said
        await home.click(JENNIFER, run, "approve")
        await home.until(lambda run: run.state != "approve")


async def test_a_form_stays_open_with_what_was_written(tmp_path: Path) -> None:
    """A denial's reason is not lost: the form says what is wrong and takes it again."""
    async with house(tmp_path) as home:
        run = await home.declare()
        await home.click(JENNIFER, run, "deny")

        async def form() -> Any:
            return await home.people.modal(JENNIFER)

        modal = await home.people.wait_for(form, what="the form")
        reason = {"reason": "the wrong release"}
        with away(home):
            answer = await home.people.submit(JENNIFER, modal["id"], reason)
        assert answer["response_action"] == "errors"
        assert UNRECORDED in answer["errors"]["reason"]
        answer = await home.people.submit(JENNIFER, modal["id"], reason)
        assert answer["acked"]
        await home.until(lambda run: run.state != "approve")


async def test_a_message_comes_again_and_counts_once(tmp_path: Path) -> None:
    """What was typed stays unacknowledged, so that Slack repeats it; who typed it is told once."""
    async with house(tmp_path) as home:
        run = await home.declare()
        with away(home):
            await home.people.say(MARCUS, run.channel or "", "!incident note two carts are lost")
            said = await home.told(MARCUS, UNRECORDED)
            assert "Slack delivers your message once more" in said

            async def tried() -> bool:
                sent = await home.people.deliveries()
                return sum(not each["ok"] for each in sent if each["what"] == "message") >= 2

            await home.people.wait_for(tried, what="Slack's first repeat")
        assert await home.people.redeliver(count=2, what="message") == 2
        run = await home.until(lambda run: run.notes)
        assert [note.text for note in run.notes] == ["two carts are lost"]
        told = await home.people.ephemerals(MARCUS)
        assert sum(UNRECORDED in each["text"] for each in told) == 1


async def test_a_slash_command_is_answered_at_once(tmp_path: Path) -> None:
    """The answer that it was not recorded travels in the acknowledgement."""
    async with house(tmp_path) as home:
        run = await home.declare()
        with away(home):
            await home.people.slash(MARCUS, run.channel or "", "note two carts are lost")
            await home.told(MARCUS, UNRECORDED)
        assert not (await home.until(lambda _: True)).notes
