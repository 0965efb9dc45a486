"""`backout serve` and `backout demo`."""

import asyncio
from pathlib import Path

from bot.cli.failures import ExitCode


def demo(*, port: int, browser: bool, speed: float, data: Path | None) -> ExitCode:
    """Run the demo until Ctrl-C."""
    from bot import demo as demos

    options = demos.Options(port=port, browser=browser, speed=speed, data=data)
    return asyncio.run(demos.run(options))
