"""The engine of replicas on a real PostgreSQL, and what one process alone can't show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flows.states import Outcome, State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle


@pytest.fixture
def estate() -> Estate:
    """An estate with a bad release."""
    return Estate()


@pytest.fixture
async def bench(tmp_path: Path, estate: Estate, url: str) -> AsyncIterator[Bench]:
    """A running replica on it."""
    bench = Bench(tmp_path, estate, bundle(), url)
    bench.start()
    yield bench
    await bench.stop()


async def test_two_approvals_carry_a_rollback_to_its_end(bench: Bench, estate: Estate) -> None:
    """Declared, approved by two people, restored, validated and closed."""
    await bench.approved()
    run = await bench.until(State.CLOSED)
    await bench.drained()
    assert estate.values["release"] == "good"
    assert estate.calls.count("set release=good") == 1
    assert run.outcome is Outcome.RESTORED
