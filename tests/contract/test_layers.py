"""The import contracts hold, and would notice if they did not."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bot", "flows", "adapters", "config", "sandbox")
# pydantic_core is pydantic's other half: each release asks for exactly one version of it.
NOT_DECLARED = {*PACKAGES, "pydantic_core"}
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


def project() -> dict[str, Any]:
    """Read pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def contracts() -> list[dict[str, Any]]:
    """Read the import contracts."""
    return list(project()["tool"]["importlinter"]["contracts"])


def core_modules() -> list[str]:
    """Read the core's modules from the contract that keeps them pure."""
    (core,) = (contract for contract in contracts() if contract["id"] == "core-pure")
    return list(core["source_modules"])


@cache
def modules() -> list[tuple[str, ast.Module]]:
    """Parse every module of the packages, under its dotted name."""
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    return [
        (
            ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"),
            ast.parse(file.read_text(encoding="utf-8")),
        )
        for file in files
    ]


def loaded_by_name(tree: ast.Module) -> set[str]:
    """Find what a module loads late: import_module("x.y"), also when handed to a thread."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    late = [call for call in calls if any(named(part) for part in (call.func, *call.args))]
    return {
        part.value.split(".")[0]
        for call in late
        for part in call.args
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def imported(tree: ast.Module) -> set[str]:
    """Find the packages that a module imports openly, anywhere in it."""
    nodes = list(ast.walk(tree))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in plain | froms}


def named(node: ast.expr) -> bool:
    """Tell whether an expression is import_module itself."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name == "import_module"


def forbids(contract: dict[str, Any], module: str, library: str) -> bool:
    """Tell whether a contract forbids a module to import a library."""
    inside = any(f"{module}.".startswith(f"{source}.") for source in contract["source_modules"])
    excepted = any(
        fnmatchcase(f"{module} -> {library}", pattern.replace("**", "*"))
        for pattern in contract.get("ignore_imports", [])
    )
    return inside and library in contract["forbidden_modules"] and not excepted


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
        ("bot/__init__.py", "import PIL", "Pillow"),
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


def test_what_is_loaded_late_keeps_the_contracts_too() -> None:
    """A library that a module loads by its name is one that it could import openly."""
    late = [(name, library) for name, tree in modules() for library in loaded_by_name(tree)]
    forbidding = [contract for contract in contracts() if contract["type"] == "forbidden"]
    assert late
    assert [pair for pair in late for contract in forbidding if forbids(contract, *pair)] == []


def test_every_library_in_use_is_a_declared_dependency() -> None:
    """No package is used only because another dependency happens to bring it along."""
    lists = [project()["project"]["dependencies"]]
    lists += project()["project"]["optional-dependencies"].values()
    declared = {canonicalize_name(Requirement(line).name) for group in lists for line in group}
    known = packages_distributions()
    used = {
        (name, library)
        for name, tree in modules()
        for library in imported(tree) | loaded_by_name(tree)
        if library not in sys.stdlib_module_names and library not in NOT_DECLARED
    }
    assert used
    assert {
        (name, library)
        for name, library in used
        if declared.isdisjoint(map(canonicalize_name, known.get(library, [library])))
    } == set()


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
