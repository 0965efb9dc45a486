"""Run one program, and end it and all that it started when whoever asked for it goes away.

Started by tests.real.processes as a script of its own, so it imports nothing of ours. Its standard
input is the life line: the kernel closes the other end even when the test session is killed. Then
the program is asked to stop, and what is still there after its grace is killed, with the processes
that it left behind (workers, shims): this process adopts them on Linux.

    guard.py SIGNAL GRACE USER command …        USER "" changes nothing
"""

from __future__ import annotations

import ctypes
import os
import pwd
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

PR_SET_CHILD_SUBREAPER = 36
LOOK = 0.1  # seconds between two looks whether the program has ended by itself


def main(stop: int, grace: float, user: str, command: list[str]) -> int:
    """Run the command until it ends or the life line does; return its exit code."""
    signal.signal(signal.SIGTERM, leave)
    adopt_orphans()
    program = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        user=user or None,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    try:
        while program.poll() is None and not select.select([sys.stdin], [], [], LOOK)[0]:
            pass
        return end(program, stop, grace)
    finally:
        end(program, signal.SIGKILL, grace)
        end_orphans()


def leave(_signal: int, _frame: FrameType | None) -> None:
    """End as if the life line had been cut."""
    sys.exit(1)


def end(program: subprocess.Popen[bytes], how: int, grace: float) -> int:
    """Ask the program to stop, wait, and take no more excuses after the grace (seconds)."""
    if program.poll() is None:
        program.send_signal(how)
    try:
        return program.wait(grace)
    except subprocess.TimeoutExpired:
        program.kill()
        return program.wait()


def adopt_orphans() -> None:
    """Become the parent of what the program's children leave behind (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans() -> None:
    """Kill every process that was adopted; each one's own children are adopted next."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    while children.exists() and (left := children.read_text(encoding="ascii").split()):
        for each in left:
            os.kill(int(each), signal.SIGKILL)
            os.waitpid(int(each), 0)


if __name__ == "__main__":
    sys.exit(abs(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:])))
