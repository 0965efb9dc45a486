"""The world outside: what can't be taken back, and a log of it that tells the truth.

A server in the process that leads a test, on a socket of its own.  Bots that are killed, frozen or
cut off talk to it; it goes on, and keeps who did what to which step, and when.  It is the target of
the steps, and the channel in which people are told things.  `checks` compares it with the journal.
"""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Json = Any
PIECE = 0.02  # seconds in which a thread looks whether its server is to end


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Something that was done: by which attempt of which step, in which process, and when.

    `verb` is put, strike, start or undo; `at` is monotonic, in seconds; `nth` counts effects.
    """

    nth: int
    run: str
    step: str
    attempt: int
    verb: str
    pid: int
    at: float
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something that people were told."""

    run: str
    key: str
    pid: int


@dataclass
class Faults:
    """What goes wrong in the world outside, until it is set back.

    `away`: nobody can be told anything.  `silent`: messages arrive, their answers are lost.
    """

    away: bool = False
    silent: bool = False


@dataclass
class Truth:
    """All that there is."""

    effects: list[Effect] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    done_at: dict[str, float] = field(default_factory=dict)


class Estate:
    """A server on `path` while the block runs; every effect is also a line in `log`."""

    def __init__(self, path: Path, log: Path) -> None:
        self.path = path
        self.faults = Faults()
        self.truth = Truth()
        self._log = log.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        estate = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                estate._serve(self)

        class Server(socketserver.ThreadingUnixStreamServer):
            request_queue_size = 128
            daemon_threads = True

        self._server = Server(str(path), Handler)
        self._thread = threading.Thread(
            target=lambda: self._server.serve_forever(PIECE), name="estate"
        )

    def __enter__(self) -> Estate:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, and leave nothing behind."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._log.close()

    def effects(self, run: str | None = None) -> tuple[Effect, ...]:
        """Return what was done, to one run's estate or to all."""
        with self._lock:
            return tuple(each for each in self.truth.effects if run in (None, each.run))

    def messages(self) -> tuple[Message, ...]:
        """Return what people were told."""
        with self._lock:
            return tuple(self.truth.messages)

    def struck(self, run: str, step: str) -> int:
        """Return how often something that can't be taken back was done for a step."""
        found = self.effects(run)
        return sum(each.step == step and each.verb == "strike" for each in found)

    def _serve(self, request: socketserver.StreamRequestHandler) -> None:
        line = request.rfile.readline()
        if not line.endswith(b"\n"):
            return  # whoever asked died while asking
        asked = json.loads(line)
        answer = self._answer(asked)
        if answer is None:
            return  # the answer is lost
        time.sleep(asked.get("answered_after", 0.0))
        try:
            request.wfile.write(json.dumps(answer).encode() + b"\n")
        except OSError:
            return  # whoever asked is dead by now

    def _answer(self, asked: Json) -> Json:
        kinds: Mapping[str, Callable[[Json], Json]] = {
            "look": self._look,
            "put": self._effect,
            "strike": self._effect,
            "start": self._effect,
            "undo": self._effect,
            "find": self._find,
            "post": self._post,
        }
        time.sleep(asked.get("lands_after", 0.0))
        with self._lock:
            return kinds[asked["verb"]](asked)

    def _look(self, asked: Json) -> Json:
        name = asked["name"]
        done_at = self.truth.done_at.get(name, 0.0)
        return {
            "value": self.truth.values.get(name, ""),
            "left": max(0.0, done_at - time.monotonic()),
        }

    def _effect(self, asked: Json) -> Json:
        run, step, attempt = asked["key"].split("/")
        effect = Effect(
            nth=len(self.truth.effects) + 1,
            run=run,
            step=step,
            attempt=int(attempt),
            verb=asked["verb"],
            pid=asked["pid"],
            at=time.monotonic(),
            value=asked["to"],
        )
        self.truth.effects.append(effect)
        self.truth.values[asked["name"]] = asked["to"]
        self.truth.done_at[asked["name"]] = time.monotonic() + asked.get("takes", 0.0)
        self._log.write(f"{json.dumps(asdict(effect))}\n")
        self._log.flush()
        lost = asked.get("answer_lost_times", 0)
        calls = Counter((each.run, each.step) for each in self.truth.effects)
        return None if calls[run, step] <= lost else {"done": True}

    def _find(self, asked: Json) -> Json:
        if self.faults.away:
            return None
        return {"found": any(each.key == asked["key"] for each in self.truth.messages)}

    def _post(self, asked: Json) -> Json:
        if self.faults.away:
            return None
        said = Message(run=asked["run"], key=asked["key"], pid=asked["pid"])
        self.truth.messages.append(said)
        self._log.write(f"{json.dumps(asdict(said))}\n")
        self._log.flush()
        return None if self.faults.silent else {"ts": f"{len(self.truth.messages)}.0"}
