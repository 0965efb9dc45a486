"""Nothing waits for ever: whoever opens a connection says how long an answer may take."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import adapters
import bot
import config
import flows

pytestmark = pytest.mark.contract
PACKAGES = (adapters, bot, config, flows)
BOUNDED = {
    "ClientSession": {"timeout"},
    "AsyncWebClient": {"timeout"},
    "AsyncWebhookClient": {"timeout"},
    "AsyncClient": {"timeout"},
    "create_connection": {"timeout"},
    "ConnectionPool.from_url": {"socket_timeout", "socket_connect_timeout"},
    "config.Config": {"connect_timeout", "read_timeout"},
    "urlopen": {"timeout"},
    "subprocess.run": {"timeout"},
    "check_output": {"timeout"},
}
"""What opens connections or waits for programs, and the arguments that bound it."""
UNWELCOME = ("requests", "urllib3", "urllib.request", "http.client", "telnetlib", "ftplib")
"""Libraries whose calls wait for ever unless each one says otherwise."""


def files() -> Iterator[tuple[Path, ast.Module]]:
    """Yield every module of the product, parsed."""
    for package in PACKAGES:
        for folder in package.__path__:
            for path in sorted(Path(folder).rglob("*.py")):
                yield path, ast.parse(path.read_text(encoding="utf-8"))


def lacking(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and name of each call that lacks its bounds; `**more` may hold them."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        given = {each.arg for each in node.keywords}
        for ending, wanted in BOUNDED.items():
            if (name == ending or name.endswith(f".{ending}")) and not wanted <= given:
                yield node.lineno, name


def test_every_connection_has_its_time() -> None:
    """A call without a timeout holds a run up for as long as the other side likes."""
    found = [f"{path}:{line} {name}" for path, tree in files() for line, name in lacking(tree)]
    assert found == []


def test_no_library_is_used_that_waits_for_ever() -> None:
    """Their default is no timeout at all."""
    found = [
        f"{path}:{node.lineno}"
        for path, tree in files()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _imported(node)
        if name.startswith(UNWELCOME)
    ]
    assert found == []


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{each.name}" for each in node.names] + [node.module or ""]
    return [each.name for each in node.names]


def test_a_call_without_a_timeout_is_found() -> None:
    """The search sees what it is for."""
    lines = ("aiohttp.ClientSession()", "aiohttp.ClientSession(timeout=t)", "urlopen(u)")
    tree = ast.parse("\n".join(lines))
    assert [line for line, _ in lacking(tree)] == [1, 3]
