"""`python -m bot.demo_bot PAGE`: the bot of the demo, started by `bot.demo`.

Wired as `backout serve` wires it, but for two things: its clock is the one on the sandbox's wall,
which the page can hurry, and it listens on this machine only.
"""

import asyncio
import logging
import os
import sys

from bot import logs, wiring
from bot.cli import ground
from bot.cli.running import until_told
from bot.demo_clock import WallClock
from config.settings import Settings

log = logging.getLogger("bot.demo_bot")  # __name__ is __main__
HOST = "127.0.0.1"


async def run(settings: Settings, page: str) -> None:
    """Run until cancelled."""
    clock = WallClock(page)
    await clock.read()
    wired = wiring.running(settings, clock=clock.now, elapsed=clock.elapsed, host=HOST)
    async with wired as bot:
        log.info("ready: %d open incidents", len(bot.core.engine.runs()))
        await clock.follow(bot.core.engine.wake)


def main() -> None:
    """Run the bot until SIGTERM or SIGINT."""
    page = sys.argv[1]
    settings = ground.settings()
    logs.setup(settings.log_level, environment=os.environ)
    asyncio.run(until_told(run(settings, page)))


if __name__ == "__main__":
    main()
