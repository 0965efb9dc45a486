"""A program of its own that runs one script to its end, whatever becomes of the bot.

Started by `runs` as `python -I -S runner.py FOLDER`; it uses the standard library only.  From its
standard input it takes the script's very bytes, whose hash the bot has just compared, so that no
other file can come between the look and the start.  It writes `started`, `log` (bounded, without
the secrets) and at last `end.json` into the folder.  What the script starts ends with it.
"""

import base64
import contextlib
import ctypes
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

HEAD = TAIL = 256 * 1024
CHUNK = 16 * 1024
GRACE = 5.0
LOOK = 0.05
SHORTEST_HIDDEN = 4
MASK = b"***"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LENGTH = struct.Struct(">Q")


class Log:
    """Keeps the first and the last part of what the script says, with its secrets masked."""

    def __init__(self, path: Path, secrets: Sequence[str]) -> None:
        lines = {line for each in secrets for line in each.encode().splitlines()}
        self._hidden = sorted(
            (s for s in lines if len(s) >= SHORTEST_HIDDEN), key=len, reverse=True
        )
        self._file = path.open("wb", buffering=0)
        self._written = 0
        self._tail: deque[bytes] = deque()
        self._tail_size = self._left_out = 0
        self._buffer = b""

    def add(self, chunk: bytes) -> None:
        """Keep a piece; what could be the begin of a secret waits for the next one."""
        self._buffer = self._masked(self._buffer + chunk)
        ready = len(self._buffer) - self._begun()
        self._keep(self._buffer[:ready])
        self._buffer = self._buffer[ready:]

    def close(self) -> None:
        """Write what is left."""
        self._keep(self._masked(self._buffer))
        if self._left_out:
            self._file.write(b"\n[%d bytes are left out]\n" % self._left_out)
        self._file.write(b"".join(self._tail))
        os.fsync(self._file.fileno())
        self._file.close()

    def _begun(self) -> int:
        """Return the length of the buffer's end that is the begin of a secret."""
        lengths = (
            length
            for each in self._hidden
            for length in range(1, len(each))
            if self._buffer.endswith(each[:length])
        )
        return max(lengths, default=0)

    def _masked(self, text: bytes) -> bytes:
        for each in self._hidden:
            text = text.replace(each, MASK)
        return text

    def _keep(self, text: bytes) -> None:
        room = HEAD - self._written
        if room > 0:
            self._file.write(text[:room])
            self._written += len(text[:room])
            text = text[room:]
        if text:
            self._tail.append(text)
            self._tail_size += len(text)
        while self._tail_size > TAIL:
            gone = self._tail.popleft()
            self._tail_size -= len(gone)
            self._left_out += len(gone)


def main() -> None:
    """Take the order, run it, write how it ended."""
    folder = Path(sys.argv[1])
    order = _order(sys.stdin.buffer)
    if order is None:
        sys.exit(2)  # the bot ended before the order was complete: nothing is run
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    _control(PR_SET_CHILD_SUBREAPER, 1)
    program, here = folder / "program", folder / "here"
    here.mkdir(mode=0o700)
    _write(program, base64.b64decode(order["program"]), mode=0o500)
    _write(folder / "started", str(time.time()).encode())
    end = _run([str(program), *order["arguments"]], order, folder, stopped)
    shutil.rmtree(here, ignore_errors=True)
    program.unlink()
    _write(folder / "end.new", json.dumps(end).encode())
    (folder / "end.new").replace(folder / "end.json")


def _run(
    line: Sequence[str], order: dict[str, Any], folder: Path, stopped: threading.Event
) -> dict[str, Any]:
    began = time.monotonic()
    log = Log(folder / "log", list(order["environment"].values()))
    try:
        process = subprocess.Popen(
            line,
            env={**order["plain"], **order["environment"]},
            cwd=folder / "here",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # there is no other thread yet
        )
    except OSError as error:
        log.close()
        return {"code": None, "why": f"it can't be started: {error.strerror}", "seconds": 0.0}
    assert process.stdout is not None
    reader = threading.Thread(target=_read, args=(process.stdout, log))
    reader.start()
    why = _wait(process, began + float(order["timeout"]), stopped)
    seconds = time.monotonic() - began
    _end_descendants(process)
    reader.join()
    log.close()
    process.stdout.close()
    code = process.returncode
    if why is None and code < 0:
        why = f"it was ended by {signal.Signals(-code).name}"
    return {"code": None if why else code, "why": why, "seconds": round(seconds, 3)}


def _wait(
    process: subprocess.Popen[bytes], deadline: float, stopped: threading.Event
) -> str | None:
    """Wait for the script; return why it was ended, or None where it ended by itself."""
    while process.poll() is None:
        if stopped.is_set():
            why = "it was ended from outside"
        elif time.monotonic() > deadline:
            why = "its time was over"
        else:
            stopped.wait(LOOK)
            continue
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        return why
    return None


def _end_descendants(process: subprocess.Popen[bytes]) -> None:
    """End everything that the script started, also what has left its process group."""
    if process.poll() is None:
        process.kill()
        process.wait()
    while True:
        if sys.platform != "linux":  # elsewhere what has left the group can't be found
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        for each in _descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        if not _reaped():
            return
        time.sleep(LOOK)


def _reaped() -> bool:
    """Collect ended children that were handed to us; say whether there are others."""
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if ended == 0:
            return True


def _descendants(root: int) -> list[int]:
    """Return the processes below one, as far as the machine tells (Linux)."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found, todo = [], [root]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _read(stream: IO[bytes], log: Log) -> None:
    while chunk := os.read(stream.fileno(), CHUNK):
        log.add(chunk)


def _order(stream: IO[bytes]) -> dict[str, Any] | None:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (size,) = LENGTH.unpack(head)
    body = stream.read(size)
    if len(body) < size:
        return None
    found: dict[str, Any] = json.loads(body)
    return found


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _die_with_parent() -> None:
    _control(PR_SET_PDEATHSIG, signal.SIGKILL)


def _control(option: int, value: int) -> None:
    """Ask the kernel; only Linux knows these."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
