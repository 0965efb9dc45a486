"""`backout check`: every mistake is found, with its place."""

import json
import shutil
from pathlib import Path

import pytest

from bot import live
from bot.cli.failures import ExitCode
from bot.findings import Finding
from config.settings import PACKAGED
from tests.bot.cli.conftest import Cli


@pytest.fixture
def systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of AIVO that a test may break."""
    folder = tmp_path / "systems"
    shutil.copytree(PACKAGED / "aivo", folder / "aivo")
    monkeypatch.setenv("BACKOUT_SYSTEMS", str(folder))
    return folder


def _break(file: Path, old: str, new: str) -> int:
    """Replace the first `old` in a file and return its line."""
    before = file.read_text(encoding="utf-8")
    assert old in before
    file.write_text(before.replace(old, new, 1), encoding="utf-8")
    return before[: before.index(old)].count("\n") + 1


def test_the_systems_that_come_along_are_fine(backout: Cli) -> None:
    """What is shipped passes, and says what it does not carry yet."""
    assert backout("check") == ExitCode.OK
    assert "aivo: AIVO Virtual Brain, production" in backout.out
    assert "not complete: " in backout.out
    assert "proposed: " in backout.out


def test_a_misspelt_key_is_shown_with_its_line(backout: Cli, systems: Path) -> None:
    """The place comes first, as compilers print it, and the near word is named."""
    line = _break(systems / "aivo" / "system.yaml", "environment:", "enviroment:")

    assert backout("check") == ExitCode.PROBLEM
    problem = next(each for each in backout.out.splitlines() if "enviroment" in each)
    assert f"system.yaml:{line}:1: unknown key `enviroment`" in problem
    assert "did you mean `environment`?" in problem


def test_a_misspelt_action_is_shown_with_its_line(backout: Cli, systems: Path) -> None:
    """Names of actions are checked against those that there are."""
    line = _break(
        systems / "aivo/procedures/service.yaml", "uses: helm.rollback", "uses: helm.rolback"
    )

    assert backout("check") == ExitCode.PROBLEM
    assert f"service.yaml:{line}:" in backout.out
    assert "did you mean `helm.rollback`?" in backout.out


def test_every_problem_is_reported_at_once(backout: Cli, systems: Path) -> None:
    """Two broken files are two problems, not one after the other."""
    _break(systems / "aivo" / "system.yaml", "environment:", "enviroment:")
    _break(systems / "aivo" / "people.yaml", "title: SRE On-Call", "titel: SRE On-Call")

    backout("check")

    assert "in 2 files." in backout.out


def test_broken_yaml_is_no_traceback(backout: Cli, systems: Path) -> None:
    """A file that is no YAML at all is named with the place where reading stopped."""
    (systems / "aivo" / "system.yaml").write_text("system: [aivo\n", encoding="utf-8")

    assert backout("check") == ExitCode.PROBLEM
    assert "system.yaml:" in backout.out
    assert "Traceback" not in backout.out + backout.err


def test_an_unknown_system_names_the_near_one(backout: Cli) -> None:
    """A misspelt system is wrong usage."""
    assert backout("check", "aivoo") == ExitCode.USAGE
    assert backout.err.startswith("there is no system `aivoo`: did you mean aivo")


def test_an_alias_is_a_name(backout: Cli) -> None:
    """Systems answer to their aliases."""
    assert backout("check", "virtual-brain") == ExitCode.OK


def test_a_missing_folder_is_named(backout: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong BACKOUT_SYSTEMS is a problem of its own."""
    monkeypatch.setenv("BACKOUT_SYSTEMS", "nowhere/systems")

    assert backout("check") == ExitCode.PROBLEM
    assert "nowhere/systems" in backout.out


def test_an_impossible_variable_is_named(backout: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is checked like the files."""
    monkeypatch.setenv("BACKOUT_PORT", "many")

    assert backout("check") == ExitCode.PROBLEM
    assert "PORT" in backout.err


def test_json_has_the_places(backout: Cli, systems: Path) -> None:
    """Scripts get the same, as data."""
    line = _break(systems / "aivo" / "system.yaml", "environment:", "enviroment:")

    assert backout("check", "--json") == ExitCode.PROBLEM
    problem = json.loads(backout.out)["problems"][0]
    assert (problem["place"]["line"], problem["place"]["column"]) == (line, 1)


def test_live_without_a_token_is_a_problem(backout: Cli) -> None:
    """What could not be asked is not fine."""
    assert backout("check", "--live") == ExitCode.PROBLEM
    assert "✗ SLACK_BOT_TOKEN is not set" in backout.out


def test_live_shows_what_was_answered(backout: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every finding is a line; all of them well is exit code 0."""

    async def live_check(*_: object) -> tuple[Finding, ...]:
        return (Finding(ok=True, text="the bot is @backout"),)

    monkeypatch.setattr(live, "live_check", live_check)

    assert backout("check", "--live") == ExitCode.OK
    assert "Outside\n  ✓ the bot is @backout\n" in backout.out
