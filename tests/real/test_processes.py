"""The bench's own foundation: what a session starts ends with it, whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.real.processes import StartError, answers, free_port, listens, running

pytestmark = pytest.mark.real

SERVER = """
import socket, sys, time
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(300)
"""
DAEMON = "sleep 300 & setsid sleep 301 & echo started; exec sleep 302"
SESSION = """
import sys, time
from pathlib import Path
from tests.real.processes import running, scratch
log = Path(sys.argv[1])
with (
    scratch("killed") as folder,
    running(["sh", "-c", sys.argv[2]], log=log, ready=lambda: "started" in log.read_text()),
):
    print(folder, flush=True)
    time.sleep(60)
"""


def sleepers(log: Path) -> list[psutil.Process]:
    """Return the living processes whose output goes into this log."""
    found = []
    for each in psutil.process_iter():
        try:
            if Path(f"/proc/{each.pid}/fd/1").readlink() == log:
                found.append(each)
        except OSError:
            continue
    return found


def test_a_program_is_ready_inside_and_gone_afterwards(tmp_path: Path) -> None:
    """A server answers inside the block; after it, its port is free again."""
    port = free_port()
    command = [sys.executable, "-c", SERVER, str(port)]
    with running(command, log=tmp_path / "log", ready=lambda: answers(port)) as program:
        assert program.alive()
        assert listens(port)
        assert psutil.Process(program.pid).cmdline() == command
    assert not program.alive()
    assert not listens(port)


def test_a_program_that_ends_early_shows_what_it_said(tmp_path: Path) -> None:
    """The message of a failed start holds the exit code and the last lines."""
    command = ["sh", "-c", "echo no such database >&2; exit 3"]
    with (
        pytest.raises(StartError, match=r"(?s)sh ended with exit code 3.*no such database"),
        running(command, log=tmp_path / "log", ready=lambda: False),
    ):
        pass


def test_a_program_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """After the given seconds the start fails, and the program is gone."""
    log = tmp_path / "log"
    with (
        pytest.raises(StartError, match="was not ready after 0 s"),
        running(["sleep", "300"], log=log, ready=lambda: False, seconds=0.3),
    ):
        pass
    assert sleepers(log) == []


def test_what_a_program_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    """Workers and daemons of the program don't outlive it, even when it crashes."""
    log = tmp_path / "log"
    with running(
        ["sh", "-c", DAEMON], log=log, ready=lambda: "started" in log.read_text()
    ) as program:
        assert len(sleepers(log)) == 4  # with the guard
        program.kill()
        assert sleepers(log) == []


def test_a_program_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    """After its grace a stubborn program ends all the same."""
    log = tmp_path / "log"
    command = ["sh", "-c", "trap '' TERM; echo started; while :; do sleep 0.1; done"]
    with running(command, log=log, ready=lambda: "started" in log.read_text(), grace=0.2):
        pass
    assert sleepers(log) == []


def test_a_killed_session_leaves_nothing_behind(tmp_path: Path) -> None:
    """SIGKILL for the session ends its programs and folders: the kernel cuts their life line."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", SESSION, str(log), DAEMON]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout
        folder = Path(session.stdout.readline().strip())
        assert folder.is_dir()
        assert len(sleepers(log)) == 4
        session.send_signal(signal.SIGKILL)
    while sleepers(log) or folder.exists():
        time.sleep(0.1)


def test_ports_are_given_once() -> None:
    """Two servers of one session never get the same port, nor one that is taken."""
    ports = [free_port() for _ in range(200)]
    assert len(set(ports)) == len(ports)
