"""Where the bots of AIVO's procedures come from, once `tests.zygotes.zygote` has started it.

python -m tests.real.flows.kills.zygote SOCKET
"""

from __future__ import annotations

import importlib
import sys

from tests import zygotes

BOTS = "tests.real.flows.kills.bots"
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


def main(path: str) -> None:
    """Serve for ever, with the one time that people wait for cut short before actions use it."""
    actions = importlib.import_module("flows.actions")
    setattr(actions, "ONE_REQUEST", SETTLED)  # noqa: B010 a constant is replaced on purpose
    zygotes.prepare(*PRELOADED, BOTS)
    importlib.import_module("tests.real.flows.stage").registry()
    zygotes.serve(path, importlib.import_module(BOTS).live)


if __name__ == "__main__":
    main(sys.argv[1])
