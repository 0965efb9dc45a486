"""Bots in processes of their own, as whoever leads a test sees them: born, told things, killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.conformance import points
from tests.conformance.bots import Birth

PATIENCE = 60.0  # seconds, on however busy a machine
LOOK = 0.002
Json = Any


class LostError(AssertionError):
    """A bot ended that nobody has killed; the message says of what."""


class Life:
    """One process.  Its log, and the last moment that it passed, are files by its name."""

    def __init__(self, zygote: Path, birth: Birth) -> None:
        self.birth = birth
        self.pid = 0
        self.frozen = False
        self.killed = False
        self.leaving = False
        self.over = False
        self.why = ""
        self.ready = False
        self._rest = b""
        self._answers: list[Json] = []
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(PATIENCE)
        self._connection.connect(str(zygote))
        self._connection.sendall(_line(asdict(birth)))

    @property
    def died_at(self) -> str:
        """Return the last moment that it passed."""
        return points.last(Path(self.birth.folder) / f"{self.birth.name}.point")

    def until_ready(self) -> bool:
        """Wait until it drives; False where it was killed before, as it was told to be."""
        if not self.ready:
            self._answer("ready", None, PATIENCE)
        if not (self.ready or self.over):
            raise LostError(f"{self.birth.name} does not come up: {self._tail()}")
        return self.ready

    def say(self, word: Json, seconds: float = PATIENCE) -> bool:
        """Tell it what somebody does; say whether it was recorded."""
        if self.over:
            return False
        self._answers.clear()  # to what was said before
        try:
            self._connection.sendall(_line(word))
        except OSError:
            self._end()
            return False
        answer = self._answer("heard", word["id"], seconds)
        return answer is not None and "heard" in answer

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop it where it is: it neither runs nor ends."""
        self.frozen = True
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.frozen = False
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as the kernel does, and wait until it is gone."""
        self.killed = True
        if not self.pid:
            self._answer("born", None, PATIENCE)
        self.signal(signal.SIGKILL)
        self.bury()

    def stop(self) -> None:
        """Ask it to drain, and wait until it is gone."""
        self.signal(signal.SIGTERM)
        self.bury()

    def bury(self) -> None:
        """Wait until all of it is gone."""
        deadline = time.monotonic() + PATIENCE
        while not self.over:
            self.listen(0.05)
            assert time.monotonic() < deadline, f"{self.birth.name} does not end: {self._tail()}"
        while is_there(self.pid):
            assert time.monotonic() < deadline, f"{self.birth.name} is still there"
            time.sleep(LOOK)

    def check(self) -> None:
        """Raise where it has ended and should not have."""
        refused = not self.ready and self.why.startswith("AwayError")  # a supervisor tries again
        if self.over and not (self.killed or self.leaving or self.birth.deadly or refused):
            raise LostError(f"{self.birth.name} died by itself: {self.why or self._tail()}")

    def listen(self, seconds: float) -> None:
        """Hear what it says, for so long at most."""
        if self.over:
            return
        self._connection.settimeout(max(seconds, 0.001))
        try:
            more = self._connection.recv(2**16)
        except TimeoutError:
            return
        except OSError:
            more = b""
        if not more:
            self._end()
            return
        *lines, self._rest = (self._rest + more).split(b"\n")
        for line in lines:
            told = json.loads(line)
            self.pid = told.get("born", self.pid)
            self.ready = self.ready or "ready" in told
            if "died" in told:
                self.why = told["died"]
            self._answers.append(told)

    def _end(self) -> None:
        self.over = True
        self._connection.close()

    def _answer(self, name: str, value: Json, seconds: float) -> Json:
        deadline = time.monotonic() + seconds
        while True:
            for told in self._answers:
                if (name in told and value in (None, told[name])) or told.get("away", "") == value:
                    return told
            left = deadline - time.monotonic()
            if self.over or left <= 0:
                return None
            self.listen(min(left, 0.05))

    def _tail(self) -> str:
        log = Path(self.birth.folder) / f"{self.birth.name}.log"
        return log.read_text(encoding="utf-8")[-2000:] if log.exists() else "it wrote no log"


def is_there(pid: int) -> bool:
    """Say whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return bool(pid)


def _line(value: Json) -> bytes:
    return json.dumps(value).encode() + b"\n"
