"""The engine on one machine: the journal in SQLite, guarded by an exclusive file lock.

Implements `flows.engine.Engine` for `bot`, and gives `flows.driver` the commands to perform.
Events, state and commands change in one transaction; a click costs one commit.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from flows.engine import Queued
from flows.journal import FILE, Journal
from flows.recording import RecordingEngine
from flows.runs import Run

LOCK = "backout.lock"


class BusyError(Exception):
    """Another process drives this journal."""


def alone(folder: Path) -> FileLock:
    """Take a data folder for this process, until the lock is released.  Raises `BusyError`."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"another Backout is running on {folder}: stop it, or set BACKOUT_DATA to "
            "another folder"
        ) from None
    return lock


class EmbeddedEngine(RecordingEngine):
    """One process, one journal."""

    exclusive = True
    leads = True
    reconnects = 0

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._lock = alone(folder)
        self._folder = folder
        self._journal = Journal.open(folder)
        super().__init__(self._journal, clock=clock)
        self.hasten()
        self._open: dict[str, Run] = {run.id: run for run in self._journal.runs(ended=False)}

    def close(self) -> None:
        """Close the journal and let the next process in."""
        self._journal.close()
        self._lock.release()

    def size(self) -> int:
        """Return how many bytes the journal takes, with what waits to be put into it."""
        files = (self._folder / f"{FILE}{ending}" for ending in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def postpone(self, queued: Queued, delay: float) -> None:
        """Put a command off by so many seconds."""
        with self._journal.transaction():
            self._journal.postpone(queued.id, self.now().timestamp() + delay)
        self.wake()

    def hasten(self) -> None:
        """End every pause: at a start, and where the clock was set back, nobody knows its rest."""
        with self._journal.transaction():
            self._journal.hasten(self.now().timestamp())

    def due(self, now: datetime | None = None) -> tuple[Queued, ...]:
        """Return the commands that are due now, or at the time given."""
        return self._journal.due((now or self.now()).timestamp())

    def next_due_in(self, after: datetime | None = None) -> float | None:
        """Return the seconds until the next command after now, or that time, is due, or None."""
        now = self.now()
        due = self._journal.next_due((after or now).timestamp())
        return None if due is None else max(0.0, due - now.timestamp())

    def announce_resumption(self) -> None:
        """Tell every open run that the bot was started again."""
        for run in self.runs():
            self.resume(run)

    def run(self, incident: str) -> Run | None:
        """Return a run, open or ended."""
        return self._open.get(incident) or self._journal.run(incident)

    def current(self, incident: str) -> Run | None:
        """Return a run: nobody else writes, so that what is known here is what was committed."""
        return self.run(incident)

    def runs(self, *, ended: bool = False) -> tuple[Run, ...]:
        """Return the open runs, oldest first; with `ended` all."""
        return self._journal.runs(ended=True) if ended else tuple(self._open.values())

    def _committed(self, run: Run) -> None:
        if run.ended:
            self._open.pop(run.id, None)
        else:
            self._open[run.id] = run
        self.wake()
        super()._committed(run)
