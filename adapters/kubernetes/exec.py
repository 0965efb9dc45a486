"""Commands in running containers: how one ended, within a time and an amount of output.

Called by `probes`.  The command is given word by word; no shell reads it.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import PODS
from adapters.values import redact
from flows.actions import PermanentError, TransientError

OUTPUT, ERRORS, RESULT = 1, 2, 3
MOST = 64 * 1024
"""Bytes of output after which the rest is dropped."""
LONGEST_LINE = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a command ended.  `exit_code` is None where its time was over before it was.

    `last` is the last line that it printed, redacted.
    """

    exit_code: int | None
    last: str = ""


async def run(
    cluster: Cluster, pod: str, command: Sequence[str], *, container: str, seconds: float
) -> Ending:
    """Run a command in a pod's container and wait for its end, for so many seconds.

    What is not over by then is left to itself: the API has no way to end it.  Raises
    `PermanentError` where it can't be started, `TransientError` where the connection broke.
    """
    query = [
        ("container", container),
        ("stdout", "true"),
        ("stderr", "true"),
        *(("command", word) for word in command),
    ]
    printed = bytearray()
    async with cluster.dial(PODS, pod, "exec", query) as socket:
        try:
            async with asyncio.timeout(seconds):
                result = await _result(socket, printed)
        except TimeoutError:
            return Ending(exit_code=None, last=_last(printed))
    if result is None:
        raise TransientError(f"The connection to {pod} ended before the command in it did.")
    return Ending(exit_code=_exit_code(pod, result), last=_last(printed))


async def _result(socket: Any, printed: bytearray) -> Any:
    """Read until the command's result comes; None where the connection ends before."""
    async for message in socket:
        if not isinstance(message.data, bytes) or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel in (OUTPUT, ERRORS):
            printed += data[: MOST - len(printed)]
        elif channel == RESULT:
            return json.loads(data)
    return None


def _exit_code(pod: str, result: Any) -> int:
    if result.get("status") == "Success":
        return 0
    for cause in (result.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    said = redact(str(result.get("message", "")))
    raise PermanentError(f"The command could not be started in {pod}: {said}")


def _last(printed: bytearray) -> str:
    lines = [line for line in printed.decode(errors="replace").splitlines() if line.strip()]
    return redact(lines[-1])[:LONGEST_LINE] if lines else ""
