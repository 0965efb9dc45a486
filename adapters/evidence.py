"""Evidence in a folder: written once, readable by its owner only, never changed.

Implements `flows.actions.Evidence`; made by the wiring in `bot`.
"""

import asyncio
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path, PurePosixPath

from flows.actions import PermanentError, Stored

FOR_OWNER = 0o400
FOLDER_FOR_OWNER = 0o700
NOTE = "removed.txt"


class EvidenceFolder:
    """Keeps each piece as a file of its name below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    async def put(self, name: str, content: bytes) -> Stored:
        """Keep it.  Raises `PermanentError` for other content, or where it can't be written."""
        return await asyncio.to_thread(self._put, name, content)

    async def find(self, name: str) -> Stored | None:
        """Return what is kept under a name."""
        return await asyncio.to_thread(self._find, name)

    async def read(self, name: str) -> bytes:
        """Return its content."""
        try:
            return await asyncio.to_thread(self._path(name).read_bytes)
        except OSError as error:
            raise PermanentError(f"There is no evidence {name} ({error.strerror}).") from error

    def kept(self) -> tuple[str, ...]:
        """Return the names of the folders, one an incident."""
        if not self.root.is_dir():
            return ()
        return tuple(sorted(each.name for each in self.root.iterdir() if each.is_dir()))

    def count(self, folder: str) -> int:
        """Return how many pieces a folder has."""
        return sum(1 for _ in self._pieces(folder))

    def forget(self, folder: str, why: str) -> None:
        """Remove the pieces of a folder, and leave a note that says why."""
        for path in self._pieces(folder):
            path.unlink()
        inside = (path for path in self._path(folder).rglob("*") if path.is_dir())
        for path in sorted(inside, reverse=True):
            path.rmdir()
        (self._path(folder) / NOTE).write_text(why, encoding="utf-8")

    def _pieces(self, folder: str) -> list[Path]:
        root = self._path(folder)
        return [path for path in root.rglob("*") if path.is_file() and path != root / NOTE]

    def _put(self, name: str, content: bytes) -> Stored:
        path = self._path(name)
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=FOLDER_FOR_OWNER)
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, content)
        except OSError as error:
            raise PermanentError(
                f"The evidence {name} can't be written below {self.root} ({error.strerror}): "
                "make room or mend the folder's rights, then retry."
            ) from error
        kept, wanted = self._find(name), _stored(name, content)
        if kept != wanted:
            raise PermanentError(
                f"There is other evidence under the name {name}, and evidence is never replaced."
            )
        return wanted

    def _find(self, name: str) -> Stored | None:
        try:
            return _stored(name, self._path(name).read_bytes())
        except FileNotFoundError:
            return None

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\0" in name:
            raise PermanentError(f"{name!r} is no name for evidence.")
        return self.root.joinpath(*parts)


def _write_once(path: Path, content: bytes) -> None:
    """Let the whole file appear at once under a name that is still free; else leave it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(FOR_OWNER)
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        Path(temporary).unlink()


def _stored(name: str, content: bytes) -> Stored:
    return Stored(name=name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
