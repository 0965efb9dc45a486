"""A rollback outlives the bot: SIGKILL, a closed loop and Ctrl-C leave Helm at work."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.helm.detached import Detached
from flows.actions import PermanentError

SLOW = """#!/bin/sh
echo $$ > "$1/pid"
echo began
while [ ! -e "$1/go" ]; do sleep 0.02; done
echo warning >&2; echo warning >&2
echo done > "$1/done"
"""
BOT = """
import asyncio, os, sys
from pathlib import Path
from adapters.helm.detached import Detached

async def main() -> None:
    folder = Path(sys.argv[1])
    Detached.start([str(folder / "slow"), str(folder)], dict(os.environ), folder / "log")
    while not (folder / "pid").exists():
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    while sys.argv[2] != "closes":  # a signal just before select() is seen after it only
        await asyncio.sleep(0.05)

asyncio.run(main())
"""


def until(found: Path) -> None:
    """Wait for a file."""
    ends = time.monotonic() + 30
    while not found.exists():
        assert time.monotonic() < ends, f"{found.name} did not appear"
        time.sleep(0.01)


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A command that works until it is told to go on."""
    command = tmp_path / "slow"
    command.write_text(SLOW)
    command.chmod(0o755)
    return command


@pytest.mark.crash
@pytest.mark.parametrize("end", ["killed", "interrupted", "closes"])
def test_helm_finishes_though_the_bot_ends(slow: Path, tmp_path: Path, end: str) -> None:
    """However the bot ends, the command writes on, meets no broken pipe, and finishes."""
    bot = subprocess.Popen(
        [sys.executable, "-c", BOT, str(tmp_path), end],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with bot:
        assert bot.stdout is not None
        assert bot.stdout.readline() == b"ready\n"
        if end == "killed":
            bot.kill()
        elif end == "interrupted":
            os.killpg(bot.pid, signal.SIGINT)
        bot.wait()
    (tmp_path / "go").touch()
    until(tmp_path / "done")
    assert (tmp_path / "log").read_text().startswith("began\n")


async def test_end_and_words_are_known(slow: Path, tmp_path: Path) -> None:
    """The status and the end of the output are known when it ends."""
    (tmp_path / "go").touch()
    helm = Detached.start([str(slow), str(tmp_path)], dict(os.environ), tmp_path / "logs" / "log")
    async with asyncio.timeout(30):
        assert await helm.ended == 0
    assert helm.said() == "began\nwarning\nwarning\n"


async def test_missing_command(tmp_path: Path) -> None:
    """A command that is not there is a permanent error."""
    with pytest.raises(PermanentError, match="not on PATH"):
        Detached.start([str(tmp_path / "no-helm")], {}, tmp_path / "log")
