"""How many actions of one provider may change something at once, over all runs of this process.

Several incidents must not make AWS throttle each other, or fill a database's connections.
`flows.performing` takes a turn before it looks at what a step would change, so that nobody has
begun anything while waiting; what a hold, an abort or a shutdown ends.  Looks at what became of a
change, and undo, take no turn: they never wait.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from flows.actions import Context

MOST = 16
"""Actions of one provider at once, where the settings name no other number."""
LONGEST = 3_600.0


class Turnstiles:
    """One a provider.  Whoever came first is let in first."""

    def __init__(self, most: Mapping[str, int] | None = None) -> None:
        self._most = dict(most or {})
        self._inside: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[asyncio.Future[None]]] = defaultdict(deque)

    def most(self, provider: str) -> int:
        """Return how many of a provider's actions may be under way at once."""
        return self._most.get(provider, MOST)

    def waiting(self, provider: str) -> int:
        """Return how many wait for their turn."""
        return len(self._waiting[provider])

    @asynccontextmanager
    async def turn(self, provider: str, context: Context) -> AsyncIterator[None]:
        """Take a turn for the block.

        Raises `InterruptedByHoldError` where the waiting should end.
        """
        if self._inside[provider] < self.most(provider):
            self._inside[provider] += 1
        else:
            await self._wait(provider, context)
        try:
            yield
        finally:
            self._leave(provider)

    async def _wait(self, provider: str, context: Context) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting[provider].append(turn)
        under_way = self._inside[provider]
        await context.progress(f"waits its turn at {provider}, where {under_way} are under way")
        try:
            while not turn.done():
                await _either(turn, context)
        except BaseException:
            if turn.done():
                self._leave(provider)  # it was let in at the very moment
            else:
                self._waiting[provider].remove(turn)
            raise
        await context.progress("")

    def _leave(self, provider: str) -> None:
        """Let in whoever waits longest; whoever gave up has left the queue."""
        if self._waiting[provider]:
            self._waiting[provider].popleft().set_result(None)
        else:
            self._inside[provider] -= 1


async def _either(turn: "asyncio.Future[None]", context: Context) -> None:
    """Return when the turn has come; raise where the run does not go on."""
    pausing = asyncio.ensure_future(context.pause(LONGEST))
    try:
        await asyncio.wait({turn, pausing}, return_when=asyncio.FIRST_COMPLETED)
        if pausing.done() and not turn.done():
            pausing.result()
    finally:
        pausing.cancel()
        await asyncio.gather(pausing, return_exceptions=True)
