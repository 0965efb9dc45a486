"""Where the bots of the conformance suite come from, once `tests.zygotes.zygote` has started it.

python -m tests.conformance.zygote SOCKET
"""

from __future__ import annotations

import importlib
import sys

from tests import zygotes

BOTS = "tests.conformance.bots"


def main(path: str) -> None:
    """Serve for ever."""
    zygotes.prepare("adapters.clients", "yoyo", "procrastinate", "psycopg", "psycopg_pool", BOTS)
    importlib.import_module("tests.conformance.systems").bundles(1)
    zygotes.serve(path, importlib.import_module(BOTS).live)


if __name__ == "__main__":
    main(sys.argv[1])
