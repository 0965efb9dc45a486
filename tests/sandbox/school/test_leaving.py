"""The school's servers end with the sandbox, however it ends, and say why they don't run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from sandbox.estate import Estate
from sandbox.school import places, programs
from sandbox.school.cache import Cache
from sandbox.school.database import Database
from sandbox.school.processes import ServerError
from tests.real.presence import missing
from tests.sandbox.school.conftest import until

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from sandbox.estate import Estate
from sandbox.school.cache import Cache
from sandbox.school.database import Database

async def main():
    data = Path(sys.argv[1])
    async with Estate(data=data) as estate:
        database, cache = Database(estate, data=data), Cache(estate, data=data)
        await database.start()
        await cache.start()
        print(json.dumps([database.state()["why"], cache.state()["why"]]), flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def below(pid: int) -> list[psutil.Process]:
    """Return all processes that a process has started, and those that they have."""
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.real
async def test_nothing_runs_after_the_sandbox_was_killed(somewhere: Path) -> None:
    """Killed without warning, it leaves no server behind; the next start finds an empty place."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, somewhere, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert started.stdout is not None
    async with asyncio.timeout(100):
        whys = json.loads(await started.stdout.readline())
    if any(whys):
        os.kill(started.pid, signal.SIGKILL)
        await started.communicate()
        missing("postgresql", " ".join(whys))
    left = below(started.pid)
    names = {each.name() for each in left}
    assert {"postgres", "redis-server"} <= {name.split(":")[0] for name in names}
    os.kill(started.pid, signal.SIGKILL)
    await started.communicate()
    await until(lambda: not any(each.is_running() for each in left))
    note = somewhere / "school.place"
    old = Path(note.read_text()) if note.exists() else None
    fresh = await asyncio.to_thread(places.make, somewhere, programs.postgres())
    assert list(fresh.iterdir()) == []
    assert old is None or not old.exists()
    places.remove(somewhere)
    assert not fresh.exists()
    assert not note.exists()
    assert not (somewhere / "school").exists()


@pytest.mark.real
async def test_nothing_is_left_after_a_stop(somewhere: Path) -> None:
    """A stop, and a second one, end all servers, also one that is being restored."""
    before = set(below(os.getpid()))  # servers of other tests
    async with Estate(data=somewhere) as estate:
        database = Database(estate, data=somewhere)
        await database.start()
        try:
            if (database.state() or {})["real"]:
                database.restore("halfway", None)
                await asyncio.sleep(0)
        finally:
            await database.stop()
        await database.stop()
    left = set(below(os.getpid())) - before
    assert [each for each in left if each.name().startswith("postgres")] == []


async def test_without_programs_the_parts_say_why(
    somewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither a package nor the machine has a program, the panel gets a sentence."""
    monkeypatch.setattr(programs, "_package", lambda _: [])
    monkeypatch.setattr(programs, "_DEBIAN", somewhere)
    monkeypatch.setenv("PATH", str(somewhere))
    async with Estate(data=somewhere) as estate:
        database, cache = Database(estate, data=somewhere), Cache(estate, data=somewhere)
        for part, scenario, word in (
            (database, "corrupt_grades", "PostgreSQL"),
            (cache, "stale_cache", "Redis"),
        ):
            await part.start()
            await part.break_it(scenario)
            await part.reset()
            state = part.state() or {}
            assert state["real"] is False
            assert word in state["why"]
            assert part.addresses() == {}
            assert part.disturbance().errors == {}
            await part.stop()


def test_the_machines_own_programs_serve_where_the_packages_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A platform without wheels uses what is installed."""
    monkeypatch.setattr(programs, "_package", lambda _: [])
    try:
        found = programs.postgres(), programs.redis_server()
    except ServerError as error:
        missing("postgresql", str(error))
    assert found[0].path("postgres").is_file()
    assert os.access(found[1], os.X_OK)
