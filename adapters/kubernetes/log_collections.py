"""Reading many logs into the evidence store, a few side by side, for as long as a look may take.

Called by `collect_logs`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.kubernetes import container_logs
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.container_logs import Amount, Log
from adapters.kubernetes.log_folders import Folder, Outcome
from flows.actions import PermanentError, TransientError

AT_ONCE = 4
A_LOOK = 8.0
"""Seconds after which no further logs are begun: the next look goes on."""
A_LOG = 10.0
"""Seconds for one log; both together are less than what a look has."""
LEAST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is read.  `late` says that what does not answer is not waited for any more."""

    since: datetime | None
    lines: int
    container_bytes: int
    total_bytes: int
    late: bool


async def collect(
    cluster: Cluster, folder: Folder, logs: Sequence[Log], limits: Limits
) -> list[Outcome]:
    """Return what became of the logs, in order; fewer than there are where time was over.

    Raises `TransientError` where some can't be read for the moment, after all others were kept.
    """
    ends = asyncio.get_running_loop().time() + A_LOOK
    outcomes: list[Outcome] = []
    waiting: list[TransientError] = []
    for first in range(0, len(logs), AT_ONCE):
        if first and asyncio.get_running_loop().time() > ends:
            return outcomes
        batch = logs[first : first + AT_ONCE]
        left = limits.total_bytes - sum(each.size for each in outcomes)
        amount = Amount(
            since=limits.since,
            lines=limits.lines,
            size=min(limits.container_bytes, left // len(batch)),
        )
        answers = await asyncio.gather(
            *(_keep(cluster, folder, log, amount, late=limits.late) for log in batch)
        )
        outcomes += [each for each in answers if isinstance(each, Outcome)]
        waiting += [each for each in answers if isinstance(each, TransientError)]
    if waiting:
        raise waiting[0]
    return outcomes


async def _keep(
    cluster: Cluster, folder: Folder, log: Log, amount: Amount, *, late: bool
) -> Outcome | TransientError:
    if found := await folder.find(log):
        return found
    if amount.size < LEAST:
        return Outcome(log=log, why="total_bytes are used up")
    try:
        async with asyncio.timeout(A_LOG):
            data, left_out = await container_logs.read(cluster, log, amount)
    except PermanentError as error:
        return await folder.give_up(log, str(error))
    except TransientError as error:
        return await folder.give_up(log, str(error)) if late else error
    except TimeoutError:
        told = f"The log of {log} did not come within {A_LOG:.0f} s."
        return await folder.give_up(log, told) if late else TransientError(told)
    return await folder.keep(log, data, left_out)
