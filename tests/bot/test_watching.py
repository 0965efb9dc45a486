"""The look at ourselves: what stands still is told once; a monitor is called while nothing does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot.watching import Watchman, heartbeat
from flows.commands import About
from flows.recording import RecordingEngine
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle
from tests.servers import served

TEN_MINUTES = timedelta(minutes=10)


class Beats:
    """Counts calls of the monitor."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> None:
        """Be called."""
        self.count += 1


async def test_an_idle_bot_calls_the_monitor(tmp_path: Path) -> None:
    """With nothing to do, all is well."""
    bench = Bench(tmp_path, Estate(), bundle())
    beats = Beats()
    watchman = Watchman(bench.engine, bench.driver, beats)
    assert await watchman.round() == ()
    assert await watchman.round() == ()
    assert beats.count == 2
    bench.engine.close()


async def test_a_driver_that_begins_nothing_is_told_once_and_not_to_the_monitor(
    tmp_path: Path,
) -> None:
    """Commands that nobody begins mean that nothing moves: the monitor hears nothing any more."""
    bench = Bench(tmp_path, Estate(), bundle())
    bench.declare()
    beats = Beats()
    watchman = Watchman(bench.engine, bench.driver, beats)
    assert await watchman.round() == (), "they are not late yet"
    later(bench.engine)
    found = await watchman.round()
    assert {stall.incident for stall in found} == {"INC-1"}
    assert any("GatherFacts" in stall.why for stall in found)
    told = bench.run.seq
    await watchman.round()
    # The messages about the first look are late commands themselves by now; nothing is told twice.
    assert bench.run.seq == told
    assert beats.count == 1
    bench.engine.close()


async def test_a_step_that_does_not_end_is_told(tmp_path: Path) -> None:
    """A step beyond everything that it may take is named in the incident."""
    estate = Estate()
    bench = Bench(tmp_path, estate, bundle())
    estate.slow = asyncio.Event()
    bench.start()
    await bench.approved()
    await estate.called.wait()
    watchman = Watchman(bench.engine, bench.driver)
    assert await watchman.round() == ()
    later(bench.engine)
    bench.engine.wake()
    async with asyncio.timeout(30):
        while bench.driver.neglected(bench.engine.now()):
            await asyncio.sleep(0.005)
    (stall,) = await watchman.round()
    assert "has run for longer than it may" in stall.why
    assert bench.run.stalled == stall.why
    estate.slow.set()
    await bench.drained()
    assert About.STALLED in [each.about for each in bench.announced]
    await bench.stop()


def later(engine: RecordingEngine) -> None:
    """Let ten minutes pass."""
    now: datetime = engine.now() + TEN_MINUTES
    engine._clock = lambda: now


async def test_the_monitors_address_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the monitor answers, or that it does not, the address stays a secret."""
    async with monitor(500) as (url, calls):
        await heartbeat(f"{url}/secret-token")()
        assert calls == ["/secret-token"]
    await heartbeat(f"{url}/secret-token")()
    assert "answered 500" in caplog.text
    assert "was not reached" in caplog.text
    assert "secret-token" not in caplog.text


@asynccontextmanager
async def monitor(status: int) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve a monitor that answers with a status; yield its address and what it was asked."""
    calls: list[str] = []

    async def taken(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=status)

    site = web.Application()
    site.router.add_get("/{rest:.*}", taken)
    async with served(site) as url:
        yield url, calls
