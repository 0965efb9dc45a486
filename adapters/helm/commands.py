"""The `helm` command: how it is called, and how long a call is waited for.

Called by the two actions of this folder.  Reads run as ordinary child processes: bounded and ended
when nobody waits any more.  Writes are set free (`Detached`): a rollback that is under way must
not die with the bot, whether by Ctrl-C, by SIGKILL or by a hold.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.helm import errors
from adapters.helm.releases import Revision, parse
from adapters.kubernetes.connections import IN_CLUSTER, pinned
from flows.actions import Context, TransientError

READ_SECONDS = 30.0
LARGEST_OUTPUT = 32 * 1024 * 1024
LARGEST_LOG = 64 * 1024
REVISIONS = 256
# The bot's own secrets are no business of Helm's, nor of the credential commands that it runs.
WITHHELD = ("SLACK_", "BACKOUT_", "STATUSPAGE_", "PAGERDUTY_", "PD_")


def arguments(context: Context, *words: str) -> list[str]:
    """Return the whole command line: pinned to context and namespace, no shell anywhere."""
    connection = pinned(context.system)
    where = ["--namespace", connection.namespace]
    if connection.context != IN_CLUSTER:
        where += ["--kube-context", connection.context]
    return [context.surroundings.helm, *words, *where]


def environment(context: Context) -> dict[str, str]:
    """Return Helm's environment: ours without our secrets, and the pinned kubeconfig."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(WITHHELD)}
    if context.surroundings.kubeconfig is not None:
        kept["KUBECONFIG"] = str(context.surroundings.kubeconfig)
    return kept


async def history(context: Context, release: str) -> tuple[Revision, ...]:
    """Return the revisions that Helm keeps, oldest first."""
    words = ("history", release, "--output", "json", "--max", str(REVISIONS))
    text = await read(context, release, *words)
    try:
        entries: Any = json.loads(text)
    except ValueError as error:
        raise TransientError(f"Helm's history of {release} is not JSON: {error}") from error
    return parse(entries if isinstance(entries, list) else [])


async def manifest(context: Context, release: str, revision: int) -> str:
    """Return the manifests of one revision (YAML documents)."""
    return await read(context, release, "get", "manifest", release, "--revision", str(revision))


async def read(context: Context, release: str, *words: str) -> str:
    """Run a command that only looks, and return what it wrote."""
    line = arguments(context, *words)
    try:
        process = await asyncio.create_subprocess_exec(
            *line,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(context),
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise errors.missing_binary(line[0]) from error
    try:
        async with asyncio.timeout(READ_SECONDS):
            out, err = await asyncio.gather(_bounded(process.stdout), _bounded(process.stderr))
            status = await process.wait()
    except TimeoutError as error:
        raise TransientError(
            f"`helm {words[0]}` did not end within {READ_SECONDS:g} s: the cluster may be slow."
        ) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if status:
        raise errors.from_output(release, err.decode(errors="replace"), writes=False)
    return out.decode(errors="replace")


async def _bounded(stream: asyncio.StreamReader | None) -> bytes:
    """Read to the end, and keep no more than the bound (the rest is read and dropped)."""
    kept = bytearray()
    while stream is not None and (chunk := await stream.read(65_536)):
        kept += chunk[: max(LARGEST_OUTPUT - len(kept), 0)]
    return bytes(kept)


class Detached:
    """A command that outlives the bot, with its output in a file.

    Its own session keeps a terminal's Ctrl-C away from it.  It writes to a file, because writing
    to the pipe of a dead bot would end it with SIGPIPE half-way.  It is no asyncio process,
    because asyncio kills its children when the loop closes.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        threading.Thread(target=self._wait, name="helm", daemon=True).start()

    @classmethod
    def start(cls, line: Sequence[str], env: dict[str, str], log: Path) -> "Detached":
        """Start it; raise `PermanentError` where the command is not there."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            try:
                process = subprocess.Popen(
                    line,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=env,
                    start_new_session=True,
                )
            except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
                raise errors.missing_binary(line[0]) from error
        return cls(process, log)

    def said(self) -> str:
        """Return the end of what it wrote."""
        with self._log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(log.tell() - LARGEST_LOG, 0))
            return log.read().decode(errors="replace")

    def _wait(self) -> None:
        status = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._tell, status)

    def _tell(self, status: int) -> None:
        if not self.ended.done():
            self.ended.set_result(status)
