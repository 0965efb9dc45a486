"""Contracts between the documents and the program: what they name is there, and current."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from adapters.reference import markdown
from adapters.registry import ActionRegistry
from bot.cli import catalogue, covering
from bot.cli.app import app
from bot.cli.failures import ExitCode
from config.loader import load_systems
from config.settings import PACKAGED, Settings
from flows.table import mermaid

pytestmark = pytest.mark.contract

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
COMMAND = re.compile(
    r"(?:`|^ {4,}|\bthen )(?:venv/bin/|/opt/backout/venv/bin/)?backout ([^`\n#;|]+)", re.M
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)")
ROW = re.compile(r"^\| `([A-Z_]+)` \| (.*?) \|", re.M)
LATER = {"images/demo.png"}  # taken from the finished demo


def _read(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def _name(document: Path) -> str:
    return str(document.relative_to(ROOT))


def _group() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def _unknown(words: list[str]) -> Iterator[str]:
    """Yield the words of a command line that the program would not understand."""
    group = _group()
    command: Any = group  # a group or a command: typer's own classes share what we use
    for word in words:
        if isinstance(command, TyperGroup) and not word.startswith("-"):
            found = command.commands.get(word)
            if found is None:
                yield word
                return
            command = found
        elif word.startswith("--"):
            names = {name for each in command.params for name in [*each.opts, *each.secondary_opts]}
            own = {name for each in group.params for name in each.opts}
            if word.partition("=")[0] not in names | own:
                yield word


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_documented_command_exists(document: Path) -> None:
    """A reader who copies a command from a document gets what it promises."""
    for found in COMMAND.finditer(_read(document)):
        words = [word.strip("[]()\"',.") for word in found[1].split()]
        assert list(_unknown(words)) == [], f"backout {found[1].strip()}"


def test_every_command_is_documented() -> None:
    """Nobody has to read --help to learn that a command is there."""
    told = _read(ROOT / "docs" / "operations.md")

    for name in _group().commands:
        assert f"`backout {name}" in told, name


def test_every_exit_code_is_documented() -> None:
    """The codes are a contract with scripts."""
    told = _read(ROOT / "docs" / "operations.md")

    assert re.findall(r"^\| (\d) \|", told, re.M) == [str(int(code)) for code in ExitCode]


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """A link inside the repository names a file that is there."""
    links = [found[1] for found in LINK.finditer(_read(document)) if "://" not in found[1]]

    missing = [link for link in links if not (document.parent / link).exists()]
    assert [link for link in missing if link.removeprefix("docs/") not in LATER] == []


def test_the_diagram_is_the_tables() -> None:
    """The diagram in the docs is generated from the table; `make docs` writes it again."""
    text = _read(ROOT / "docs" / "architecture.md")

    assert catalogue.with_diagram(text, mermaid()) == text


def test_the_reference_of_actions_is_current() -> None:
    """docs/reference/actions.md is what `backout actions --markdown` prints."""
    assert _read(ROOT / "docs" / "reference" / "actions.md") == markdown(ActionRegistry().all())


def test_the_pages_of_the_systems_are_current() -> None:
    """docs/systems/ says what the files and the tests say; `make docs` writes it again."""
    bundles = [each for each in load_systems(PACKAGED) if each.requirements]

    assert bundles
    for bundle in bundles:
        assert bundle.requirements
        found = covering.covered(bundle, bundle.requirements, covering.TESTS)
        page = covering.page(bundle, bundle.requirements, found)
        assert _read(ROOT / "docs" / "systems" / f"{bundle.system.system}.md") == page


def test_every_variable_is_documented_with_its_default() -> None:
    """The table of the environment names every setting, no other, and the defaults that hold."""
    rows = dict(ROW.findall(_read(ROOT / "docs" / "configuration.md")))
    defaults = {}
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        name = alias if isinstance(alias, str) else alias.choices[0]  # type: ignore[union-attr]
        defaults[str(name)] = field.default if field.default_factory is None else None

    assert set(rows) == set(defaults)
    for name, default in defaults.items():
        if isinstance(default, str | int):
            assert rows[name] == f"`{default}`", name


def test_every_decision_is_in_the_index() -> None:
    """A decision that nobody finds was not made."""
    folder = ROOT / "docs" / "decisions"
    index = _read(folder / "README.md")

    for page in folder.glob("[0-9]*.md"):
        assert f"({page.name})" in index, page.name
