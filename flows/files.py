"""Files that outlive a process: in a folder, in the database that replicas share, in a bucket.

One port for what is kept besides the journal: evidence (`adapters.evidence`), drills and second
factors (`bot`).  `bot.stores` chooses what implements it: `FolderFiles` here,
`flows.shared.files.TableFiles`, or `adapters.aws.s3.buckets.BucketFiles` for what never changes.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

FOR_OWNER = 0o400
FOLDER_FOR_OWNER = 0o700
LATCH = ".lock"
NEW = ".new-"


class FilesError(Exception):
    """A file can't be kept or read.  The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is under a name: `sha256` in hex, `size` in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(slots=True, kw_only=True)
class Held:
    """A file that nobody else can change meanwhile; `after` is what it becomes, None leaves it."""

    content: bytes | None
    after: bytes | None = None


class Files(Protocol):
    """Files by names such as `INC-7/logs/checkout.log`.  Every method blocks for a short while.

    Each raises `FilesError`, and `AwayError` or `JournalError` where they are not on this machine.
    """

    @property
    def place(self) -> str:
        """Where they are, for people."""
        ...

    def put(self, name: str, content: bytes) -> bool:
        """Keep it where the name is free, and say whether it was; else change nothing."""
        ...

    def find(self, name: str) -> Kept | None:
        """Return what is under a name, or None."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return the content, or None where there is none."""
        ...

    def names(self, below: str = "") -> tuple[str, ...]:
        """Return the names below a folder, or all, sorted."""
        ...

    def remove(self, name: str) -> bool:
        """Forget a file, and say whether it was there."""
        ...


class Records(Files, Protocol):
    """Files that change: one at a time, whoever else would like to."""

    def held(self, name: str) -> AbstractContextManager[Held]:
        """Lend a file to one at a time; what it is to become is kept when the block ends well."""
        ...


def kept_as(name: str, content: bytes) -> Kept:
    """Describe a content."""
    return Kept(name=name, sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def proper(name: str) -> str:
    """Return a name as it is kept; raise `FilesError` for one that leads elsewhere."""
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\0" in name:
        raise FilesError(f"{name!r} is no name of a file that is kept.")
    return "/".join(parts)


class FolderFiles:
    """Files below `root`, each for its owner only; a crash leaves the old one or the new one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def place(self) -> str:
        """The folder."""
        return str(self._root)

    def put(self, name: str, content: bytes) -> bool:
        """Keep it where the name is free, and say whether it was."""
        path = self._path(name)
        with self._told(name, "written"):
            self._make(path.parent)
            with _fresh(path, content) as fresh:
                fresh.chmod(FOR_OWNER)
                try:
                    os.link(fresh, path)
                except FileExistsError:
                    return False
            _sync(path.parent)
        return True

    def find(self, name: str) -> Kept | None:
        """Return what is under a name, or None."""
        content = self.read(name)
        return None if content is None else kept_as(name, content)

    def read(self, name: str) -> bytes | None:
        """Return the content, or None where there is none."""
        path = self._path(name)
        with self._told(name, "read"), suppress(FileNotFoundError):
            return path.read_bytes()
        return None

    def names(self, below: str = "") -> tuple[str, ...]:
        """Return the names below a folder, or all, sorted; what is being written has none yet."""
        folder = self._path(below) if below else self._root
        found = (path for path in folder.rglob("*") if path.is_file())
        real = (path for path in found if path.name != LATCH and not path.name.startswith(NEW))
        return tuple(sorted(path.relative_to(self._root).as_posix() for path in real))

    @contextmanager
    def held(self, name: str) -> Iterator[Held]:
        """Lend a file to one process at a time."""
        path = self._path(name)
        with self._latched(name):
            held = Held(content=self.read(name))
            yield held
            if held.after is None:
                return
            with self._told(name, "written"):
                self._make(path.parent)
                with _fresh(path, held.after) as fresh:
                    fresh.replace(path)
                _sync(path.parent)

    def remove(self, name: str) -> bool:
        """Forget a file, and the folders that are empty without it."""
        path = self._path(name)
        with self._latched(name), self._told(name, "removed"):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            with suppress(OSError):  # others are in there
                for folder in path.relative_to(self._root).parents[:-1]:
                    (self._root / folder).rmdir()
        return True

    def _path(self, name: str) -> Path:
        return self._root / proper(name)

    def _make(self, folder: Path) -> None:
        self._root.mkdir(parents=True, exist_ok=True, mode=FOLDER_FOR_OWNER)
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_FOR_OWNER)

    @contextmanager
    def _latched(self, name: str) -> Iterator[None]:
        """Keep the command line and the bot from changing a file at once."""
        with self._told(name, "changed"):
            self._make(self._root)
            latch = (self._root / LATCH).open("a")
        with latch:
            fcntl.flock(latch, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _told(self, name: str, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FilesError(
                f"{name} can't be {verb} below {self._root} ({error.strerror}): make room or mend "
                "the folder's rights, then try again."
            ) from error


@contextmanager
def _fresh(path: Path, content: bytes) -> Iterator[Path]:
    """Write a whole file beside the place where it is to appear, as safe as the disk makes it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=NEW)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
