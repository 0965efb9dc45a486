"""`backout serve` and `backout demo`."""

import asyncio
import gc
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli import ground
from bot.cli.failures import ExitCode

if TYPE_CHECKING:
    from config.settings import Settings


def serve() -> ExitCode:
    """Run the bot until SIGTERM or SIGINT; a second one ends the draining, too."""
    gc.disable()  # until it is ready: nothing that a start makes is garbage
    from bot import logs

    settings = ground.settings()
    settings.require_slack()
    logs.setup(settings.log_level, environment=os.environ)
    asyncio.run(_until_told(settings))
    return ExitCode.OK


async def _until_told(settings: "Settings") -> None:
    from bot import wiring

    bot = asyncio.create_task(wiring.run(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, bot.cancel)
    try:
        await bot
    except asyncio.CancelledError:
        if not bot.cancelled():
            raise


def demo(*, port: int, browser: bool, speed: float, data: Path | None) -> ExitCode:
    """Run the demo until Ctrl-C."""
    from bot import demo as demos

    options = demos.Options(port=port, browser=browser, speed=speed, data=data)
    return asyncio.run(demos.run(options))
