"""Start a server under its guard, and be sure that it ends; called by `clusters` and `cache`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_GUARD = Path(__file__).with_name("guard.py")
_GRACE = 10.0  # seconds until a server that was asked to stop is killed
_LOOK = 0.05
_TAIL = 600  # characters of a log that a message shows
_TRIES = 5
_TAKEN = ("could not bind", "Address already in use", "address already in use")


class ServerError(RuntimeError):
    """A server could not be started; the message says why, in a sentence for the panel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that runs, and its port of 127.0.0.1."""

    port: int
    guard: subprocess.Popen[bytes]

    async def stop(self) -> None:
        """Ask it to stop, and wait until it is gone; safe to call twice."""
        if self.guard.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.guard.stdin.close()
        await asyncio.to_thread(self.guard.wait)


async def started(
    command: Callable[[int], Sequence[str | Path]],
    *,
    log: Path,
    ready: Callable[[int], Awaitable[bool]],
    user: str = "",
    stop: signal.Signals = signal.SIGTERM,
    seconds: float = 90.0,
) -> Server:
    """Start what `command` returns for a free port, and wait until it is ready.

    `log` gets what it prints.  Another port is tried where somebody was quicker.  Raises
    ServerError with its last lines when it ends early or is not ready in time.
    """
    for _ in range(_TRIES):
        port = free_port()
        server = Server(port=port, guard=_spawned(command(port), log, user, stop))
        try:
            problem = await _problem(server, ready, seconds)
        except BaseException:
            await asyncio.shield(server.stop())
            raise
        if not problem:
            return server
        await server.stop()
        said = _said(log)
        if not any(each in said for each in _TAKEN):
            break
    raise ServerError(f"{Path(command(0)[0]).name} {problem}: {said[-_TAIL:].strip()}")


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def plain_environment() -> dict[str, str]:
    """Return what a server needs of the environment: no settings of the machine's own clients."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _spawned(
    command: Sequence[str | Path], log: Path, user: str, stop: signal.Signals
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        output.truncate(0)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", _GUARD, str(int(stop)), str(_GRACE), user, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=plain_environment(),
            start_new_session=True,  # Ctrl-C is for the sandbox, which then stops its servers
        )


async def _problem(server: Server, ready: Callable[[int], Awaitable[bool]], seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while server.guard.poll() is None:
        if await ready(server.port):
            return ""
        if time.monotonic() > deadline:
            return f"was not ready after {seconds:.0f} s"
        await asyncio.sleep(_LOOK)
    return f"ended with exit code {server.guard.returncode}"


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")
