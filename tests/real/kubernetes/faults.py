"""What every action does when the API server fails it: one list of checks for all of them.

A test prepares a use through the gateway, in a namespace where it has something to do, and calls

    await faults.check(use_through("kubernetes.scale", names=["checkout"], replicas=1), gateway)

The checks run in an order in which each but the last leaves the cluster as it was; afterwards the
use is applied and, where it can be, undone.  A check that does not fit an action is left out by
its name, with the reason beside it: `but={"404 on a write"}`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from flows.actions import (
    ActionError,
    Holds,
    PermanentError,
    TransientError,
    UnknownOutcomeError,
)
from tests.adapters.uses import Use
from tests.real.bench.gateway import Gateway

METHODS = ("POST", "PUT", "PATCH", "DELETE")
WRITES = r"^(?!.*[?&]dryRun=)(?!/apis/authorization\.k8s\.io/)"
"""Paths of what may change something."""
REVIEWS = "/selfsubjectaccessreviews"
IMPATIENT = 1.0  # seconds until a client that hangs gives up
EVERY = 1000  # what was sent beside a request that failed may still be on its way
DELAY = 7.0  # seconds that the server asks clients to stay away
REFUSALS: tuple[tuple[int, type[ActionError]], ...] = (
    (403, PermanentError),
    (404, PermanentError),
    (409, TransientError),
    (422, PermanentError),
    (429, TransientError),
    (500, UnknownOutcomeError),
)
"""Answers to a write, and what they are to the engine."""


async def check(use: Use, gateway: Gateway, *, but: Collection[str] = ()) -> None:
    """Run the whole list on a use that has something to do."""
    await reads_fail(use, gateway)
    if use.action.effect == "reads":
        return
    await writes_are_refused(use, gateway, but=but)
    await answer_never_comes(use, gateway)
    await answer_is_lost(use, gateway)
    await repeat_sends_nothing(use, gateway)
    if use.action.undoable:
        await undo_is_lost_and_repeated(use, gateway)


async def reads_fail(use: Use, gateway: Gateway) -> None:
    """Whatever a look asks: when it fails for the moment, the look fails for the moment.

    Nothing is written; 429 waits for as long as the server says.
    """
    look = use.verify if use.action.effect == "reads" else use.preview
    gateway.requests.clear()
    await look()
    lines = {each.line: each for each in gateway.requests}
    assert lines, "it asked the cluster nothing"
    for each in lines.values():
        path = f"^{re.escape(each.path)}$"
        answer = partial(gateway.answer, method=each.method, path=path, times=EVERY)
        answer(429, headers=_headers(429))
        busy = await fails(look, TransientError, f"429 to {each.line}")
        assert getattr(busy, "delay", 0) == DELAY, each.line
        gateway.mend()
        answer(500)
        await fails(look, TransientError, f"500 to {each.line}")
        gateway.mend()
    for method, path in {(each.method, each.path.partition("?")[0]) for each in lines.values()}:
        gateway.hang(method=method, path=f"^{re.escape(path)}", times=EVERY)
        with impatience():
            await fails(look, TransientError, f"no answer to {method} {path}")
        gateway.mend()
    assert gateway.writes() == []


async def writes_are_refused(use: Use, gateway: Gateway, *, but: Collection[str] = ()) -> None:
    """The first write is refused: the right error comes of it, and nothing changed."""
    before = await use.preview()
    assert not before.in_place, "the use has nothing to do"
    for status, kind in REFUSALS:
        if f"{status} on a write" in but:
            continue
        on_writes(partial(gateway.answer, status, headers=_headers(status)))
        error = await fails(lambda: attempt(use), kind, f"{status} on a write")
        gateway.mend()
        if isinstance(error, TransientError) and status == 429:
            assert error.delay == DELAY
        if status == 403:
            assert "does not let Backout" in str(error)
        if status == 500:
            assert not isinstance(await use.verify(), Holds), "it claims what did not happen"
        after = await use.preview()
        assert (after.fingerprint, after.in_place) == (before.fingerprint, False), status


async def answer_never_comes(use: Use, gateway: Gateway) -> None:
    """A write that is not answered, and did not happen, is unknown; the look tells the truth."""
    on_writes(gateway.hang)
    with impatience():
        await fails(lambda: attempt(use), UnknownOutcomeError, "no answer to a write")
    gateway.mend()
    assert not isinstance(await use.verify(), Holds), "it claims what did not happen"


async def answer_is_lost(use: Use, gateway: Gateway) -> None:
    """A write that happened, and whose answer is lost, is unknown; it is never sent twice."""
    gateway.requests.clear()
    lost = on_writes(gateway.lose_answer)
    await fails(lambda: attempt(use), UnknownOutcomeError, "a lost answer to a write")
    assert [each.hits for each in lost if each.hits] == [1]
    gateway.mend()
    if not isinstance(await use.outcome(), Holds):  # the first of several: go on as a retry does
        await use.action.apply(use.inputs, use.captured, use.context)
    verdict = await use.outcome()
    assert isinstance(verdict, Holds), verdict
    sent = [(each.line, repr(each.body)) for each in gateway.writes()]
    assert len(sent) == len(set(sent)), f"sent twice: {sent}"


async def repeat_sends_nothing(use: Use, gateway: Gateway) -> None:
    """Applied again under the same key it writes nothing, and the preview says why."""
    gateway.requests.clear()
    await use.action.apply(use.inputs, use.captured, use.context)
    assert [each.line for each in gateway.writes()] == []
    assert (await use.preview()).in_place


async def undo_is_lost_and_repeated(use: Use, gateway: Gateway) -> None:
    """An undo whose answer is lost is done again, and once more without a write."""
    gateway.requests.clear()
    lost = on_writes(gateway.lose_answer)
    again = await wrote(use.undo, lost)
    gateway.mend()
    if again:
        assert await use.undo()
    gateway.requests.clear()
    assert await use.undo()
    assert [each.line for each in gateway.writes()] == []


async def wrote(undo: Callable[[], Awaitable[str]], lost: list[Any]) -> bool:
    """Undo once; say whether it had anything to write."""
    try:
        said = await undo()
    except UnknownOutcomeError:
        return True
    assert not any(each.hits for each in lost), f"a lost answer was taken for one: {said}"
    return False


async def attempt(use: Use) -> None:
    """Capture and apply once, without the patience of `Use.apply`."""
    use.captured = await use.action.capture(use.inputs, use.context)
    use.context.captures = {**use.context.captures, use.step: use.captured}
    await use.action.apply(use.inputs, use.captured, use.context)


async def fails(
    act: Callable[[], Awaitable[Any]], kind: type[ActionError], when: str
) -> ActionError:
    """Do it, and return the error; fail where there is none, or one of another kind."""
    said: list[ActionError] = []
    done = None
    try:
        done = await act()
    except ActionError as error:
        said.append(error)
    assert said, f"{when}: no error, but {done}"
    assert isinstance(said[0], kind), f"{when}: {type(said[0]).__name__}: {said[0]}"
    return said[0]


def on_writes(fault: Callable[..., Any]) -> list[Any]:
    """Set a fault on the next request of each method that may change something."""
    return [fault(method=method, path=WRITES) for method in METHODS]


@contextmanager
def impatience() -> Iterator[None]:
    """Make the client give up soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adapters.kubernetes.cluster.ANSWER_SECONDS", IMPATIENT)
        yield


def _headers(status: int) -> dict[str, str]:
    return {"Retry-After": f"{DELAY:g}"} if status == 429 else {}
