"""A server that a test can take down, crash, freeze and bring back."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import psutil

from tests.real.processes import LOOK, Program


class Server:
    """One program that listens; `launch` starts it (tests.real.processes.running)."""

    def __init__(self, launch: Callable[[], AbstractContextManager[Program]]) -> None:
        self._launch = launch
        self._block = ExitStack()
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        """Return the program that runs; RuntimeError when none does."""
        if self._program is None:
            raise RuntimeError("It does not run: start it first.")
        return self._program

    @property
    def runs(self) -> bool:
        """Say whether it has been started and has not ended."""
        return self._program is not None and self._program.alive()

    def start(self) -> None:
        """Start it and wait until it answers; StartError tells what it said if it does not."""
        self._program = self._block.enter_context(self._launch())

    def stop(self) -> None:
        """Stop it in its own polite way."""
        self._block.close()
        self._program = None

    def crash(self) -> None:
        """Kill it: nothing is flushed, connections are reset. `start` brings it back."""
        self.program.kill()
        self.stop()

    def revive(self) -> None:
        """Start it again if the test before has left it down."""
        if not self.runs:
            self.stop()
            self.start()

    @contextmanager
    def up(self) -> Iterator[None]:
        """Keep it running while the block runs."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stop it while the block runs: connections are refused."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze it, and its workers, while the block runs: connections are taken, then silence."""
        main = psutil.Process(self.program.pid)
        with _stopped(main), ExitStack() as workers:
            for each in main.children(recursive=True):  # no new ones from here on
                with suppress(psutil.NoSuchProcess):  # its client has just left
                    workers.enter_context(_stopped(each))
            yield


@contextmanager
def _stopped(process: psutil.Process) -> Iterator[None]:
    """Keep one process from running while the block runs."""
    process.send_signal(signal.SIGSTOP)
    try:
        while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            time.sleep(LOOK)
        yield
    finally:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)
