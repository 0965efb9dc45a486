"""The moments at which a process can die, by name; and what ends it there.

Called in the process that is to die.  `Points.at` is called right before and right after every
commit, fetch and call.  The last moment that was passed is kept in a file that is mapped into
memory, so that whoever kills from outside can tell where it hit.
"""

from __future__ import annotations

import mmap
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

WIDTH = 96  # bytes of a name
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadly:
    """Where a process dies: at its `nth` moment of all, or at the `nth` of these `names`."""

    names: tuple[str, ...] = ()
    nth: int = 1


class Points:
    """Counts the moments of one process, tells the last one, and kills at the one wanted."""

    def __init__(self, told: Path, seen: Path, deadly: Deadly | None) -> None:
        self._deadly = deadly
        self._left = deadly.nth if deadly else 0
        self._seen = seen
        self._known: set[str] = set()
        if not told.exists():
            told.write_bytes(b" " * WIDTH)
        with told.open("r+b") as file:
            self._told = mmap.mmap(file.fileno(), WIDTH)

    def at(self, name: str) -> None:
        """Pass a moment; perhaps it is the last one."""
        self._told[:] = name.encode()[:WIDTH].ljust(WIDTH)
        if name not in self._known:
            self._known.add(name)
            _append(self._seen, f"{name}\n")
        if self._deadly is None or (self._deadly.names and name not in self._deadly.names):
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def last(told: Path) -> str:
    """Return the last moment that a process has passed."""
    found = told.read_bytes().decode().strip() if told.exists() else ""
    return found or "before anything"


def _append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


_points: list[Points] = []
_doing: ContextVar[str] = ContextVar("doing", default="a commit")


def install(points: Points) -> None:
    """Have this process pass its moments here."""
    _points[:] = [points]


def at(name: str) -> None:
    """Pass a moment, where somebody counts."""
    for points in _points:
        points.at(name)


@contextmanager
def doing(name: str) -> Iterator[None]:
    """Name the commits of a block."""
    token = _doing.set(name)
    try:
        yield
    finally:
        _doing.reset(token)


def what() -> str:
    """Return what is being committed."""
    return _doing.get()
