"""Runs of scripts: started, looked at from any process of this machine, and their end.

Called by the actions of this folder.
"""

import asyncio
import base64
import contextlib
import fcntl
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from adapters.helm.detached import alive
from adapters.scripts import programs, runner
from adapters.scripts.programs import Program
from adapters.values import redact, step_key
from flows.actions import Context, PermanentError, TransientError

RUNNER = Path(runner.__file__)
LONGEST_LINE = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a script ended: its exit code, or why it has none.  `last` is its last line."""

    code: int | None
    why: str | None
    seconds: float
    log: bytes
    last: str

    def told(self) -> str:
        """Say it in words."""
        how = self.why or f"it ended with exit code {self.code}"
        return f"{how} after {self.seconds:.1f} s" + (f": {self.last}" if self.last else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """It is at work."""

    seconds: float
    last: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """It was not started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """It was started, and how it ended can't be seen from here."""

    why: str


async def start(context: Context, program: Program, arguments: Sequence[str]) -> None:
    """Start this attempt's run; it goes on whatever becomes of the bot.

    Raises `TransientError` while another attempt's run is at work.
    """
    for each in _folders(context):
        if each == folder_of(context):
            return
        if alive(each / "lock"):
            raise TransientError(
                f"The script {program.name} of an earlier attempt is still at work.", delay=5.0
            )
    here = json.dumps({"machine": socket.gethostname()}).encode()
    await context.surroundings.evidence.put(_evidence(context, "started.json"), here)
    secrets = program.secrets(context)
    await asyncio.to_thread(
        _start, folder_of(context), program, arguments, program.timeout, secrets
    )


async def look(context: Context) -> Running | End | Never | Lost:
    """Look at this attempt's run."""
    marked = _evidence(context, "started.json")
    if await context.surroundings.evidence.find(marked) is None:
        return Never()
    machine = json.loads(await context.surroundings.evidence.read(marked))["machine"]
    if machine != socket.gethostname():
        return Lost(why=f"it was started on {machine}, and this is {socket.gethostname()}")
    return await asyncio.to_thread(_look, folder_of(context))


async def keep(context: Context, end: End) -> str:
    """Keep what it said as evidence; return the name of that."""
    name = _evidence(context, "log")
    await context.surroundings.evidence.put(name, end.log)
    return name


async def perform(
    context: Context, program: Program, arguments: Sequence[str], seconds: float
) -> End:
    """Run it and wait: for a look that ends within seconds, or is ended."""
    folder = context.surroundings.work / "scripts" / f"look-{uuid4().hex[:12]}"
    secrets = program.secrets(context)
    process = await asyncio.to_thread(_start, folder, program, arguments, seconds, secrets)
    try:
        await asyncio.to_thread(process.wait)
        found = await asyncio.to_thread(_look, folder)
    finally:
        if process.poll() is None:
            process.terminate()  # it ends the script first
        await asyncio.shield(asyncio.to_thread(_tidy, process, folder))
    if not isinstance(found, End):
        raise TransientError(f"The script {program.name} ended without telling how.")
    return found


def folder_of(context: Context) -> Path:
    """Return where the run of this attempt is."""
    return context.surroundings.work / "scripts" / context.key.replace("/", "-")


def _folders(context: Context) -> list[Path]:
    step = step_key(context.key).replace("/", "-")
    root = context.surroundings.work / "scripts"
    return [each for each in root.glob(f"{step}-*") if each.name[len(step) + 1 :].isdigit()]


def _evidence(context: Context, part: str) -> str:
    _, step, attempt = context.key.split("/")
    return f"{context.incident}/scripts/{step}-{attempt}.{part}"


def _start(
    folder: Path, program: Program, arguments: Sequence[str], seconds: float, secrets: Any
) -> subprocess.Popen[bytes]:
    order = {
        "program": base64.b64encode(program.content).decode(),
        "arguments": list(arguments),
        "plain": programs.plain_environment(),
        "environment": secrets,
        "timeout": seconds,
    }
    body = json.dumps(order).encode()
    try:
        folder.mkdir(parents=True, mode=0o700)
        with (folder / "lock").open("wb") as lock, (folder / "trouble").open("wb") as trouble:
            fcntl.flock(lock, fcntl.LOCK_SH)
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", RUNNER, folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=trouble,
                pass_fds=(lock.fileno(),),  # it holds the lock for as long as it lives
                start_new_session=True,
            )
    except OSError as error:
        raise PermanentError(
            f"The script {program.name} can't be prepared in {folder} ({error.strerror}): make "
            "room or mend the folder's rights, then retry."
        ) from error
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(runner.LENGTH.pack(len(body)) + body)
    threading.Thread(target=process.wait, name="script", daemon=True).start()
    return process


def _look(folder: Path) -> Running | End | Never | Lost:
    working = alive(folder / "lock")  # first: the end is written before the lock is let go
    said = _read(folder / "log")
    last = _last_line(said)
    if end := _read(folder / "end.json"):
        told = json.loads(end)
        return End(code=told["code"], why=told["why"], seconds=told["seconds"], log=said, last=last)
    started = _read(folder / "started")
    if working:
        seconds = max(time.time() - float(started), 0.0) if started else 0.0
        return Running(seconds=seconds, last=last)
    if started:
        return Lost(why="what ran it is gone without a trace (killed, or the machine restarted)")
    return Never()


def _tidy(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _last_line(said: bytes) -> str:
    lines = said[-4 * LONGEST_LINE :].decode(errors="replace").strip().splitlines()
    return redact(lines[-1])[:LONGEST_LINE] if lines else ""
