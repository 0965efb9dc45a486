"""`python -m sandbox`: the local Slack, PagerDuty and estate, for `make demo` and for a look."""

from __future__ import annotations

import argparse
import asyncio
import errno
import sys
from pathlib import Path

from sandbox.furnishing import furnish
from sandbox.world import World, serve


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A local Slack, a local PagerDuty and an estate, simulated, on 127.0.0.1 only.",
    )
    parser.add_argument("--port", type=int, default=8400, help="of the workspace and its page")
    parser.add_argument("--estate-port", type=int, default=8401, help="of the estate's servers")
    parser.add_argument("--data", type=Path, default=Path("var/sandbox"), help="a folder to use")
    parser.add_argument("--addresses", type=Path, help="a JSON file to write the addresses to")
    parser.add_argument("--webhook", default="", help="address that PagerDuty tells of answers")
    parser.add_argument("--speed", type=float, default=1.0, help="of the estate's clock")
    parser.add_argument("--seed", type=int, default=7, help="of everything that varies")
    return parser.parse_args()


def main() -> int:
    """Run the sandbox until it is stopped."""
    chosen = _arguments()
    world = World(
        data=chosen.data,
        port=chosen.port,
        estate_port=chosen.estate_port,
        speed=chosen.speed,
        seed=chosen.seed,
        webhook=chosen.webhook,
    )
    furnish(world, chosen.data)
    try:
        asyncio.run(serve(world, addresses=chosen.addresses))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        sys.stderr.write(
            f"Port {chosen.port} or {chosen.estate_port} is taken. Stop what runs there, or choose "
            "others with --port and --estate-port.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
