"""A dump in the evidence store: its parts, and the manifest that is written last.

Called by `dump`.  A dump is kept in parts, so that none has to be held in memory as a whole; put
behind one another they are the archive that pg_restore reads.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from flows.actions import Context, PermanentError

PART = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A whole dump: hash and size of all parts together, and how many entries it lists."""

    name: str
    sha256: str
    size: int
    entries: int
    parts: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as it is kept, and put out."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "size": self.size,
            "entries": self.entries,
            "parts": list(self.parts),
        }


@dataclass(slots=True, kw_only=True)
class Archive:
    """A dump on its way into the store."""

    context: Context
    database: str
    largest: int
    size: int = 0
    parts: list[str] = field(default_factory=list)
    _hash: Any = field(default_factory=hashlib.sha256)
    _waiting: bytearray = field(default_factory=bytearray)

    async def add(self, chunk: bytes) -> None:
        """Take a piece; raise `PermanentError` where the dump gets too large."""
        self.size += len(chunk)
        if self.size > self.largest:
            raise PermanentError(
                f"The dump of {self.database} grows beyond {self.largest // 1024**2} MiB: name "
                "the tables that are needed, or raise `largest`."
            )
        self._hash.update(chunk)
        self._waiting += chunk
        while len(self._waiting) >= PART:
            await self._keep()

    async def end(self) -> None:
        """Keep what is left."""
        if self._waiting:
            await self._keep()

    @property
    def sha256(self) -> str:
        """Return the hash of all that was taken, in hex."""
        return str(self._hash.hexdigest())

    async def _keep(self) -> None:
        content = bytes(self._waiting[:PART])
        mark = hashlib.sha256(content).hexdigest()[:12]  # a second try is no other content
        attempt = self.context.key.rpartition("/")[2]
        name = f"{self.context.mark}/{attempt}/{self.database}.dump.{len(self.parts) + 1:03}-{mark}"
        await self.context.surroundings.evidence.put(name, content)
        self.parts.append(name)
        del self._waiting[:PART]


async def finish(archive: Archive, entries: int) -> None:
    """Write the manifest: from now on there is a dump."""
    name = manifest_name(archive.context, archive.database)
    manifest = Manifest(
        name=name,
        sha256=archive.sha256,
        size=archive.size,
        entries=entries,
        parts=tuple(archive.parts),
    )
    content = json.dumps(manifest.plain(), indent=2).encode()
    await archive.context.surroundings.evidence.put(name, content)


async def find(context: Context, database: str) -> Manifest | None:
    """Return the manifest of this step's dump, or None."""
    store, name = context.surroundings.evidence, manifest_name(context, database)
    if await store.find(name) is None:
        return None
    found = json.loads(await store.read(name))
    return Manifest(**found | {"parts": tuple(found["parts"])})


async def content(context: Context, parts: tuple[str, ...] | list[str]) -> AsyncIterator[bytes]:
    """Read the archive, part by part."""
    for each in parts:
        yield await context.surroundings.evidence.read(each)


async def hashed(context: Context, parts: tuple[str, ...]) -> str:
    """Return the hash of all parts put behind one another, in hex."""
    whole = hashlib.sha256()
    async for chunk in content(context, parts):
        await asyncio.to_thread(whole.update, chunk)
    return whole.hexdigest()


def manifest_name(context: Context, database: str) -> str:
    """Return where the manifest is."""
    return f"{context.mark}/{database}.dump.json"
