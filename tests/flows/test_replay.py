"""Histories that were recorded once must fold to the same run for ever."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from flows import codec
from flows.events import Recorded
from flows.replay import replay
from flows.states import State
from tests.flows.bench import Bench
from tests.flows.estate import Estate, bundle

HISTORIES = Path(__file__).parent / "histories"


def read(path: Path) -> list[Recorded]:
    """Read a history as `backout audit export` writes it."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        Recorded(
            seq=row["seq"],
            at=datetime.fromisoformat(row["at"]),
            actor=codec.decode_actor(json.dumps(row["actor"])),
            event=codec.decode_event(row["kind"], json.dumps(row["body"])),
        )
        for row in rows
    ]


@pytest.mark.golden
@pytest.mark.parametrize("path", sorted(HISTORIES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_an_old_history_folds_to_the_run_that_it_made(path: Path) -> None:
    """The run is the one that stands beside the history; neither file is ever edited."""
    expected = path.with_suffix(".json").read_text()
    assert codec.encode(replay(read(path))) == codec.encode(codec.decode_run(expected))


def test_there_are_histories() -> None:
    """The test above would pass without any."""
    assert len(list(HISTORIES.glob("*.jsonl"))) >= 3


async def test_the_snapshot_is_what_the_events_fold_to(tmp_path: Path) -> None:
    """After a whole run, folding its events gives the stored run to the letter."""
    bench = Bench(tmp_path, Estate(), bundle())
    bench.start()
    await bench.approved()
    run = await bench.until(State.CLOSED)
    assert codec.encode(replay(bench.engine.events("INC-1"))) == codec.encode(run)
    await bench.stop()
