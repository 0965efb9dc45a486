"""Files of a system that steps name: manifests, data, scripts.

`file:files/maintenance.yaml` stands below the folder of the system's own YAML files, so that it is
reviewed and versioned with them.  Called by the actions that take such a reference.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from config.models.systems import System
from flows.actions import PermanentError

SCHEME = "file:"
MOST = 1024 * 1024

FileRef = Annotated[str, Field(pattern=r"^file:[^/\x00\s][^\x00]*$", max_length=300)]
"""A file below the system's folder: `file:files/maintenance.yaml`."""


def read(system: System, reference: str) -> bytes:
    """Return a file's content, at most 1 MiB.

    Raises `PermanentError` where it is not there, too large, or outside the system's folder.
    """
    path = find(system, reference)
    try:
        with path.open("rb") as file:
            content = file.read(MOST + 1)
    except OSError as error:
        raise PermanentError(
            f"{reference} of {system.system} can't be read ({error.strerror}): it is looked for "
            "beside its system.yaml."
        ) from error
    if len(content) > MOST:
        raise PermanentError(f"{reference} of {system.system} is larger than 1 MiB.")
    return content


def find(system: System, reference: str) -> Path:
    """Return where a file is; raise `PermanentError` where that is outside the folder."""
    folder = system.folder
    if folder is None:
        raise PermanentError(
            f"{system.title} was not read from a folder, so {reference} is nowhere."
        )
    path = folder / reference.removeprefix(SCHEME)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise PermanentError(
            f"{reference} leads out of the folder of {system.system}: name a file below it."
        )
    return path
