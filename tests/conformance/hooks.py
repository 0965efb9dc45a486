"""Puts the named moments of `points` into the engine of this process.

Every commit of either engine passes through its store's `transaction`; the engine's own methods
say what is being committed.  What procrastinate commits by itself is named by its own verbs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flows import migrating
from flows.embedded import EmbeddedEngine
from flows.journal import Journal
from flows.recording import RecordingEngine
from flows.shared.fencing import FencedJobs
from flows.shared.journal import SharedJournal
from flows.shared.sweeping import Sweep
from tests.conformance import points

Json = Any
Name = Callable[..., str]
QUEUE = {
    "fetch_job": "fetch",
    "finish_job": "finish of a job",
    "retry_job": "retry of a job",
    "update_heartbeat": "heartbeat",
}
SWEEP = {"lead": "leadership", "_put_back": "takeover", "resign": "resignation"}


def install() -> None:
    """Put them in; called once, in a process that is to die."""
    naming: dict[str, Name] = {
        "declare": lambda *_, **__: "declare",
        "feed": lambda _, event, **__: f"feed {type(event).__name__}",
        "finish": lambda queued, _: f"finish {type(queued.command).__name__}",
        "keep_delivery": lambda _: "keep_delivery",
    }
    for name, what in naming.items():
        _name(RecordingEngine, name, what)
    _name(EmbeddedEngine, "postpone", lambda *_: "postpone")
    _name(EmbeddedEngine, "hasten", lambda: "hasten")
    _count(Journal)
    _count(SharedJournal)
    _migration()
    for verbs, owner in ((QUEUE, FencedJobs), (SWEEP, Sweep)):
        for method, called in verbs.items():
            _around(owner, method, called)


def _name(kind: type[Any], method: str, what: Name) -> None:
    original = getattr(kind, method)

    def named(self: Json, *args: Json, **kwargs: Json) -> Json:
        with points.doing(what(*args, **kwargs)):
            return original(self, *args, **kwargs)

    setattr(kind, method, named)


def _count(store: type[Any]) -> None:
    """Pass a moment right before each commit of a store, and one right after it."""
    original = store.transaction

    @contextmanager
    def counted(self: Json) -> Iterator[None]:
        with original(self):
            yield
            points.at(f"commit: before {points.what()}")
        points.at(f"commit: after {points.what()}")

    store.transaction = counted


def _around(owner: type[Any], method: str, called: str) -> None:
    """Pass a moment before and after what one verb commits by itself."""
    original: Callable[..., Awaitable[Json]] = getattr(owner, method)

    async def passed(self: Json, *args: Json, **kwargs: Json) -> Json:
        points.at(f"queue: before {called}")
        found = await original(self, *args, **kwargs)
        if found is not None or called != "fetch":
            points.at(f"queue: after {called}")
        return found

    setattr(owner, method, passed)


def _migration() -> None:
    """Pass moments around each step of a migration."""
    original = migrating._perform

    def passed(backend: Json, store: Json, move: Json) -> None:
        points.at("commit: before migration")
        original(backend, store, move)
        points.at("commit: after migration")

    setattr(migrating, "_perform", passed)  # noqa: B010 replaced on purpose
