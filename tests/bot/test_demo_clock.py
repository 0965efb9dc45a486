"""The demo's bot reads the clock off the sandbox's wall."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.demo_clock import WallClock
from tests.servers import served


class Wall:
    """A sandbox that shows what the test wants."""

    def __init__(self) -> None:
        self.shown = {"now": 5_000.0, "real": 1_000.0, "speed": 10.0}
        self.reads = 0
        self.well = True

    async def show(self, _request: web.Request) -> web.Response:
        """Answer a look."""
        self.reads += 1
        return web.json_response(self.shown if self.well else [], status=200 if self.well else 500)


@pytest.fixture
async def wall() -> AsyncIterator[tuple[Wall, str]]:
    """A wall, and the page that it hangs in."""
    found = Wall()
    site = web.Application()
    site.router.add_get("/estate/api/wall", found.show)
    async with served(site) as url:
        yield found, f"{url}/"


async def test_it_counts_on_at_the_wall_s_speed(wall: tuple[Wall, str]) -> None:
    """Before the first look it is the real time; after it ten seconds pass in one."""
    now = 1_000.0
    clock = WallClock(wall[1], real=lambda: now)
    assert clock.now().timestamp() == 1_000
    await clock.read()
    now = 1_002.0
    assert clock.now().timestamp() == 5_020
    now = 900.0
    assert clock.now().timestamp() == 5_000


async def test_it_follows_and_wakes_who_sleeps(wall: tuple[Wall, str]) -> None:
    """Whoever waits for something due is woken while time is hurried; a failure ends nothing."""
    shown, page = wall
    clock = WallClock(page, real=lambda: 1_000.0)
    woken = asyncio.Event()
    shown.well = False
    following = asyncio.create_task(clock.follow(woken.set))
    try:
        async with asyncio.timeout(30):
            while shown.reads < 2:
                await asyncio.sleep(0.01)
            assert not woken.is_set()
            shown.well = True
            await woken.wait()
        assert clock.now().timestamp() == 5_000
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
