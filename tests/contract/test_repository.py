"""What the repository says about itself is true, and nothing of one machine is left in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
# In pieces, so that this file does not hold what it looks for.
MACHINE = re.compile(
    rf"(?<![\w.$}}])/(?:wor[k]|roo[t]|far[m])/|/tm[p]/[a-z]"
    rf"|{re.escape(str(ROOT))}\b|{re.escape(str(Path.home()))}/"
)
HOSTS = ("pypi", "pythonhosted", "npmjs", "golang", "debian", "yarnpkg", "ghcr", "docker")
REGISTRY = re.compile(
    rf"https?://[\w.-]*\b(?:{'|'.join(HOSTS)})\.(?:org|com|io)|(?:extra-)?index-ur[l]|find-link[s]"
)
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
TARGET = re.compile(r"^(?P<name>[a-z-]+):", re.MULTILINE)
MENTION = re.compile(r"`make (?P<name>[a-z-]+)|^ *\$? ?make (?P<line>[a-z-]+)", re.MULTILINE)
PROCESSES = [
    command
    for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    for command in line.partition(":")[2].split("&&")
]
TEXT = {".md", ".py", ".toml", ".txt", ".yaml", ".yml", ".json", ".html", ".css", ".js", ".sh", ""}


@cache
def tracked() -> tuple[Path, ...]:
    """List the text files that git would hand to a clone."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    return tuple(file for file in files if file.suffix in TEXT and file.is_file())


def findings(pattern: re.Pattern[str]) -> list[str]:
    """Name every tracked line in which a pattern occurs."""
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for file in tracked()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]


def groups() -> list[tuple[str, str]]:
    """Pair every dependency with the file of constraints/ that pins it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].items()
    return [
        *(("runtime", line) for line in project["project"]["dependencies"]),
        *(("build", line) for line in project["build-system"]["requires"]),
        *((name, line) for name, lines in extras for line in lines),
    ]


def pins(*names: str) -> dict[str, str]:
    """Read the versions that files of constraints/ pin."""
    found: dict[str, str] = {}
    for name in names:
        for line in (ROOT / "constraints" / f"{name}.txt").read_text().splitlines():
            if match := PIN.match(line):
                found[canonicalize_name(match["name"])] = match["version"]
    return found


def test_no_file_names_a_place_of_one_machine() -> None:
    """No tracked file holds a path that exists on one person's machine only."""
    assert findings(MACHINE) == []


def test_no_file_names_a_package_registry() -> None:
    """No tracked file sends anybody to a particular index or mirror."""
    assert findings(REGISTRY) == []


@pytest.mark.parametrize(("group", "line"), groups())
def test_every_dependency_is_pinned_inside_its_bounds(group: str, line: str) -> None:
    """Each dependency of pyproject.toml has a pin that its own bounds allow (else: make pins)."""
    wanted = Requirement(line)
    version = pins("runtime", group).get(canonicalize_name(wanted.name))
    assert version is not None
    assert wanted.specifier.contains(version)


@pytest.mark.parametrize("file", sorted((ROOT / "constraints").glob("*.txt")), ids=lambda f: f.stem)
def test_every_pin_has_hashes_and_no_address(file: Path) -> None:
    """A pin is a name, a version and its hashes: nothing says where to download it from."""
    text = file.read_text(encoding="utf-8")
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert "://" not in text
    assert entries
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_changelog_has_a_place_for_what_is_not_released_yet() -> None:
    """The changelog opens with Unreleased and says something there."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    head, _, rest = text.partition("## [Unreleased]")
    assert "Keep a Changelog" in head
    assert re.search(r"^### (Added|Changed|Fixed|Removed)\n\n- ", rest, re.MULTILINE)


@pytest.mark.parametrize("started", PROCESSES)
def test_every_process_of_the_procfile_is_a_command(started: str) -> None:
    """What the Procfile starts exists and explains itself."""
    program, command = started.split()
    entry = f"import sys; from bot.cli import main; sys.argv = ['{program}', '{command}', '--help']"
    done = subprocess.run(
        [sys.executable, "-c", f"{entry}; main()"], capture_output=True, text=True, check=False
    )
    assert program == "backout"
    assert done.returncode == 0, done.stderr
    assert command in done.stdout


def test_every_make_target_that_a_document_names_exists() -> None:
    """Readers can run every `make` command that a page shows them."""
    targets = {m["name"] for m in TARGET.finditer((ROOT / "Makefile").read_text(encoding="utf-8"))}
    pages = [file for file in tracked() if file.suffix == ".md"]
    named = {
        (match["name"] or match["line"], str(page.relative_to(ROOT)))
        for page in pages
        for match in MENTION.finditer(page.read_text(encoding="utf-8"))
    }
    assert {(name, page) for name, page in named if name not in targets} == set()


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_readme_leads_with_two_commands(target: str) -> None:
    """A newcomer finds the demo and the tests on the first page."""
    assert f"make {target}" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "file", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda f: str(f.relative_to(ROOT))
)
def test_every_test_says_what_it_shows(file: Path) -> None:
    """Each test opens with one sentence in the reader's words."""
    lacking = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            sentence = (ast.get_docstring(node) or "").strip()
            if node.name.startswith("test_") and not sentence.endswith("."):
                lacking.append(node.name)
    assert lacking == []
