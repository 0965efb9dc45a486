"""`prometheus.query_range` on a real Prometheus: windows, absence, refusals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from flows.actions import Holds, NotYet, PermanentError, Verdict
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use
from tests.real.services.monitoring import Monitoring

PATIENCE = 60.0
SHORT = {"window": "2s", "step": "1s", "coverage": 1.0}


@pytest.fixture
def use(
    registry: ActionRegistry, pool: ClientPool, monitoring: Monitoring, tmp_path: Path
) -> Callable[..., Use]:
    """Make uses of the action."""

    def make(query: str = "error_ratio", **inputs: Any) -> Use:
        context = FakeContext(
            system=system_for(prometheus={"url": monitoring.url}),
            surroundings=surroundings_for(tmp_path),
            clients=pool,
        )
        made = Use(registry, context, "prometheus.query_range", "errors", query=query, window="2s")
        made.inputs = made.action.Inputs.model_validate({"query": query, **SHORT, **inputs})
        return made

    return make


async def until(use: Use, wanted: Callable[[Verdict], bool]) -> Verdict:
    """Look until it is as wanted."""
    deadline = time.monotonic() + PATIENCE
    while not wanted(seen := await use.verify()):
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.2)
    return seen


@pytest.mark.covers("AIVO-R12", "BOARD-K3", "BOARD-FIX6")
async def test_a_window_becomes_a_number(use: Callable[..., Use], monitoring: Monitoring) -> None:
    """As soon as the whole window has values, they are one number."""
    monitoring.target.set("error_ratio", 0.25, service="checkout")
    seen = await until(use(expect="value == 0.25"), lambda it: isinstance(it, Holds))
    assert isinstance(seen, Holds)
    assert (seen.output["samples"], seen.output["missing"]) == (3, 0)
    worst = await use(over="max", expect="value < 0.1").verify()
    assert isinstance(worst, NotYet)
    assert worst.progress == "the max over 2s is 0.25, expected value < 0.1"
    share = await use(over="share", bounds="value < 0.1").verify()
    assert isinstance(share, Holds)
    assert share.output["value"] == 0


async def test_a_recovery_reaches_the_window(
    use: Callable[..., Use], monitoring: Monitoring
) -> None:
    """The highest value of the window falls only when the bad ones are out of it."""
    monitoring.target.set("error_ratio", 0.25)
    await until(use(over="max", expect="value == 0.25"), lambda it: isinstance(it, Holds))
    monitoring.target.set("error_ratio", 0)
    await until(use(over="last", expect="value == 0"), lambda it: isinstance(it, Holds))
    await until(use(over="max", expect="value == 0"), lambda it: isinstance(it, Holds))


async def test_absence_is_unknown(use: Callable[..., Use], monitoring: Monitoring) -> None:
    """No series, several of them, and a window with gaps are no verdict."""
    nothing = await use("never_scraped").verify()
    assert isinstance(nothing, NotYet)
    assert (nothing.progress, nothing.output) == (
        "unknown: no data for this query in the window",
        {},
    )
    monitoring.target.set("latency", 0.1, service="a")
    monitoring.target.set("latency", 0.2, service="b")
    await until(use("latency"), lambda it: "2 series instead of one" in str(it))
    gaps = await use("sum(latency)", window="1h", step="1m").verify()
    assert isinstance(gaps, NotYet)
    assert "of 61 points are there" in gaps.progress
    nan = await use("sum(latency) * 0 / 0").verify()
    assert isinstance(nan, NotYet)
    assert nan.progress == "unknown: 0 of 3 points are there"


async def test_wrong_questions_and_no_server(
    use: Callable[..., Use], monitoring: Monitoring
) -> None:
    """A wrong query is for people, a server that is away is unknown."""
    with pytest.raises(PermanentError, match="refused the query"):
        await use("rate(").verify()
    with monitoring.prometheus.down():
        away = await use().verify()
    assert isinstance(away, NotYet)
    assert away.progress.startswith("unknown: ")
