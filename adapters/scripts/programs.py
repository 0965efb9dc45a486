"""The scripts that a system allows: found by name, compared with their hash.

Called by `runs` and the actions.
"""

import asyncio
import hashlib
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from adapters import files
from adapters.values import listed
from config.models.base import format_duration
from config.models.connections import Script
from flows.actions import Context, PermanentError

MOST = 16 * 1024 * 1024
KEPT = ("PATH", "HOME", "LANG")

Argument = Annotated[str, Field(pattern=r"^[\w@%+=:,./ -]*$", max_length=500)]
"""One argument.  It reaches the script as it is: nothing expands, splits or quotes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A script whose bytes are those that the system allows."""

    name: str
    script: Script
    content: bytes = field(repr=False)

    @property
    def timeout(self) -> float:
        """Return the seconds after which it is ended."""
        return self.script.timeout.total_seconds()

    def line(self, arguments: Sequence[str]) -> str:
        """Write what is run, for people."""
        return shlex.join([self.script.path, *arguments])

    def told(self, arguments: Sequence[str]) -> str:
        """Write what is run, with what it gets, and for how long."""
        gets = (
            f", gets {listed(sorted(self.script.environment))}" if self.script.environment else ""
        )
        short, limit = self.script.sha256[:12], format_duration(self.script.timeout)
        return f"`{self.line(arguments)}` (sha256 {short}…{gets}, ended after {limit})"

    def secrets(self, context: Context) -> dict[str, str]:
        """Return the variables that the system gives it."""
        secret = context.surroundings.secret
        return {name: secret(each) for name, each in self.script.environment.items()}


def plain_environment() -> dict[str, str]:
    """Return what every script gets of Backout's own variables."""
    return {name: os.environ[name] for name in KEPT if name in os.environ}


async def find(context: Context, name: str) -> Program:
    """Read a script and compare its hash.

    Raises `PermanentError` where the system does not allow it, and where it is another one.
    """
    allowed = context.system.connections.scripts
    script = allowed.get(name)
    if script is None:
        there = listed(sorted(allowed)) or "none"
        raise PermanentError(
            f'{context.system.title} allows no script "{name}"; connections.scripts of '
            f"system.yaml has: {there}."
        )
    path = Path(script.path)
    if not path.is_absolute():
        path = files.find(context.system, f"{files.SCHEME}{script.path}")
    content = await asyncio.to_thread(_read, path, name, script.path)
    found = hashlib.sha256(content).hexdigest()
    if found != script.sha256:
        raise PermanentError(
            f"The script {name} ({script.path}) is not the one that was allowed: its sha256 is "
            f"{found[:12]}…, and system.yaml allows {script.sha256[:12]}… only. Find out who "
            "changed it; allow the new one after a review."
        )
    return Program(name=name, script=script, content=content)


def _read(path: Path, name: str, known_as: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST + 1)
    except OSError as error:
        raise PermanentError(
            f"The script {name} can't be read from {known_as} ({error.strerror}): put it there "
            "(beside system.yaml, where the path is not absolute), or correct its path in "
            "connections.scripts."
        ) from error
    if len(content) > MOST:
        raise PermanentError(f"The script {name} is larger than 16 MiB.")
    return content
