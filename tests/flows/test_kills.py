"""SIGKILL before and after every commit of a whole run: the next process carries it to its end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.crash]
ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)  # dozens of whole runs, each in processes of its own
def test_killed_at_any_commit_nothing_is_lost_and_nothing_is_done_twice(tmp_path: Path) -> None:
    """Every case closes with each change made exactly once, and with an unbroken chain."""
    command = [sys.executable, "-m", "tests.flows.killing", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cases = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(case["killed"] for case in cases) >= 20, "there were hardly any commits to kill at"
    for case in cases:
        assert case["recovered"], case
        assert case["state"] == "closed", case
        assert case["chain"], case
        assert case["sets"] == ["set release=good", "set status=told"], case
