"""Operations that AWS takes its time for: begun, looked at, done when it is time."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock


@dataclass(slots=True, kw_only=True)
class Operation:
    """Something that goes on. `kind` is what is asked for it: "rds:DBInstance"."""

    kind: str
    name: str
    begun: datetime
    looks: int = 0
    state: str = "pending"  # or done, or failed

    @property
    def done(self) -> bool:
        """Say whether it has succeeded."""
        return self.state == "done"


class Progress:
    """All operations.

    By itself each is pending at the first `looks` looks and done at the next; None: for ever, until
    somebody calls `finish` or `fail`.
    """

    def __init__(self) -> None:
        self.looks: int | None = 1
        self._operations: dict[tuple[str, str], Operation] = {}
        self._lock = Lock()
        self._numbers = itertools.count(1)

    def clear(self) -> None:
        """Forget everything, and go on by itself again."""
        self.looks = 1
        self._operations.clear()

    def begin(self, kind: str, name: str = "") -> Operation:
        """Note that something begins; without a name it gets a number."""
        name = name or f"C{next(self._numbers):013}"
        operation = Operation(kind=kind, name=name, begun=datetime.now(UTC))
        with self._lock:
            self._operations[kind, name] = operation
        return operation

    def find(self, kind: str, name: str) -> Operation | None:
        """Return an operation of this kind and name."""
        return self._operations.get((kind, name))

    def look(self, kind: str, name: str | None = None) -> None:
        """Count a look at those of a kind (or at one of them), which may make them done."""
        with self._lock:
            for each in self._matching(kind, name):
                each.looks += 1
                if self.is_due(each):
                    each.state = "done"

    def is_due(self, operation: Operation) -> bool:
        """Say whether something that is pending is done by now."""
        return self.looks is not None and operation.looks > self.looks

    def finish(self, kind: str | None = None, name: str | None = None) -> None:
        """Let everything (or what matches) have succeeded."""
        self._settle("done", kind, name)

    def fail(self, kind: str | None = None, name: str | None = None) -> None:
        """Let everything (or what matches) have failed."""
        self._settle("failed", kind, name)

    def _settle(self, state: str, kind: str | None, name: str | None) -> None:
        with self._lock:
            found = self._matching(kind, name)
            assert found, f"Nothing is under way that is {kind or 'anything'} {name or ''}."
            for each in found:
                each.state = state

    def _matching(self, kind: str | None, name: str | None) -> list[Operation]:
        return [
            each
            for each in self._operations.values()
            if each.state == "pending" and kind in (None, each.kind) and name in (None, each.name)
        ]
