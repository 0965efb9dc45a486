"""A process in which everything is imported, and nothing runs: each connection becomes a bot.

    python -m tests.real.flows.kills.zygote SOCKET

A bot is forked, so that a start costs what it reads, and not what it imports.  It knows nothing of
those before it.  Started by `tests.real.processes.running`, whose guard ends what is left.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback

SETTLED = 2.0
"""Seconds in which a dead bot's request may still arrive; on the loopback it takes milliseconds."""
PRELOADED = (
    "adapters.aws.accounts",
    "anyio._backends._asyncio",
    "botocore.config",
    "botocore.parsers",
    "botocore.session",
    "cryptography.fernet",
    "encodings.unicode_escape",
    "httpcore",
    "httpx",
    "kubernetes.aio.client",
    "kubernetes.aio.client.rest",
    "kubernetes.aio.config",
    "psycopg",
    "yaml",
)


def prepare() -> None:
    """Import everything, with the one time that people wait for cut short before actions use it."""
    actions = importlib.import_module("flows.actions")
    setattr(actions, "ONE_REQUEST", SETTLED)  # noqa: B010 a constant is replaced on purpose
    for name in PRELOADED:
        importlib.import_module(name)
    importlib.import_module("tests.real.flows.stage").registry()
    importlib.import_module("tests.real.flows.kills.bots")
    importlib.import_module("flows.codec").warm_up()
    expressions = importlib.import_module("config.expressions")  # cel-python takes half a second
    expressions.evaluate_condition(expressions.compile_expression("1 < 2"), {})
    gc.collect()
    gc.freeze()


def become_bot(connection: socket.socket) -> None:
    """Live in this process, which is a fork; tell of what it died, if it is not killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asyncio = importlib.import_module("asyncio")
    bots = importlib.import_module("tests.real.flows.kills.bots")
    try:
        asyncio.run(bots.live(connection))
    except BaseException:  # noqa: BLE001 whoever leads it reads why
        told = json.dumps({"died": traceback.format_exc()})
        os.write(2, f"{told}\n".encode())
        connection.setblocking(True)
        connection.sendall(f"{told}\n".encode())


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
