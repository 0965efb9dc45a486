"""The logs of one attempt in the evidence store: what is to be kept, what is, and the manifest.

Called by `collect_logs`.  What is kept stays kept, so that a look that was cut off goes on where it
was, also when a pod is gone by then.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.kubernetes.container_logs import Log
from flows.actions import Context, Evidence, PermanentError, Stored

Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Which logs are to be kept, as they were found at a time."""

    taken_at: datetime
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one log: a piece of evidence, or `why` there is none."""

    log: Log
    stored: Stored | None = None
    left_out: str = ""
    why: str = ""

    @property
    def size(self) -> int:
        """Return how many bytes are kept."""
        return self.stored.size if self.stored else 0


class Folder:
    """The evidence of one attempt of a step in one plan."""

    def __init__(self, context: Context) -> None:
        self._store: Evidence = context.surroundings.evidence
        self.name = f"{context.mark}/{context.key.rpartition('/')[2]}"

    async def targets(self) -> Targets | None:
        """Return what is to be kept, where that was written down."""
        found = await self._read("pods.json")
        if found is None:
            return None
        logs = tuple(Log(**each) for each in found["logs"])
        return Targets(taken_at=datetime.fromisoformat(found["taken_at"]), logs=logs)

    async def write_targets(self, targets: Targets) -> None:
        """Write down what is to be kept."""
        logs = [each.plain() for each in targets.logs]
        await self._write("pods.json", {"taken_at": targets.taken_at.isoformat(), "logs": logs})

    async def find(self, log: Log) -> Outcome | None:
        """Return what became of a log, where that is known already."""
        stored = await self._store.find(f"{self.name}/{log.file}")
        if stored is not None:
            noted = await self._read(f"{log.file}.shortened.json") or {}
            return Outcome(log=log, stored=stored, left_out=noted.get("left_out", ""))
        noted = await self._read(f"{log.file}.unread.json")
        return Outcome(log=log, why=noted["why"]) if noted else None

    async def keep(self, log: Log, data: bytes, left_out: str) -> Outcome:
        """Keep a log, and note what had to be left out of it."""
        note = f"{log.file}.shortened.json"
        if left_out and await self._read(note) is None:  # else a look was cut off right here
            await self._write(note, {"left_out": left_out})
        stored = await self._store.put(f"{self.name}/{log.file}", data)
        return Outcome(log=log, stored=stored, left_out=left_out)

    async def give_up(self, log: Log, why: str) -> Outcome:
        """Note why there is no log."""
        await self._write(f"{log.file}.unread.json", {"why": why})
        return Outcome(log=log, why=why)

    async def manifest(self) -> tuple[Json, Stored] | None:
        """Return the manifest and how it is stored, once there is one.

        Raises `PermanentError` where a log is no longer what it says.
        """
        found = await self._read("manifest.json")
        stored = await self._store.find(f"{self.name}/manifest.json")
        if found is None or stored is None:
            return None
        for each in found["logs"]:
            now = await self._store.find(each["name"])
            if now is None or now.sha256 != each["sha256"]:
                raise PermanentError(
                    f"The evidence {each['name']} is no longer what {stored.name} says of it: "
                    "somebody changed it in the store."
                )
        return found, stored

    async def write_manifest(self, head: Json, outcomes: Sequence[Outcome]) -> tuple[Json, Stored]:
        """Write down what became of every log."""
        manifest = {
            **head,
            "logs": [_kept(each) for each in outcomes if each.stored],
            "unread": [{**each.log.plain(), "why": each.why} for each in outcomes if each.why],
        }
        return manifest, await self._write("manifest.json", manifest)

    async def _read(self, name: str) -> Json:
        if await self._store.find(f"{self.name}/{name}") is None:
            return None
        return json.loads(await self._store.read(f"{self.name}/{name}"))

    async def _write(self, name: str, value: Json) -> Stored:
        text = json.dumps(value, indent=1, sort_keys=True)
        return await self._store.put(f"{self.name}/{name}", text.encode())


def _kept(outcome: Outcome) -> Json:
    assert outcome.stored is not None
    return {
        **outcome.log.plain(),
        "name": outcome.stored.name,
        "sha256": outcome.stored.sha256,
        "size": outcome.stored.size,
        "left_out": outcome.left_out,
    }
