"""`backout actions`, `schemas` and `diagram`."""

import json
from pathlib import Path

from bot.cli import catalogue
from bot.cli.failures import ExitCode
from flows.table import mermaid
from tests.bot.cli.conftest import Cli

MARKED = f"before\n{catalogue.DIAGRAM_START}\nSTALE\n{catalogue.DIAGRAM_END}\nafter\n"


def test_actions_are_listed(backout: Cli) -> None:
    """Every action has a line with its effect; nothing is padded for a pipe."""
    assert backout("actions") == ExitCode.OK
    assert "helm.rollback" in backout.out
    assert all(line == line.rstrip() for line in backout.out.splitlines())
    assert "\x1b[" not in backout.out


def test_one_action_is_shown_in_full(backout: Cli) -> None:
    """Inputs, output and an example that can be copied."""
    assert backout("actions", "kubernetes.scale") == ExitCode.OK
    assert "replicas: integer, required" in backout.out
    assert "uses: kubernetes.scale" in backout.out


def test_an_unknown_action_names_the_near_ones(backout: Cli) -> None:
    """A misspelt action is wrong usage."""
    assert backout("actions", "helm.rolback") == ExitCode.USAGE
    assert "helm.rollback" in backout.err


def test_actions_as_json_carry_the_inputs(backout: Cli) -> None:
    """Scripts get names, types and defaults."""
    assert backout("actions", "kubernetes.scale", "--json") == ExitCode.OK
    action = json.loads(backout.out)
    assert action["effect"] == "interrupts"
    assert {each["name"] for each in action["inputs"]} >= {"names", "replicas"}


def test_the_diagram_is_the_tables(backout: Cli) -> None:
    """`backout diagram` prints what the machine is built from."""
    assert backout("diagram") == ExitCode.OK
    assert backout.out == mermaid()


def test_the_diagram_replaces_the_old_one(backout: Cli, tmp_path: Path) -> None:
    """Only what stands between the markers is written again."""
    file = tmp_path / "page.md"
    file.write_text(MARKED, encoding="utf-8")

    assert backout("diagram", "--write", str(file)) == ExitCode.OK
    text = file.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert mermaid() in text
    assert "STALE" not in text


def test_a_page_without_markers_is_left_alone(backout: Cli, tmp_path: Path) -> None:
    """Where there is no place for the diagram, nothing is overwritten."""
    file = tmp_path / "page.md"
    file.write_text("nothing here\n", encoding="utf-8")

    assert backout("diagram", "--write", str(file)) == ExitCode.PROBLEM
    assert file.read_text(encoding="utf-8") == "nothing here\n"


def test_a_missing_page_is_named(backout: Cli, tmp_path: Path) -> None:
    """A wrong path is one line, no traceback."""
    assert backout("diagram", "--write", str(tmp_path / "no.md")) == ExitCode.PROBLEM
    assert "no.md: No such file or directory" in backout.err


def test_schemas_are_written_one_a_kind(backout: Cli, tmp_path: Path) -> None:
    """Editors get a file for each kind of file."""
    assert backout("schemas", "--write", str(tmp_path / "schemas")) == ExitCode.OK
    names = {path.name for path in (tmp_path / "schemas").iterdir()}
    kinds = ("system", "people", "policy", "procedure", "requirements")
    assert names == {f"{kind}.json" for kind in kinds}
