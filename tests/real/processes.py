"""Start a real program for the tests, wait until it answers, and be sure that it ends.

Every fixture of the real tier starts its servers through `running`. A program ends with the
session, even when pytest is killed (tests.real.guard sees to that); its output is kept in a file
and shown when the start fails.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

GUARD = Path(__file__).with_name("guard.py")
PORTS = range(20_000, 32_000)  # below the kernel's own choice for outgoing connections
TAIL = 4_000  # characters of a log that a failure shows
# Removes a folder when its life line ends; what is still stopping may yet write into it.
JANITOR = 'cat; for _ in 1 2 3 4 5 6 7 8 9; do rm -rf -- "$0" && exit; sleep 1; done'
LOOK = 0.02  # seconds between two looks whether a program is ready

_chance = random.SystemRandom()  # pytest-randomly gives every worker the same seed
_given: set[int] = set()


class StartError(RuntimeError):
    """A program ended early or never answered; the message ends with its last lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that runs under its guard."""

    name: str
    log: Path
    guard: subprocess.Popen[bytes]

    def alive(self) -> bool:
        """Say whether the program (its guard) still runs."""
        return self.guard.poll() is None

    @property
    def pid(self) -> int:
        """Return the program's own process id."""
        return psutil.Process(self.guard.pid).children()[0].pid

    def output(self) -> str:
        """Return all that it printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        """Send the program a signal: SIGSTOP makes it hang, SIGHUP usually reloads it."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once, as a crash does; what it had started ends too."""
        self.signal(signal.SIGKILL)
        self.guard.wait()

    def stop(self) -> None:
        """Ask it to stop; return when it, and what it had started, is gone."""
        if self.guard.stdin:
            with suppress(BrokenPipeError):
                self.guard.stdin.close()
        self.guard.wait()


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    ready: Callable[[], object],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str = "",
    seconds: float = 60.0,
    stop: signal.Signals = signal.SIGTERM,
    grace: float = 10.0,
) -> Iterator[Program]:
    """Run the command while the block runs.

    `log` gets what it prints (appended, so that a restart keeps the old lines). `ready` is asked
    until it returns something true; an OSError counts as not yet. `env` adds to the environment.
    `user` runs it as that user (as root only). After `seconds` without being ready, or when it
    ends before, StartError. At the end it gets `stop`, and SIGKILL after `grace` seconds.
    """
    with log.open("ab") as output:
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", GUARD, str(int(stop)), str(grace), user, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,  # Ctrl-C is for pytest, which then ends the block
        )
    program = Program(name=Path(command[0]).name, log=log, guard=guard)
    try:
        wait_until(program, ready, seconds)
        yield program
    finally:
        program.stop()


def wait_until(program: Program, ready: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until the program answers; raise StartError with its last lines if it does not."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            if ready():
                return
        if not program.alive():
            reason = f"ended with exit code {program.guard.returncode}"
        elif time.monotonic() > deadline:
            reason = f"was not ready after {seconds:.0f} s"
        else:
            time.sleep(LOOK)
            continue
        raise StartError(f"{program.name} {reason}. It said:\n{program.output()[-TAIL:]}")


@contextmanager
def scratch(name: str, *, owner: str = "") -> Iterator[Path]:
    """Lend a folder that is removed even when pytest is killed.

    For data of many megabytes, and for programs that run as another user (`owner`): pytest keeps
    its own temporary folders for a while and lets nobody else into them.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"backout-{name}-"))
    if owner:
        shutil.chown(folder, owner)
    janitor = subprocess.Popen(
        ["sh", "-c", JANITOR, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        janitor.communicate()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on, and that is given only once."""
    while True:
        port = _chance.choice(PORTS)
        if port not in _given and not listens(port):
            _given.add(port)
            return port


def listens(port: int) -> bool:
    """Say whether something takes, or keeps others from taking, this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def answers(port: int) -> bool:
    """Say whether a connection to this port of 127.0.0.1 is taken: the usual `ready`."""
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
