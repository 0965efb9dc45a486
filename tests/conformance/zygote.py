"""A process in which everything is imported, and nothing runs: each connection becomes a bot.

    python -m tests.conformance.zygote SOCKET

A bot is forked, so that a start costs what it reads, and not what it imports.  Started by
`tests.real.processes.running`, whose guard ends what is left.
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

PRELOADED = ("adapters.clients", "yoyo", "procrastinate", "psycopg", "psycopg_pool")


def prepare() -> None:
    """Import everything, and use once what is slow at its first use."""
    for name in PRELOADED:
        importlib.import_module(name)
    importlib.import_module("tests.conformance.bots")
    importlib.import_module("flows.codec").warm_up()
    importlib.import_module("tests.conformance.systems").bundles(1)
    expressions = importlib.import_module("config.expressions")  # cel-python takes half a second
    expressions.evaluate_condition(expressions.compile_expression("1 < 2"), {})
    gc.collect()
    gc.freeze()


def become_bot(connection: socket.socket) -> None:
    """Live in this process, which is a fork; tell of what it died, if it is not killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    bots = importlib.import_module("tests.conformance.bots")
    connection.sendall(json.dumps({"born": os.getpid()}).encode() + b"\n")
    try:
        asyncio.run(bots.live(connection))
    except BaseException as error:  # noqa: BLE001 whoever leads it reads why
        sys.stderr.write(traceback.format_exc())
        died = {"died": type(error).__name__, "why": str(error)}
        connection.setblocking(True)
        connection.sendall(json.dumps(died).encode() + b"\n")


def main(path: str) -> None:
    """Serve for ever."""
    prepare()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever is killed is gone at once
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                become_bot(connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
