"""The events of a window in the evidence store: pieces by time, and a manifest of their hashes.

Called by `export_events`.  What is kept stays kept, so that a look that was cut off, or another
attempt, goes on where it was.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from adapters.aws.accounts import Account
from flows.actions import Context, PermanentError, Permission, Stored

PIECES = 120
SHORTEST = timedelta(minutes=1)
MIB = 1024 * 1024
LARGEST_PIECE = 64 * MIB
Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """From `begin` to before `end`."""

    begin: datetime
    end: datetime

    def pieces(self) -> Iterator["Window"]:
        """Cut it into pieces of the same length, the last one shorter."""
        length = max(SHORTEST, (self.end - self.begin) / PIECES)
        begin = self.begin
        while begin < self.end:
            yield Window(begin=begin, end=min(begin + length, self.end))
            begin += length

    def plain(self) -> dict[str, str]:
        """Return it as JSON."""
        return {"begin": self.begin.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is kept of a piece of the window."""

    stored: Stored
    events: int
    first: int | None
    last: int | None


class Folder:
    """The evidence of a step in one plan."""

    def __init__(self, context: Context) -> None:
        self._store = context.surroundings.evidence
        self.name = f"{context.mark}/events"

    async def window(self, wanted: Window) -> Window:
        """Return the window of the first look: `now` does not move on with each attempt."""
        name = f"{self.name}/window.json"
        if await self._store.find(name) is None:
            await self._store.put(name, json.dumps(wanted.plain()).encode())
        found = json.loads(await self._store.read(name))
        return Window(**{key: datetime.fromisoformat(value) for key, value in found.items()})

    async def piece(self, number: int) -> Piece | None:
        """Return what is kept of a piece, or None."""
        stored = await self._store.find(f"{self.name}/{number:03}.jsonl")
        if stored is None:
            return None
        lines = (await self._store.read(stored.name)).splitlines()
        times = [json.loads(each)["timestamp"] for each in (lines[:1] + lines[-1:])]
        first, last = (times[0], times[-1]) if times else (None, None)
        return Piece(stored=stored, events=len(lines), first=first, last=last)

    async def keep(self, number: int, events: list[Object]) -> None:
        """Keep a piece: an event a line, in the order of time."""
        events.sort(key=lambda e: (e["timestamp"], e["stream"], e["id"]))
        lines = (json.dumps(each, sort_keys=True, ensure_ascii=False) + "\n" for each in events)
        await self._store.put(f"{self.name}/{number:03}.jsonl", "".join(lines).encode())

    async def write_manifest(self, head: Object, pieces: list[Piece]) -> Stored:
        """Write down what is kept."""
        kept = [
            {"name": e.stored.name, "sha256": e.stored.sha256, "events": e.events} for e in pieces
        ]
        text = json.dumps({**head, "pieces": kept}, indent=1, sort_keys=True)
        return await self._store.put(f"{self.name}/manifest.json", text.encode())


async def read(
    account: Account, permission: Permission, group: str, pattern: str | None, window: Window
) -> list[Object]:
    """Read all events of a window.  Raises `PermanentError` where they are too many to hold."""
    parameters: Object = {
        "logGroupName": group,
        "startTime": _milliseconds(window.begin),
        "endTime": _milliseconds(window.end) - 1,  # AWS counts the end in
        **({"filterPattern": pattern} if pattern else {}),
    }
    events: list[Object] = []
    size = 0
    while True:
        answer = await account.read(permission, "filter_log_events", **parameters)
        events += [_event(each) for each in answer.get("events", ())]
        size += sum(len(each["message"]) for each in answer.get("events", ()))
        if size > LARGEST_PIECE:
            raise PermanentError(
                f"{group} has more than {LARGEST_PIECE // MIB} MiB of events between "
                f"{window.begin:%H:%M:%S} and {window.end:%H:%M:%S} UTC: give a shorter window or "
                "a `pattern`."
            )
        if not answer.get("nextToken"):
            return events
        parameters["nextToken"] = answer["nextToken"]


def _event(found: Object) -> Object:
    return {
        "timestamp": found["timestamp"],
        "stream": found.get("logStreamName", ""),
        "id": found.get("eventId", ""),
        "message": found["message"],
    }


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)
