"""A Helm that outlives the bot, and whether it is still alive.

Called by `attempts`.  A rollback that is under way must not die with the bot, whether by Ctrl-C,
by SIGKILL or by a hold.
"""

import asyncio
import contextlib
import fcntl
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from adapters.helm import errors

LARGEST_LOG = 64 * 1024


class Detached:
    """A command that outlives the bot, with its output in a file.

    Its own session keeps a terminal's Ctrl-C away from it.  It writes to a file, because writing
    to the pipe of a dead bot would end it with SIGPIPE half-way.  It is no asyncio process,
    because asyncio kills its children when the loop closes.  The file is locked for as long as the
    command has it open, which another process of this machine can see.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[int] = self._loop.create_future()
        threading.Thread(target=self._wait, name="helm", daemon=True).start()

    @classmethod
    def start(cls, line: Sequence[str], env: dict[str, str], log: Path) -> "Detached":
        """Start it; raise `PermanentError` where the command is not there."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            fcntl.flock(output, fcntl.LOCK_SH)
            try:
                process = subprocess.Popen(
                    line,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=env,
                    start_new_session=True,
                )
            except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
                raise errors.missing_binary(line[0]) from error
        return cls(process, log)

    def said(self) -> str:
        """Return the end of what it wrote."""
        with self._log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(log.tell() - LARGEST_LOG, 0))
            return log.read().decode(errors="replace")

    def _wait(self) -> None:
        status = self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._tell, status)

    def _tell(self, status: int) -> None:
        if not self.ended.done():
            self.ended.set_result(status)


def alive(log: Path) -> bool:
    """Say whether a command that writes to this file is still at work on this machine."""
    try:
        with log.open("rb") as found:
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
