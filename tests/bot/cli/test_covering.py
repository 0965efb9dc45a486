"""`backout coverage`: where each requirement is met, and which are open."""

import ast
import json
from pathlib import Path

import pytest

from bot.cli import covering
from bot.cli.failures import ExitCode
from config.loader import load_systems
from config.models.bundles import Bundle
from config.settings import PACKAGED
from tests.bot.cli.conftest import Cli

MODULE = """
import pytest
pytestmark = [pytest.mark.real, pytest.mark.covers("AIVO-R1")]

@pytest.mark.covers("AIVO-R2", "AIVO-R3")
def test_both(): pass

class TestMore:
    @pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.covers("AIVO-R4"))])
    async def test_inside(self): pass

def helper(): pass
"""


@pytest.fixture
def aivo() -> Bundle:
    """The system that the repository brings along."""
    return next(each for each in load_systems(PACKAGED) if each.system.system == "aivo")


def test_every_requirement_is_listed_once_with_its_place(backout: Cli) -> None:
    """A met requirement names file and line, an open one nothing."""
    assert backout("coverage", "aivo", "--json") == ExitCode.OK
    found = {each["id"]: each for each in json.loads(backout.out)}

    assert len(found) == 177
    assert "config/systems/aivo/policy.yaml:" in found["AIVO-M7"]["where"][0]
    assert found["AIVO-M7"]["state"] == "met"
    assert found["AIVO-R19"]["state"] == "left out" or found["AIVO-R19"]["where"]
    assert any("test_documents.py" in where for where in found["AIVO-P10"]["where"])


def test_only_what_is_open(backout: Cli) -> None:
    """`--open` is the list of what is still to be built; the last line counts everything."""
    assert backout("coverage", "aivo", "--open") == ExitCode.OK

    rows = [line for line in backout.out.splitlines() if line.startswith("AIVO-")]
    assert all(" open " in row for row in rows)
    assert backout.out.rstrip().endswith(f"{len(rows)} open.")


def test_a_system_without_a_list_says_what_to_write(
    backout: Cli, monkeypatch: pytest.MonkeyPatch, aivo: Bundle
) -> None:
    """Nothing is invented for a system that does not list what it was asked for."""
    from dataclasses import replace

    bare = replace(aivo, requirements=None)
    monkeypatch.setattr("bot.cli.ground.bundles", lambda _: (bare,))

    assert backout("coverage", "aivo") == ExitCode.PROBLEM
    assert "requirements.yaml" in backout.err


def test_markers_are_found_on_modules_classes_tests_and_parameters() -> None:
    """However a test says what it shows, it is found, and helpers are not tests."""
    found = {node.name: ids for node, ids in covering.marked(ast.parse(MODULE))}

    assert found == {
        "test_both": ("AIVO-R1", "AIVO-R2", "AIVO-R3"),
        "test_inside": ("AIVO-R1", "AIVO-R4"),
    }


def test_without_the_tests_only_the_files_count(aivo: Bundle, tmp_path: Path) -> None:
    """An installed Backout has no tests, and says less instead of failing."""
    assert aivo.requirements
    found = covering.covered(aivo, aivo.requirements, tmp_path / "tests")

    carriers = [carrier for each in found for carrier in each.carriers]
    assert carriers
    assert not [carrier for carrier in carriers if carrier.is_test]


def test_the_markers_of_the_tests_name_ids_that_exist(aivo: Bundle) -> None:
    """A mistyped id in a test would show nothing; each is one of a system's own."""
    assert aivo.requirements
    known = set(aivo.requirements.requirements)
    used = {
        each
        for path in covering.TESTS.rglob("test_*.py")
        for _, ids in covering.marked(ast.parse(path.read_text(encoding="utf-8")))
        for each in ids
        if each.startswith("AIVO-")
    }

    assert used
    assert used - known == set()
