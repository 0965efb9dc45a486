"""A clock that several processes share, and that somebody sets back and forth."""

from __future__ import annotations

import mmap
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

SECONDS = struct.Struct("d")


class SharedClock:
    """The time of day, moved by as many seconds as stand in a file."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(SECONDS.pack(0.0))
        with path.open("r+b") as file:
            self._offset = mmap.mmap(file.fileno(), SECONDS.size)

    def __call__(self) -> datetime:
        """Return the time (UTC)."""
        (offset,) = SECONDS.unpack(self._offset[:])
        return datetime.now(UTC) + timedelta(seconds=offset)

    def step(self, seconds: float) -> None:
        """Set it forth, or back, for every process."""
        (offset,) = SECONDS.unpack(self._offset[:])
        self._offset[:] = SECONDS.pack(offset + seconds)

    def close(self) -> None:
        """Let go of the file."""
        self._offset.close()
