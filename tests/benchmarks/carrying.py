"""What open incidents cost: memory of a process, and how long it takes to be back with them.

Incidents wait for approval in a journal; a process of its own is started on it, resumes them all,
and performs the first command.  `python -m tests.benchmarks.carrying FOLDER` is that process.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from flows import events
from flows.commands import Command
from flows.events import BOT, Event
from flows.opening import Place, open_driver, open_engine
from flows.runs import Run
from tests.benchmarks import reports
from tests.benchmarks.journals import open_on, prepare
from tests.benchmarks.reports import Report
from tests.benchmarks.stores import Store, stores
from tests.bot import story
from tests.conformance.kinds import KINDS

ROOT = Path(__file__).parents[2]
WHERE = "BENCH_DATABASE_URL"
COUNTS = (1, 10, 100, 1_000)


async def measure() -> Report:
    """Fill journals, and start a process on each."""
    rows = []
    with stores() as ground:
        for kind in KINDS:
            for count in COUNTS:
                with ground.empty(kind) as store:
                    _fill(store, count)
                    found = _start(store)
                cells = (f"{found['opened']:.2f} s", f"{found['back']:.2f} s")
                rows.append((f"{kind}, {count:,} open", *cells, f"{found['rss'] / 2**20:.0f} MiB"))
    return Report(
        name="carrying",
        title="Open incidents: recovery and memory",
        columns=("", "journal open after", "all resumed, first command done after", "RSS"),
        rows=tuple(rows),
        notes=(
            "The engine alone, without Slack and actions; the interpreter's start not counted.",
        ),
    )


def _fill(store: Store, count: int) -> None:
    engine = store.open()
    for number in range(count):
        prepare(engine, open_on(engine, f"sys-{number}"), story.plan())
    store.forget(engine)
    engine.close()


def _start(store: Store) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.carrying", str(store.folder)]
    known = {**os.environ, WHERE: store.url or ""}
    done = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


async def _carry(folder: str) -> None:
    began = time.perf_counter()
    engine = open_engine(Place(folder=Path(folder), url=os.environ[WHERE] or None))
    opened = time.perf_counter() - began
    performed = asyncio.Event()

    async def perform(run: Run, command: Command) -> Iterable[Event]:
        performed.set()
        return ()

    driver = open_driver(engine, perform)
    engine.announce_resumption()
    asked = events.PlanAsked(procedure="service")
    engine.feed("INC-1", events.NoteAdded(text="back"), actor=BOT, event_id="back")
    engine.feed("INC-1", events.ReplanAsked(reason="measured"), actor=BOT, event_id="replan")
    engine.feed("INC-1", asked, actor=BOT, event_id="asked")
    driving = asyncio.create_task(driver.drive())
    await performed.wait()
    back = time.perf_counter() - began
    rss = psutil.Process().memory_info().rss
    sys.stdout.write(json.dumps({"opened": opened, "back": back, "rss": rss}))
    await driver.stop()
    await driving
    engine.close()


if __name__ == "__main__":
    if WHERE in os.environ:
        asyncio.run(_carry(sys.argv[1]))
    else:
        reports.run({"carrying": measure})
