"""Tells the page's estate panel when an incident changes its phase, for the shades in its chart.

A part of the demo alone: it reads the journal beside the bot, so that the bot knows nothing of a
simulation.  Whatever goes wrong here only costs shades.
"""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import aiohttp

from flows.journal import Journal
from flows.runs import Run

log = logging.getLogger(__name__)
EVERY = 1.0
Mark = tuple[str, float]


async def mark_phases(journal: Path, page: str) -> None:
    """Post each new phase to the page until cancelled."""
    url = f"{page.rstrip('/')}/estate/api/marks"
    seen: set[Mark] = set()
    timeout = aiohttp.ClientTimeout(total=2)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        while True:
            await asyncio.sleep(EVERY)
            try:
                for mark in new_marks(journal, seen):
                    await _post(session, url, mark)
                    seen.add(mark)
            except Exception as error:  # noqa: BLE001 shades must never end the demo
                log.debug("no shades for now: %s", error)


async def _post(session: aiohttp.ClientSession, url: str, mark: Mark) -> None:
    async with session.post(url, json={"phase": mark[0], "at": mark[1]}) as response:
        response.raise_for_status()


def new_marks(folder: Path, seen: set[Mark]) -> Iterator[Mark]:
    """Yield the phases of all incidents that were not seen yet, in order of time."""
    journal = Journal.read(folder)
    try:
        runs = journal.runs(ended=True)
    finally:
        journal.close()
    yield from sorted(
        (mark for run in runs for mark in marks_of(run) if mark not in seen),
        key=lambda mark: mark[1],
    )


def marks_of(run: Run) -> Iterator[Mark]:
    """Yield when a run entered each of its states (seconds since the epoch)."""
    for span in run.spans:
        yield span.state.value, span.at.timestamp()
