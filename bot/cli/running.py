"""`backout serve` and `backout demo`."""

import asyncio
import gc
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    as_json = settings.log_format == "json"
    logs.setup(settings.log_level, as_json=as_json, environment=os.environ)
    asyncio.run(_serve(settings))
    return ExitCode.OK


async def _serve(settings: "Settings") -> None:
    from bot import wiring

    await until_told(wiring.run(settings))


async def until_told(running: Coroutine[Any, Any, None]) -> None:
    """Run a bot until SIGTERM or SIGINT."""
    bot = asyncio.create_task(running)
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
