"""Keys of a cache by their beginning: counted, shown, deleted; in batches, never all at once.

Called by `flush`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from adapters.redis.caches import Cache
from flows.actions import Context

BATCH = 1000
SHOWN = 3
TAIL = 4
"""Characters behind a prefix that people see of a key: the rest may be a session's secret."""
SAMPLE = 2000
UNLINK_BATCH = 500
LOOK_SECONDS = 12.0


@dataclass(slots=True, kw_only=True)
class Count:
    """How many keys begin so; `whole` where all of the database was looked at."""

    number: int = 0
    whole: bool = True
    shown: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Write `1,204 keys (cache:cour…, …)`."""
        least = "" if self.whole else "at least "
        told = f"{least}{self.number:,} {'key' if self.number == 1 else 'keys'}"
        return f"{told} ({', '.join(self.shown)})" if self.shown else told


def pattern(prefix: str) -> str:
    """Return the glob of what begins so, whatever characters that holds."""
    return "".join(f"\\{each}" if each in "*?[]\\^" else each for each in prefix) + "*"


async def batches(cache: Cache, prefix: str) -> AsyncIterator[list[str]]:
    """Walk through the database; what is there all the time comes at least once."""
    cursor = "0"
    while True:
        cursor, found = await cache.read("SCAN", cursor, "MATCH", pattern(prefix), "COUNT", BATCH)
        yield found
        if str(cursor) == "0":
            return


async def counted(cache: Cache, prefix: str) -> Count:
    """Count keys for as long as a look may take."""
    clock = asyncio.get_running_loop().time
    until = clock() + LOOK_SECONDS
    found, seen = Count(), set[str]()
    async for batch in batches(cache, prefix):
        seen.update(batch)
        if clock() > until:
            found.whole = False
            break
    found.number = len(seen)
    found.shown = [_shown(each, prefix) for each in sorted(seen)[:SHOWN]]
    return found


async def families(cache: Cache) -> list[str]:
    """Say which kinds of keys a sample of the database holds, the most frequent first."""
    kinds: Counter[str] = Counter()
    async for batch in batches(cache, ""):
        kinds.update(_family(each) for each in batch)
        if kinds.total() >= SAMPLE:
            break
    return [f"{kind} ({number / kinds.total():.0%})" for kind, number in kinds.most_common(8)]


async def delete(cache: Cache, prefix: str, expected: int, context: Context) -> int:
    """Delete what begins so, batch by batch; return how many keys that were.

    A hold ends it between two batches; what is deleted stays so.
    """
    gone = 0
    async for batch in batches(cache, prefix):
        for start in range(0, len(batch), UNLINK_BATCH):
            gone += int(await cache.change("UNLINK", *batch[start : start + UNLINK_BATCH]))
        if batch:
            await context.progress(f"{prefix}*: {gone:,} of about {expected:,} keys deleted")
            await context.pause(0)
    return gone


def _shown(key: str, prefix: str) -> str:
    printable = key.encode(errors="surrogateescape").decode(errors="replace")
    longest = len(prefix) + TAIL
    return printable if len(printable) <= longest else f"{printable[:longest]}…"


def _family(key: str) -> str:
    head, colon, _ = key.partition(":")
    return _shown(f"{head}{colon}", head) if colon else "without a prefix"
