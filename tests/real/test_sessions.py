"""Whole sessions of the bench: they leave nothing behind, and say what they lacked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.real.bench import assets

# A session within a session, on a machine that is busy.
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
ONE = "tests/real/test_bench.py::test_namespaces_are_apart"
OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly")


@contextmanager
def session(folder: Path, *options: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run pytest on one test of the bench; its temporary files are in `folder`."""
    home = folder / "home"
    home.mkdir()
    own = ("PYTEST_", "BACKOUT_TEST_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", ONE, *OPTIONS, f"--basetemp={folder / 'tmp'}", *options],
        env={**kept, "HOME": str(home), "TMPDIR": str(home), **env},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        yield process


def finished(folder: Path, **env: str) -> tuple[int, str]:
    """Run a session to its end; return its exit code and what it printed."""
    with session(folder, env=env) as process:
        output, _ = process.communicate()
    return process.returncode, output


def present() -> dict[str, str]:
    """Return what tells a session where the programs are; skip where they are not."""
    assets.program("kube-apiserver")
    return {"KUBEBUILDER_ASSETS": str(assets.folder())}


def running(folder: Path) -> list[str]:
    """Return the processes, but pytest, that were started with a file of this folder."""
    found = []
    for each in psutil.process_iter(["cmdline"]):
        command = " ".join(each.info["cmdline"] or ())
        if str(folder) in command and "-m pytest" not in command:
            found.append(command)
    return found


def test_a_session_leaves_nothing_behind(tmp_path: Path) -> None:
    """After it no process runs, and no file is outside of pytest's own folder."""
    seen: set[str] = set()
    with session(tmp_path, env=present()) as process:
        while process.poll() is None:
            seen.update(Path(each.split()[0]).name for each in running(tmp_path))
            time.sleep(0.1)
        assert process.returncode == 0
    assert {"etcd", "kube-apiserver", "kube-controller-manager"} <= seen
    assert running(tmp_path) == []
    assert list((tmp_path / "home").iterdir()) == []


def test_a_killed_session_takes_its_cluster_with_it(tmp_path: Path) -> None:
    """When pytest is killed while its control plane runs, everything ends within seconds."""
    with session(tmp_path, env=present()) as process:
        while not any("kube-controller-manager" in each for each in running(tmp_path)):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    while running(tmp_path):
        time.sleep(0.1)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """Where the machine lacks a program its tests are skipped, and the end says which and why."""
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "kubectl").symlink_to(assets.program("kubectl"))
    code, output = finished(tmp_path, KUBEBUILDER_ASSETS=str(folder), CI="")
    assert (code, "1 skipped" in output) == (0, True)
    section = output.partition("= Not present here =")[2]
    assert f"etcd (it is not in {folder}: run `make assets`)" in section


def test_nothing_may_be_missing_in_ci(tmp_path: Path) -> None:
    """The same is a failure in CI."""
    code, output = finished(tmp_path, KUBEBUILDER_ASSETS=str(tmp_path), CI="true")
    assert (code, "1 error" in output) == (1, True)
    assert "Not present here: kubectl" in output
