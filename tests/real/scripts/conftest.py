"""Scripts that a system allows, in a folder of the test's own."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use

TOKEN = "token-of-the-smoke-test"
PATIENCE = 60.0


class Scripts:
    """`folder` holds the scripts and what they write; `make` allows one and returns a use of it."""

    def __init__(self, folder: Path, registry: ActionRegistry, pool: ClientPool) -> None:
        self.folder = folder
        self._registry, self._pool = registry, pool

    def make(self, text: str, *arguments: str, timeout: str = "5m", **more: Any) -> Use:
        """Write a script, allow exactly this text, and return a use of it."""
        self.write(text)
        allowed = {
            "path": "tool",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "timeout": timeout,
            "environment": {"API_TOKEN": "env:TOKEN", "OUT": "env:OUT"},
            **more,
        }
        system = system_for(scripts={"tool": allowed}).placed_in(self.folder)
        context = FakeContext(
            system=system,
            surroundings=surroundings_for(self.folder, TOKEN=TOKEN, OUT=str(self.folder)),
            clients=self._pool,
        )
        return Use(
            self._registry, context, "script.run", "tool", script="tool", arguments=arguments
        )

    def check(self, allowed: Use, *arguments: str) -> Use:
        """Return a use of `script.check` on what is allowed already."""
        registry, context = self._registry, allowed.context
        return Use(registry, context, "script.check", "ask", script="tool", arguments=arguments)

    def write(self, text: str) -> None:
        """Put this text where the script is."""
        (self.folder / "tool").write_text(text, encoding="utf-8")

    def pid(self, name: str) -> int:
        """Wait until the script has written a process id under a name; return it."""
        path = self.folder / name
        until(lambda: path.exists() and path.read_text(encoding="utf-8").endswith("\n"))
        return int(path.read_text(encoding="utf-8"))


def until(found: Callable[[], object]) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < ends, "it did not become so"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Say whether a process is at work."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def scripts(registry: ActionRegistry, pool: ClientPool, tmp_path: Path) -> Iterator[Scripts]:
    """Make scripts; what they left running is ended."""
    yield Scripts(tmp_path, registry, pool)
    for path in tmp_path.glob("*.pid"):
        if runs(pid := int(path.read_text(encoding="utf-8"))):
            os.kill(pid, signal.SIGKILL)
