"""`backout drill`: what passes is kept, what fails is not, and nothing is changed by it."""

from pathlib import Path
from typing import Any

import pytest

from bot import wiring
from bot.cli.failures import ExitCode
from bot.drills import KIND, Drills
from flows.files import FolderFiles
from flows.plans import Plan
from tests.bot import story
from tests.bot.cli.conftest import Cli


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where records are kept."""
    monkeypatch.setenv("BACKOUT_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.covers("AIVO-X1")
def test_a_procedure_that_can_be_planned_has_passed(
    backout: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of the plan is kept for the automatic start."""
    made = story.plan()

    async def make_plan(*_: Any, **__: Any) -> Plan:
        return made

    monkeypatch.setattr(wiring, "make_plan", make_plan)
    assert backout("drill", "aivo", "service") == ExitCode.OK
    assert f"{len(made.steps)} steps planned and looked at, none performed" in backout.out
    assert Drills(FolderFiles(data / KIND)).last("aivo", "service") == made.prepared_at


def test_what_can_not_be_looked_at_has_not_passed(backout: Cli, data: Path) -> None:
    """Without a cluster there is no plan, and no record of a drill."""
    assert backout("drill", "aivo", "service") == ExitCode.PROBLEM
    assert backout.err
    assert Drills(FolderFiles(data / KIND)).last("aivo", "service") is None
