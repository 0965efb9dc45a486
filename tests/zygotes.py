"""Processes in which everything is imported, and nothing runs: each connection becomes a bot.

A bot is forked, so that a start costs what it reads, and not what it imports.  It knows nothing of
those before it.  What bots leave behind ends with the zygote.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real.processes import running, scratch

ROOT = Path(__file__).parents[1]

Live = Callable[[socket.socket], Awaitable[None]]
"""What a bot does, told over its connection, until it is killed or nobody leads it any more."""


@contextmanager
def zygote(module: str) -> Iterator[Path]:
    """Run a module that calls `serve`; lend the socket that bots are asked for."""
    with scratch("zygote") as folder:  # whose path is short enough for a socket
        path = folder / "zygote"
        command = [sys.executable, "-m", module, str(path)]
        with running(command, log=folder / "log", ready=path.exists, cwd=ROOT, seconds=120):
            yield path


def prepare(*modules: str) -> None:
    """Import everything, and use once what is slow at its first use."""
    for name in modules:
        importlib.import_module(name)
    importlib.import_module("flows.codec").warm_up()
    expressions = importlib.import_module("config.expressions")  # cel-python takes half a second
    expressions.evaluate_condition(expressions.compile_expression("1 < 2"), {})
    gc.collect()
    gc.freeze()


def serve(path: str, live: Live) -> None:
    """Let a bot be born of every connection, for ever."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever is killed is gone at once
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _become_bot(connection, live)
                os._exit(0)
            connection.close()


def _become_bot(connection: socket.socket, live: Live) -> None:
    """Live in this process, which is a fork; tell of what it died, if it is not killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _tell(connection, born=os.getpid())
    try:
        asyncio.run(_lived(live, connection))
    except BaseException as error:  # noqa: BLE001 whoever leads it reads why
        sys.stderr.write(traceback.format_exc())
        connection.setblocking(True)
        _tell(connection, died=f"{type(error).__name__}: {error}", trace=traceback.format_exc())


async def _lived(live: Live, connection: socket.socket) -> None:
    await live(connection)


def _tell(connection: socket.socket, **told: object) -> None:
    connection.sendall(json.dumps(told).encode() + b"\n")
