"""The engine of a bot in another process, as the tests see it: it dies, and is started again.

A word of people is sent until a bot has recorded it, under one id, as Slack sends its events.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from signal import SIGKILL
from threading import Thread
from typing import Any

from flows import codec
from flows.engine import Declared
from flows.events import Actor, Event, IncidentDeclared
from flows.runs import Run
from tests.real.flows.kills.bots import word_of
from tests.real.flows.kills.fates import TICK, Fate
from tests.real.flows.stage import PATIENCE

INCIDENT = "INC-1"
LOOK = 0.002
Json = Any


class LostError(AssertionError):
    """A bot died by itself; the message says of what."""


@dataclass(slots=True, kw_only=True)
class Life:
    """One process: its connection, and what came from it."""

    connection: socket.socket
    answers: Queue[Json] = field(default_factory=Queue)
    pid: int = 0
    killed: bool = False
    over: bool = False
    why: str = ""

    def kill(self) -> None:
        """End it as the kernel does; whatever it was doing stays as it is."""
        self.killed = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, SIGKILL)


class Remote:
    """What `Stage` asks of its engine."""

    def __init__(self, folder: Path, zygote: Path, fate: Fate, forgets: str = "") -> None:
        self.lives = 0
        self._folder, self._zygote, self._fate, self._forgets = folder, zygote, fate, forgets
        self._known: Run | None = None
        self._life: Life | None = None
        self._ears: Thread | None = None

    @property
    def dead(self) -> bool:
        """Say whether nobody is there who could hear anything."""
        return self._life is None or self._life.over

    def start(self) -> None:
        """Start a bot on the journal, and wait until it is ready."""
        self.close()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self._zygote))
        connection.settimeout(TICK)
        self._life = life = Life(connection=connection)
        place = {"folder": str(self._folder), "environment": dict(os.environ)}
        connection.sendall(_line({**place, "forgets": self._forgets}))
        self._ears = Thread(target=self._listen, args=(life,), name="ears")
        self._ears.start()
        self._answer(life, "ready")
        self.lives += 1
        self._fate.begin(life.kill)

    def kill(self) -> None:
        """Kill the bot now, and start another one."""
        assert self._life is not None
        self._life.kill()
        self.start()

    def close(self) -> None:
        """Kill the bot that is there, if there is one, and wait until all of it is gone."""
        life, self._life = self._life, None
        if life is None:
            return
        self._fate.spare()
        if life.pid:
            life.kill()
        with suppress(OSError):
            life.connection.shutdown(socket.SHUT_RDWR)
        if self._ears is not None:
            self._ears.join()
        life.connection.close()
        _wait_until(lambda: not _is_there(life.pid))

    def check(self) -> None:
        """Raise where a bot died by itself."""
        if self._life is not None and self._life.over and not self._life.killed:
            raise LostError(f"the bot died by itself: {self._life.why}")

    # What `Stage` calls

    def run(self, incident: str) -> Run | None:
        """Return the incident as it was committed last."""
        self.check()
        return self._known

    def feed(self, incident: str, event: Event, *, actor: Actor, event_id: str) -> Run | None:
        """Say it until it is heard."""
        self._say(word_of(incident, event, actor, event_id))
        return self._known

    def declare(
        self,
        system: str,
        make: Callable[[str], IncidentDeclared],
        *,
        actor: Actor,
        event_id: str,
    ) -> Declared:
        """Declare until it is heard."""
        self._say(word_of(INCIDENT, make(INCIDENT), actor, event_id))
        assert self._known is not None
        return Declared(run=self._known, created=True)

    def _say(self, word: Mapping[str, Json]) -> None:
        for _ in range(100):
            if self.dead:
                self.check()
                self.start()
            life = self._life
            assert life is not None
            with suppress(OSError):  # it died just now: the next one will hear it
                life.connection.sendall(_line(word))
                self._fate.spoken()
            if self._answer(life, "heard", word["id"]):
                return
        raise AssertionError(f"nobody ever heard {word}")

    def _answer(self, life: Life, name: str, value: Json = None) -> bool:
        """Wait for an answer; False where the bot was killed meanwhile."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(Empty):
                told = life.answers.get(timeout=0.05)
                if name in told and value in (None, told[name]):
                    return True
                continue
            if life.over and life.answers.empty():
                if not life.killed:
                    raise LostError(f"the bot died by itself: {life.why}")
                return False
        raise AssertionError(f"the bot says nothing, although it lives: {name} {value}")

    # What the bot says

    def _listen(self, life: Life) -> None:
        rest = b""
        while True:
            try:
                more = life.connection.recv(2**20)
            except TimeoutError:
                self._fate.rested()
                continue
            except OSError:
                more = b""
            if not more:
                break
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                self._told(life, json.loads(line))
        life.over = True

    def _told(self, life: Life, told: Json) -> None:
        if "run" in told:
            self._known = codec.decode_run(told["run"])
            if life.pid:
                self._fate.committed(self._known)
        elif "died" in told:
            life.why = told["trace"]
        else:
            life.pid = told.get("ready", life.pid)
            life.answers.put(told)


def _line(value: Json) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return bool(pid)


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "a killed process is still there"
        time.sleep(LOOK)
