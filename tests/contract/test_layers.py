"""The import contracts hold, and would notice if they did not."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bot", "flows", "adapters", "config", "sandbox")
CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}
DOORS = {"open", "print", "input", "exec", "eval", "__import__"}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts over the packages in a folder."""
    lint = "from importlinter.cli import lint_imports_command as lint; lint()"
    return subprocess.run(
        [sys.executable, "-c", lint, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Copy the packages' code, so that a test can break it."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=lambda _, names: [
                name for name in names if "." in name and not name.endswith(".py")
            ],
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def core_modules() -> list[str]:
    """Read the core's modules from the contract that keeps them pure."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (core,) = (contract for contract in contracts if contract["id"] == "core-pure")
    return list(core["source_modules"])


def core_files() -> list[Path]:
    """List the files behind the core's modules."""
    found = []
    for module in core_modules():
        place = ROOT / module.replace(".", "/")
        found += sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    return found


def test_every_layer_imports_only_what_it_may() -> None:
    """The repository as it stands keeps all of its import contracts."""
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("flows/states.py", "import time", "The core has no clock"),
        ("flows/gates.py", "import flows.journal", "The core has no clock"),
        ("config/__init__.py", "import flows.states", "Layers"),
        ("flows/plans.py", "import adapters", "Layers"),
        ("sandbox/__init__.py", "import flows.states", "The sandbox imports nothing"),
        ("adapters/__init__.py", "import sandbox", "What runs in production"),
        ("adapters/__init__.py", "import slack_sdk", "Slack's SDK"),
        ("flows/table.py", "import transitions", "transitions: flows.machine only"),
        ("flows/actions.py", "import sqlite3", "sqlite-utils and sqlite3"),
        ("bot/__init__.py", "import kubernetes.client", "Kubernetes' client"),
        ("bot/__init__.py", "import boto3", "AWS's SDK"),
        ("flows/actions.py", "import httpx", "Other vendors' SDKs"),
        ("config/__init__.py", "import rich", "Terminal and web server"),
        ("bot/__init__.py", "import filelock", "What makes the engine durable"),
        ("flows/actions.py", "import jinja2", "Template and expression languages"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(
    copied: Path, file: str, line: str, contract: str
) -> None:
    """One forbidden import line makes the check fail and names the contract."""
    with (copied / file).open("a", encoding="utf-8") as module:
        module.write(f"\n{line}\n")
    done = lint_imports(copied)
    broken = [row for row in done.stdout.splitlines() if " BROKEN" in row]
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(row.startswith(contract) for row in broken), done.stdout


@pytest.mark.parametrize("file", core_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_reads_no_clock_and_opens_no_door(file: Path) -> None:
    """The core calls neither a clock of datetime nor a builtin that does I/O."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    clocks = {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)} & CLOCKS
    doors = {call.func.id for call in calls if isinstance(call.func, ast.Name)} & DOORS
    assert not clocks | doors


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_modules_is_a_package(package: str) -> None:
    """A folder without __init__.py would escape the import contracts unseen."""
    folders = {file.parent for file in (ROOT / package).rglob("*.py")}
    lacking = [
        str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()
    ]
    assert not lacking
