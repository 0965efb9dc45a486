"""Evidence: written once, never changed, wherever files are kept.

Implements `flows.actions.Evidence`; made by `bot.stores`.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flows.actions import PermanentError, Stored, TransientError
from flows.engine import AwayError, JournalError
from flows.files import Files, FilesError, Kept, kept_as, proper

AGAIN_AFTER = 3.0
LARGEST_IN_TABLE = 64 * 1024 * 1024
MIB = 1024 * 1024
NOTE = "removed.txt"
T = TypeVar("T")


class EvidenceStore:
    """Keeps pieces, each of at most `largest` bytes.

    What actions use does not block; `kept`, `pieces` and `forget` do, and are for the command line
    and for retention, in threads.
    """

    def __init__(self, files: Files, *, largest: int | None = None) -> None:
        self._files = files
        self._largest = largest

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return self._files.place

    async def put(self, name: str, content: bytes) -> Stored:
        """Keep it.

        Raises `PermanentError` for other content under this name and where it can't be kept, and
        `TransientError` where the store does not answer.
        """
        return await self._aside(lambda: self._put(name, content))

    async def find(self, name: str) -> Stored | None:
        """Return what is kept under a name."""
        found = await self._aside(lambda: self._files.find(name))
        return None if found is None else _stored(found)

    async def read(self, name: str) -> bytes:
        """Return its content."""
        content = await self._aside(lambda: self._files.read(name))
        if content is None:
            raise PermanentError(f"There is no evidence {name} in {self.place}.")
        return content

    def kept(self) -> tuple[str, ...]:
        """Return the incidents about which something is kept, or was."""
        with _told():
            return tuple(sorted({name.partition("/")[0] for name in self._files.names()}))

    def pieces(self, incident: str) -> tuple[str, ...]:
        """Return the names of what is kept about an incident."""
        with _told():
            return self._names(incident)

    def forget(self, incident: str, why: str) -> int:
        """Remove what is kept about an incident, leave a note that says why, and count."""
        with _told():
            self._files.put(f"{incident}/{NOTE}", why.encode())
            return sum(self._files.remove(name) for name in self._names(incident))

    def _names(self, incident: str) -> tuple[str, ...]:
        note = f"{proper(incident)}/{NOTE}"
        return tuple(name for name in self._files.names(incident) if name != note)

    def _put(self, name: str, content: bytes) -> Stored:
        if self._largest is not None and len(content) > self._largest:
            raise PermanentError(
                f"The evidence {name} has {-(-len(content) // MIB)} MiB, and {self.place} takes "
                f"{self._largest // MIB} MiB a piece: set BACKOUT_EVIDENCE to a bucket "
                "(s3://bucket/prefix), start again, then retry."
            )
        wanted = kept_as(name, content)
        if not self._files.put(name, content) and self._files.find(name) != wanted:
            raise PermanentError(
                f"There is other evidence under the name {name}, and evidence is never replaced."
            )
        return _stored(wanted)

    async def _aside(self, act: Callable[[], T]) -> T:
        with _told():
            return await asyncio.to_thread(act)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what a store raises into what an action may raise."""
    try:
        yield
    except AwayError as error:
        raise TransientError(f"Evidence can't be reached: {error}", delay=AGAIN_AFTER) from error
    except (FilesError, JournalError) as error:
        raise PermanentError(f"Evidence: {error}") from error


def _stored(found: Kept) -> Stored:
    return Stored(name=found.name, sha256=found.sha256, size=found.size)
