"""After the end the post-mortem and its picture are in the channel, once, or people know where."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.runs import Run
from tests.scenario.house import JENNIFER, MARCUS, PATIENCE, House, house

pytestmark = pytest.mark.scenario

COMPLETE = "files.completeUploadExternal"


@asynccontextmanager
async def reporting(data: Path) -> AsyncIterator[House]:
    """Open a house whose bot files reports."""
    async with house(data, start=False) as home:
        home.reports = True
        await home.start()
        yield home


async def ended(home: House) -> Run:
    """Play an incident to its end."""
    run = await home.declare()
    await home.click(JENNIFER, run, "approve")
    return await home.until(lambda run: run.ended)


async def shared(home: House, run: Run) -> list[dict[str, Any]]:
    """Wait until the report is settled, and return the messages with files."""

    async def look() -> bool:
        keys = [f"{run.id}:{each.seq}:report" for each in home.engine.events(run.id)]
        return any(home.engine.delivery(key) for key in keys)

    await home.people.wait_for(look, PATIENCE, what="the report is settled")
    messages = await home.people.messages(run.channel or "")
    return [message for message in messages if message.get("files")]


def body(home: House, file: dict[str, Any]) -> bytes:
    """Return what was uploaded."""
    content: bytes = home.workspace.context.uploads[file["id"]]["body"]
    return content


@pytest.mark.covers("AIVO-P3", "AIVO-P10")
async def test_the_post_mortem_and_its_picture_are_in_the_channel(tmp_path: Path) -> None:
    """Both files come in one message, after the one that says that it is closed."""
    async with reporting(tmp_path) as home:
        run = await ended(home)
        (message,) = await shared(home, run)

        assert [file["name"] for file in message["files"]] == [
            "INC-1-post-mortem.md",
            "INC-1-timeline.png",
        ]
        document, picture = (body(home, file) for file in message["files"])
        assert document.decode().startswith("# INC-1: checkout 5xx\n")
        assert "Jennifer Liu" in document.decode()
        assert picture.startswith(b"\x89PNG")
        assert "backout report INC-1" in message["text"]
        texts = [m["text"] for m in await home.people.messages(run.channel or "")]
        closed = next(n for n, text in enumerate(texts) if "*Closed.*" in text)
        assert closed < texts.index(message["text"])
        kept = tmp_path / "evidence" / "INC-1"
        assert (kept / "post-mortem.md").read_bytes() == document
        assert (kept / "timeline.png").read_bytes() == picture


async def test_a_lost_answer_shares_nothing_twice(tmp_path: Path) -> None:
    """The files are found in the channel again instead of shared again."""
    async with reporting(tmp_path) as home:
        await home.people.fault(COMPLETE, lose_reply=True)
        run = await ended(home)

        assert len(await shared(home, run)) == 1
        assert len(await home.people.calls(COMPLETE)) == 1


async def test_a_call_that_never_arrived_is_made_again(tmp_path: Path) -> None:
    """Where the channel shows that nothing came, the same files are shared."""
    async with reporting(tmp_path) as home:
        await home.people.fault(COMPLETE, drop=True)
        run = await ended(home)

        assert len(await shared(home, run)) == 1
        assert len(await home.people.calls(COMPLETE)) == 2
        assert len(await home.people.calls("files.getUploadURLExternal")) == 2


async def test_a_kill_in_the_middle_shares_once_and_the_same(tmp_path: Path) -> None:
    """Killed while Slack has the last call, the bot finds what it shared, and its evidence."""
    async with reporting(tmp_path) as home:
        await home.people.fault(COMPLETE, delay_ms=1500)
        run = await ended(home)

        async def asked() -> bool:
            return bool(await home.people.calls(COMPLETE))

        await home.people.wait_for(asked, PATIENCE, what="the last call")
        await home.restart_abruptly()

        (message,) = await shared(home, run)
        kept = (tmp_path / "evidence" / "INC-1" / "post-mortem.md").read_bytes()
        assert body(home, message["files"][0]) == kept


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", COMPLETE])
async def test_where_slack_refuses_the_channel_is_told(tmp_path: Path, method: str) -> None:
    """Without the scope nothing fails: one message says where the document is."""
    async with reporting(tmp_path) as home:
        access = home.workspace.context.access
        if method == COMPLETE:
            await home.people.fault(COMPLETE, error="posting_to_channel_denied", count=None)
        else:
            access.scopes = access.scopes - {"files:write"}
        run = await ended(home)

        assert await shared(home, run) == []
        texts = [m["text"] for m in await home.people.messages(run.channel or "")]
        told = [text for text in texts if "could not be put here" in text]
        assert len(told) == 1
        assert "backout report INC-1" in told[0]
        assert home.engine.run(run.id) == run


async def test_a_limit_delays_the_files_only(tmp_path: Path) -> None:
    """A 429 is waited for, and the files come then."""
    async with reporting(tmp_path) as home:
        await home.people.fault("files.getUploadURLExternal", retry_after=1)
        run = await ended(home)

        assert len(await shared(home, run)) == 1


async def test_a_false_alarm_is_kept_and_not_shown(tmp_path: Path) -> None:
    """What was called off has its document as evidence; nobody is bothered with it."""
    async with reporting(tmp_path) as home:
        run = await home.declare()
        await home.people.say(MARCUS, run.channel or "", "!incident abort just trying")
        await home.until(lambda run: run.ended)

        async def kept() -> bool:
            return (tmp_path / "evidence" / "INC-1" / "timeline.png").exists()

        await home.people.wait_for(kept, PATIENCE, what="the evidence")
        await home.stop()
        await home.start()
        messages = await home.people.messages(run.channel or "")
        assert not [message for message in messages if message.get("files")]
        assert not await home.people.calls(COMPLETE)
