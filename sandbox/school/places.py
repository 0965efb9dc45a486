"""The folder of the sandbox's PostgreSQL: fresh at every start, and gone at the end.

A server that runs as another user can't reach into what root keeps for itself, so for root it lies
in the machine's temporary folder and a note in the data folder says where: the next start removes
what a killed one has left.  Called by `database`.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

from sandbox.school.programs import Programs

_PREFIX = "backout-school-"


def make(data: Path, programs: Programs) -> Path:
    """Return an empty folder that the server may write to; remove what an earlier start left."""
    remove(data)
    if not programs.user:
        place = _usual(data)
        place.mkdir(parents=True, mode=0o700)
        return place
    data.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _note(data).write_text(str(place), encoding="utf-8")
    programs.own(place)
    return place


def remove(data: Path) -> None:
    """Remove the folder of this data folder, wherever it lies."""
    _removed(_usual(data))
    with contextlib.suppress(FileNotFoundError):
        place = Path(_note(data).read_text(encoding="utf-8"))
        if place.name.startswith(_PREFIX):  # whatever else may have come to stand there
            _removed(place)
        _note(data).unlink(missing_ok=True)


def _usual(data: Path) -> Path:
    return data.resolve() / "school"


def _note(data: Path) -> Path:
    return data / "school.place"


def _removed(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
