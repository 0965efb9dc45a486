"""Kills the engine with SIGKILL before and after every commit, and lets a new process go on.

Run by `test_kills.py` as a process of its own: `python -m tests.flows.killing FOLDER`.  It forks
a child for every attempt, so that what is killed is a real process with a real file lock.  Prints
one JSON line a case.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from config.models.bundles import Bundle
from flows import auditing, events
from flows.journal import Journal
from flows.states import State
from tests.flows.bench import ALEX, JENNIFER, Bench
from tests.flows.estate import Estate, bundle, step


class FileEstate(Estate):
    """An estate that outlives the process: one file for the value, one line a call."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.values = FileValues(folder / "values.json")
        self.calls = FileCalls(folder / "calls.log")


class FileValues(dict[str, str]):
    """A mapping kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        known = json.loads(path.read_text()) if path.exists() else None
        super().__init__(known or {"release": "bad", "status": "none"})

    def __setitem__(self, name: str, value: str) -> None:
        """Write through."""
        super().__setitem__(name, value)
        self._path.write_text(json.dumps(self))


class FileCalls(list[str]):
    """A list kept in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def append(self, call: str) -> None:
        """Write through."""
        with self._path.open("a") as file:
            file.write(f"{call}\n")


@dataclass
class Killer:
    """Ends the process at the n-th commit, before or after it."""

    commit: int
    after: bool
    seen: int = field(default=0)

    def kill(self) -> None:
        """End, as the kernel does when it is asked to."""
        os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Count the journal's commits."""
        original = Journal.transaction
        killer = self

        @contextmanager
        def counting(journal: Journal) -> Iterator[None]:
            with original(journal):
                yield
                killer.seen += 1
                if killer.seen == killer.commit and not killer.after:
                    killer.kill()
            if killer.seen == killer.commit and killer.after:
                killer.kill()

        setattr(Journal, "transaction", counting)  # noqa: B010 a method is replaced on purpose


def a_system() -> Bundle:
    """Two changes one after the other, then a check."""
    first = step("first", "fake.set", budget="0.3s", **{"with": {"name": "release", "to": "good"}})
    second = step("second", "fake.set", budget="0.3s", **{"with": {"name": "status", "to": "told"}})
    return bundle(restore=(first, second))


async def play(folder: Path) -> None:
    """Do what people do, as often as it takes, until the incident is closed."""
    bench = Bench(folder, FileEstate(folder), a_system())
    bench.start()
    bench.declare()
    async with asyncio.timeout(20):
        while not bench.run.ended:
            if bench.run.state is State.APPROVE:
                bench.approve(ALEX)
                bench.approve(JENNIFER)
            if bench.run.state is State.HOLD:
                bench.feed(events.RetryAsked())
            await bench.watch.changed("INC-1", 0.05)
    await bench.drained()
    await bench.stop()


def child(folder: Path, killer: Killer | None) -> int:
    """Play in a process of its own; return its wait status."""
    pid = os.fork()
    if pid == 0:
        if killer is not None:
            killer.install()
        try:
            asyncio.run(play(folder))
        except BaseException as error:  # noqa: BLE001 the parent reads the status
            sys.stderr.write(f"{type(error).__name__} {error}\n")
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def case(folder: Path, commit: int, *, after: bool) -> dict[str, object]:
    """Kill once, go on, and report what was done to the estate."""
    folder.mkdir(parents=True)
    killed = os.WIFSIGNALED(child(folder, Killer(commit, after)))
    status = child(folder, None) if killed else 0
    journal = Journal.read(folder)
    calls = (folder / "calls.log").read_text().split("\n")
    run = journal.run("INC-1")
    return {
        "commit": commit,
        "after": after,
        "killed": killed,
        "recovered": status == 0,
        "state": run.state if run else None,
        "sets": sorted(call for call in calls if call.startswith("set")),
        "chain": not tuple(auditing.verify(journal)),
    }


def main(folder: Path) -> None:
    """Kill at every commit there is, before and after it."""
    for after in (False, True):
        commit = 0
        while True:
            commit += 1
            found = case(folder / f"{commit}-{after}", commit, after=after)
            sys.stdout.write(f"{json.dumps(found)}\n")
            if not found["killed"]:
                break


if __name__ == "__main__":
    main(Path(sys.argv[1]))
