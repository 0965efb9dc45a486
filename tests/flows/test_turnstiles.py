"""So many of a provider at once, in order; a hold ends the waiting; no turn is lost."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from flows.actions import Context, InterruptedByHoldError
from flows.turnstiles import MOST, Turnstiles

WITHIN = 30.0


class Waiting:
    """A context whose run can be held, and what was said of its step."""

    def __init__(self) -> None:
        self.held = asyncio.Event()
        self.said: list[str] = []

    async def progress(self, text: str) -> None:
        """Keep what is shown."""
        self.said.append(text)

    async def pause(self, seconds: float) -> None:
        """Wait until the run is held."""
        await self.held.wait()
        raise InterruptedByHoldError("held")


class Queue:
    """Steps that each stay inside until they are let out."""

    def __init__(self, turnstiles: Turnstiles) -> None:
        self.turnstiles = turnstiles
        self.inside: list[str] = []
        self.order: list[str] = []
        self.most = 0
        self.out: dict[str, asyncio.Event] = {}
        self.contexts: dict[str, Waiting] = {}

    def enter(self, name: str, provider: str = "aws") -> asyncio.Task[None]:
        """Send a step through."""
        self.out[name], self.contexts[name] = asyncio.Event(), Waiting()
        return asyncio.create_task(self._through(name, provider))

    async def _through(self, name: str, provider: str) -> None:
        async with self.turnstiles.turn(provider, cast(Context, self.contexts[name])):
            self.inside.append(name)
            self.order.append(name)
            self.most = max(self.most, len(self.inside))
            await self.out[name].wait()
            self.inside.remove(name)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(WITHIN):
        while not holds():
            await asyncio.sleep(0)


async def test_no_more_than_allowed_are_inside_and_the_first_comes_first() -> None:
    """Those who wait say so, and go in by the order in which they came."""
    queue = Queue(Turnstiles({"aws": 2}))
    tasks = [queue.enter(name) for name in "abcd"]
    await until(lambda: queue.turnstiles.waiting("aws") == 2)
    assert queue.inside == ["a", "b"]
    await until(lambda: bool(queue.contexts["d"].said))
    assert queue.contexts["c"].said == ["waits its turn at aws, where 2 are under way"]
    for name in "abcd":
        queue.out[name].set()
    await asyncio.gather(*tasks)
    assert (queue.order, queue.most) == (["a", "b", "c", "d"], 2)


async def test_providers_do_not_wait_for_each_other() -> None:
    """A full one stops nobody at another; one that is not named has room for many."""
    queue = Queue(Turnstiles({"aws": 1}))
    tasks = [queue.enter("a"), queue.enter("b"), queue.enter("c", "kubernetes")]
    await until(lambda: queue.inside == ["a", "c"])
    assert queue.turnstiles.most("kubernetes") == MOST
    for each in queue.out.values():
        each.set()
    await asyncio.gather(*tasks)


async def test_a_hold_ends_the_waiting_and_lets_the_next_one_in() -> None:
    """Whoever was held has left the queue; the turn goes to the one behind."""
    queue = Queue(Turnstiles({"aws": 1}))
    first, held, last = (queue.enter(name) for name in "abc")
    await until(lambda: queue.turnstiles.waiting("aws") == 2)
    queue.contexts["b"].held.set()
    with pytest.raises(InterruptedByHoldError):
        await held
    assert queue.turnstiles.waiting("aws") == 1
    for each in queue.out.values():
        each.set()
    await asyncio.gather(first, last)
    assert queue.order == ["a", "c"]


async def test_a_turn_that_comes_with_the_hold_is_handed_on() -> None:
    """Let in and held at the same moment: either way nobody keeps a turn who is not inside."""
    queue = Queue(Turnstiles({"aws": 1}))
    first, both, last = (queue.enter(name) for name in "abc")
    await until(lambda: queue.turnstiles.waiting("aws") == 2)
    queue.contexts["b"].held.set()
    queue.out["a"].set()
    for name in "bc":
        queue.out[name].set()
    await asyncio.gather(first, both, last, return_exceptions=True)
    assert "c" in queue.order
    again = queue.enter("d")
    queue.out["d"].set()
    async with asyncio.timeout(WITHIN):
        await again


async def test_a_shutdown_among_those_who_wait_leaves_no_hole() -> None:
    """Cancelled inside, and cancelled while waiting: every turn is given back."""
    queue = Queue(Turnstiles({"aws": 1}))
    tasks = [queue.enter(name) for name in "abcde"]
    await until(lambda: queue.turnstiles.waiting("aws") == 4)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (queue.inside, queue.turnstiles.waiting("aws")) == (["a"], 0)
    queue.out["f"] = asyncio.Event()
    last = queue.enter("f")
    queue.out["f"].set()
    async with asyncio.timeout(WITHIN):
        await last
