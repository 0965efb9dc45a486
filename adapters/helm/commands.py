"""The `helm` command: how it is called, and how long a call is waited for.

Called by everything here that asks Helm.  Reads run as ordinary child processes: bounded and ended
when nobody waits any more.  Writes are set free by `detached`.
"""

import asyncio
import contextlib
import json
import os
from typing import Any

from adapters.helm import errors, manifests
from adapters.helm.manifests import Objects
from adapters.helm.releases import Revision, parse
from adapters.kubernetes.connections import IN_CLUSTER, namespace_of, pinned
from flows.actions import ActionError, Context, TransientError

READ_SECONDS = 30.0
LARGEST_OUTPUT = 32 * 1024 * 1024
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
    """Return the manifest of one revision (YAML documents)."""
    return await read(context, release, "get", "manifest", release, "--revision", str(revision))


async def objects(context: Context, release: str, revision: int) -> Objects:
    """Return the objects of one revision's manifest."""
    text = await manifest(context, release, revision)
    return await asyncio.to_thread(manifests.read, text, namespace_of(context.system))


async def hooks(context: Context, release: str, revision: int) -> Objects:
    """Return the hooks of one revision, of every event."""
    words = ("get", "hooks", release, "--revision", str(revision))
    text = await read(context, release, *words)
    return await asyncio.to_thread(manifests.read, text, namespace_of(context.system))


async def waiting(context: Context) -> str:
    """Return the flag with which this Helm waits for pods.

    Helm 4 waits by watches, unless it is told to look again and again as Helm 3 does; that needs
    the same rights as Helm 3.
    """
    version = ""
    with contextlib.suppress(ActionError):  # what is wrong with it, the rollback itself will say
        version = await read(context, "", "version", "--template", "{{.Version}}")
    return "--wait=legacy" if version.strip().startswith("v4.") else "--wait"


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
