"""Backup and restore: a copy made in the middle of a run is whole, and the run goes on from it."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

from flows import auditing
from flows.events import NoteAdded, StepStarted
from flows.journal import FILE, Journal
from flows.moments import Moment
from flows.states import Outcome, State
from tests.flows.bench import EMILY, JENNIFER, Bench
from tests.flows.estate import Estate, bundle


def restored(folder: Path, copy: Path) -> Path:
    """Put a copy into a data folder of its own."""
    folder.mkdir()
    shutil.copy(copy, folder / FILE)
    with closing(Journal.read(folder)) as journal:
        assert not tuple(auditing.verify(journal))
    return folder


async def test_copies_made_while_a_run_is_fed_are_whole(tmp_path: Path) -> None:
    """Whatever is written meanwhile: each copy is one moment of the journal."""
    bench = Bench(tmp_path / "data", Estate(), bundle())
    bench.declare()
    stop = asyncio.Event()

    async def feed() -> None:
        while not stop.is_set():
            bench.feed(NoteAdded(text="meanwhile"))
            await asyncio.sleep(0)

    feeding = asyncio.create_task(feed())
    seen = []
    for number in range(5):
        copy = tmp_path / f"copy-{number}.db"
        await asyncio.to_thread(Journal.copy, tmp_path / "data", copy)
        with closing(Journal.read(restored(tmp_path / f"folder-{number}", copy))) as journal:
            seen.append(len(journal.rows("INC-1")))
    stop.set()
    await feeding
    assert seen == sorted(seen)
    assert seen[-1] <= bench.run.seq
    bench.engine.close()


async def test_a_restored_run_goes_on(tmp_path: Path) -> None:
    """From before the approvals: asked for again, done once, closed."""
    estate = Estate()
    bench = Bench(tmp_path / "data", estate, bundle())
    bench.start()
    bench.declare()
    await bench.until(State.APPROVE)
    Journal.copy(tmp_path / "data", tmp_path / "copy.db")
    await bench.stop()

    folder = restored(tmp_path / "restored", tmp_path / "copy.db")
    again = Bench(folder, estate, bundle())
    again.start()
    assert again.run.state is State.APPROVE
    again.approve(EMILY)
    again.approve(JENNIFER)
    run = await again.until(State.CLOSED)
    await again.stop()
    assert run.outcome is Outcome.RESTORED
    with closing(Journal.read(folder)) as journal:
        assert not tuple(auditing.verify(journal))


async def test_a_step_that_was_done_since_the_copy_is_looked_at_and_not_done_again(
    tmp_path: Path,
) -> None:
    """The copy knows that it began; the estate knows the rest."""
    estate = Estate()
    bench = Bench(tmp_path / "data", estate, bundle())
    copy = tmp_path / "copy.db"

    def begun(told: Moment) -> None:
        if isinstance(told.recorded.event, StepStarted) and not copy.exists():
            Journal.copy(tmp_path / "data", copy)

    bench.engine.witness(begun)
    bench.start()
    await bench.approved()
    await bench.until(State.CLOSED)
    await bench.stop()
    done = estate.calls.count("set release=good")
    assert done == 1

    again = Bench(restored(tmp_path / "restored", copy), estate, bundle())
    assert not again.run.ended
    again.engine.resume(again.run)
    again.start()
    await again.until(State.CLOSED)
    await again.stop()
    assert estate.calls.count("set release=good") == done


async def test_what_was_done_since_an_older_copy_is_found_in_place(tmp_path: Path) -> None:
    """The copy knows of no approval: it is given again, and what is in place is left alone."""
    estate = Estate()
    bench = Bench(tmp_path / "data", estate, bundle())
    bench.start()
    bench.declare()
    await bench.until(State.APPROVE)
    Journal.copy(tmp_path / "data", tmp_path / "copy.db")
    bench.approve(EMILY)
    bench.approve(JENNIFER)
    await bench.until(State.CLOSED)
    await bench.stop()
    assert estate.calls.count("set release=good") == 1

    again = Bench(restored(tmp_path / "restored", tmp_path / "copy.db"), estate, bundle())
    again.start()
    again.approve(EMILY)
    again.approve(JENNIFER)
    await again.until(State.CLOSED)
    await again.stop()
    assert estate.calls.count("set release=good") == 1
