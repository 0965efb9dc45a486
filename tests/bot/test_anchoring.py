"""Anchors of a running bot: written where they belong, when they should, in nobody's way."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.anchoring import Anchoring, Place, PlaceError, places_of
from config.settings import Settings
from flows import anchors, auditing, opening
from flows.anchors import Anchor
from flows.events import NoteAdded
from flows.journal import Journal
from flows.states import State
from tests.flows.bench import PATIENCE, Bench
from tests.flows.estate import Estate, bundle
from tests.servers import served


class Shelf:
    """A place in memory, which can be out of order."""

    def __init__(self) -> None:
        self.kept: list[Anchor] = []
        self.refuses = False

    async def write(self, anchor: Anchor) -> None:
        """Keep it."""
        if self.refuses:
            raise PlaceError("out of order")
        self.kept.append(anchor)


@asynccontextmanager
async def writing(folder: Path, shelf: Shelf) -> AsyncIterator[tuple[Bench, Anchoring]]:
    """Have a bench whose anchors go to a shelf."""
    bench = Bench(folder, Estate(), bundle())
    place = opening.Place(folder=folder)
    anchoring = Anchoring(
        bench.engine, lambda: opening.journal(place), [Place("shelf", shelf.write)]
    )
    watching = asyncio.create_task(anchoring.watch())
    bench.start()
    try:
        yield bench, anchoring
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await bench.stop()


async def until(what: Any) -> None:
    """Wait for something."""
    async with asyncio.timeout(PATIENCE):
        while not what():
            await asyncio.sleep(0.01)


async def test_an_incident_that_ends_is_anchored(tmp_path: Path) -> None:
    """The anchor has the head of its chain, and the journal is what it says."""
    shelf = Shelf()
    async with writing(tmp_path, shelf) as (bench, anchoring):
        await bench.approved()
        run = await bench.until(State.CLOSED)
        await until(lambda: shelf.kept and shelf.kept[-1].heads and shelf.kept[-1].count == 1)
        await until(lambda: shelf.kept[-1].heads[0].seq >= run.seq)
        assert anchoring.written == len(shelf.kept)
        assert not anchoring.behind
    journal = Journal.read(tmp_path)
    assert anchors.compare(shelf.kept, auditing.spots_of(journal)) == ()
    journal.close()


async def test_a_place_that_is_out_of_order_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted, logged, shown, and what was missed is in the next one; nothing waits."""
    shelf = Shelf()
    shelf.refuses = True
    async with writing(tmp_path, shelf) as (bench, anchoring):
        await bench.approved()
        await bench.until(State.CLOSED)
        await until(lambda: anchoring.failed)
        await until(lambda: anchoring.behind)
        assert "no anchor was written to shelf, again in 60 s: out of order" in caplog.text
        shelf.refuses = False
        await bench.drained()
        await anchoring.round()
        assert [head.incident for head in shelf.kept[-1].heads] == ["INC-1"]
        written = anchoring.written
        await anchoring.round()
        assert anchoring.written == written, "nothing happened since"


async def test_only_the_leading_replica_anchors(tmp_path: Path) -> None:
    """Each anchor is written once, by one of them."""
    shelf = Shelf()
    follower = SimpleNamespace(leads=False, listen=lambda heard: None, now=lambda: None)

    def opened() -> Any:
        raise AssertionError("a follower has nothing to read")

    anchoring = Anchoring(follower, opened, [Place("shelf", shelf.write)])
    await anchoring.round()
    assert (shelf.kept, anchoring.written, anchoring.behind) == ([], 0, False)


def settings_for(tmp_path: Path, anchor: str, **more: Any) -> Settings:
    """Return settings that name places."""
    return Settings.model_construct(anchor=SecretStr(anchor), data=tmp_path, **more)


async def written_to(tmp_path: Path, settings: Settings) -> None:
    """Write two anchors of a journal that grew in between."""
    bench = Bench(tmp_path / "data", Estate(), bundle())
    (place,) = places_of(settings)
    journal = Journal.read(tmp_path / "data")
    bench.declare()
    await place.tell("2026-01-01T00:00:00+00:00", auditing.heads_of(journal))
    bench.feed(NoteAdded(text="more"))
    await place.tell("2026-01-02T00:00:00+00:00", auditing.heads_of(journal))
    journal.close()
    bench.engine.close()


async def test_a_file_gets_a_line_an_anchor(tmp_path: Path) -> None:
    """Each at the end of what is there."""
    file = tmp_path / "anchors.jsonl"
    file.write_text("kept\n", encoding="utf-8")
    await written_to(tmp_path, settings_for(tmp_path, f"file:{file}"))
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "kept"
    assert [head.seq for anchor in anchors.read(lines) for head in anchor.heads] == [1, 2]


async def test_a_file_that_can_not_be_written_says_why(tmp_path: Path) -> None:
    """A sentence with the path."""
    settings = settings_for(tmp_path, f"file:{tmp_path}/none/anchors.jsonl")
    with pytest.raises(PlaceError, match=r"none/anchors\.jsonl: No such file"):
        await written_to(tmp_path, settings)


@asynccontextmanager
async def server(answer: Any, status: int = 200) -> AsyncIterator[tuple[str, list[Any]]]:
    """Have something that listens and keeps what it was told."""
    heard: list[Any] = []

    async def hear(request: web.Request) -> web.Response:
        is_json = request.content_type == "application/json"
        heard.append(await request.json() if is_json else dict(await request.post()))
        return web.json_response(answer, status=status)

    app = web.Application()
    app.router.add_post("/{path:.*}", hear)
    async with served(app) as url:
        yield url, heard


async def test_an_address_gets_json(tmp_path: Path) -> None:
    """What is posted is what a file would hold."""
    async with server({}, 201) as (url, heard):
        await written_to(tmp_path, settings_for(tmp_path, f"{url}/anchors?key=hunter2"))
    assert len(anchors.read(json.dumps(each, separators=(",", ":")) for each in heard)) == 2


@pytest.mark.parametrize("status", [302, 403, 500])
async def test_an_address_that_refuses_is_told_without_its_secret(
    tmp_path: Path, status: int
) -> None:
    """The status says enough."""
    async with server({}, status) as (url, _):
        settings = settings_for(tmp_path, f"{url}/anchors?key=hunter2")
        with pytest.raises(PlaceError, match=f"answered {status}") as told:
            await written_to(tmp_path, settings)
    assert "hunter2" not in str(told.value)


async def test_a_channel_gets_a_message_that_can_be_copied_back(tmp_path: Path) -> None:
    """The line in it is an anchor; the token is the bot's."""
    posted = {"ok": True, "channel": "C1", "ts": "1.0"}
    async with server(posted) as (url, heard):
        settings = settings_for(
            tmp_path,
            "slack:#audit",
            slack_bot_token=SecretStr("xoxb-1"),
            slack_api_url=f"{url}/api/",
        )
        await written_to(tmp_path, settings)
    assert [each["channel"] for each in heard] == ["#audit", "#audit"]
    assert len(anchors.read(each["text"] for each in heard)) == 2


async def test_a_channel_that_refuses_is_a_place_out_of_order(tmp_path: Path) -> None:
    """With Slack's own word."""
    async with server({"ok": False, "error": "not_in_channel"}) as (url, _):
        settings = settings_for(
            tmp_path,
            "slack:#audit",
            slack_bot_token=SecretStr("xoxb-1"),
            slack_api_url=f"{url}/api/",
        )
        with pytest.raises(PlaceError, match="not_in_channel"):
            await written_to(tmp_path, settings)
