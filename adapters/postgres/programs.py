"""PostgreSQL's own programs: which one fits a server, and how it is run.

Called by `dump`.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from adapters.postgres.drivers import Parameters
from adapters.values import redact
from flows.actions import ActionError, PermanentError, TransientError

FOLDERS = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")
NEWEST = 30
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")
LOST = (
    "server closed the connection",
    "terminating connection",
    "could not connect",
    "Connection refused",
    "starting up",
    "shutting down",
    "timeout expired",
    "lock timeout",
)
SAID = 64 * 1024
SECRETS = {"password": "PGPASSWORD", "passfile": "PGPASSFILE"}


async def find(name: str, major: int) -> str:
    """Return a program of the server's version or the next newer one.

    Raises `PermanentError` where there is none: an older one can't read the server.
    """
    for number in range(major, NEWEST):
        for folder in FOLDERS:
            path = Path(folder.format(number)) / name
            if path.is_file() and os.access(path, os.X_OK):
                return str(path)
    on_path = shutil.which(name)
    if on_path is not None:
        found = VERSION.search(await _version(on_path))
        if found is not None and int(found[1]) >= major:
            return on_path
    raise PermanentError(
        f"{name} {major} or newer is not installed where Backout runs: install PostgreSQL's client "
        f"programs (Debian: postgresql-client-{major})."
    )


def environment(parameters: Parameters) -> dict[str, str]:
    """Return what a program needs of ours: nothing but where things are, and the password."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    secret = {SECRETS[k]: str(v) for k, v in parameters.items() if k in SECRETS}
    return {**kept, **secret, "LC_ALL": "C"}


def connection(parameters: Parameters) -> str:
    """Return where to connect, without the password: every process of the machine can read it."""
    return " ".join(
        "{}='{}'".format(name, str(value).replace("\\", "\\\\").replace("'", "\\'"))
        for name, value in parameters.items()
        if name not in SECRETS
    )


@asynccontextmanager
async def running(
    line: Sequence[str], env: Mapping[str, str], *, fed: bool = False
) -> AsyncIterator[Any]:
    """Run a program while the block runs; it does not outlive it."""
    process = await asyncio.create_subprocess_exec(
        *line,
        stdin=asyncio.subprocess.PIPE if fed else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(env),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.communicate()


async def entries_of(program: str, chunks: AsyncIterator[bytes]) -> int:
    """Let pg_restore list an archive; return how many entries it has.

    Raises `PermanentError` where it is none.
    """
    async with running([program, "--list"], environment({}), fed=True) as process:
        listing = asyncio.ensure_future(process.stdout.read())
        with suppress(BrokenPipeError, ConnectionResetError):
            async for chunk in chunks:
                process.stdin.write(chunk)
                await process.stdin.drain()
        process.stdin.close()
        with suppress(BrokenPipeError, ConnectionResetError):
            await process.stdin.wait_closed()
        text = (await listing).decode(errors="replace")
        said = (await process.stderr.read(SAID)).decode(errors="replace")
        if await process.wait() != 0:
            raise PermanentError(f"What was dumped is no archive: {redact(said)}")
    return sum(1 for each in text.splitlines() if each and not each.startswith(";"))


def failure(said: str, database: str) -> ActionError:
    """Say why pg_dump gave up; nothing was changed by it."""
    lines = [each for each in said.splitlines() if "error:" in each] or said.splitlines() or [""]
    told = redact(lines[0].rpartition("error: ")[2])
    if any(each in said for each in LOST):
        return TransientError(f"The dump of {database} broke off: {told}", delay=5.0)
    return PermanentError(f"{database} can't be dumped: {told}")


async def _version(program: str) -> str:
    async with running([program, "--version"], environment({})) as process:
        return str((await process.stdout.read(SAID)).decode(errors="replace"))
