"""Run one server, and end it when whoever started it goes away, however that happened.

`sandbox.school.processes` runs this as a script of its own, so it imports nothing of ours.  Its
standard input is the life line: the kernel closes the other end even after SIGKILL.

    guard.py SIGNAL GRACE USER command …        USER "" changes nothing
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import threading


def main(number: int, grace: float, user: str, command: list[str]) -> int:
    """Run the command until it ends, or is asked to because the life line did."""
    program = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        user=user or None,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
    )

    def watch() -> None:
        while os.read(0, 1024):
            pass
        program.send_signal(number)
        try:
            program.wait(grace)
        except subprocess.TimeoutExpired:
            program.kill()

    threading.Thread(target=watch, daemon=True).start()
    return program.wait()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:]))
