"""The demo's own wiring around a world: its overlay, its environment, its clock on the wall."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot import demo_bot
from bot.demo import HOOK, free_port
from bot.demo_estate import Addresses, bot_environment, write_overlay
from config.settings import Settings
from tests.scenario.world.whole import PATIENCE, Edits, Whole, whole


@asynccontextmanager
async def demo(
    folder: Path, *, furnished: bool = False, edits: Edits | None = None
) -> AsyncIterator[Whole]:
    """A world with the bot of the demo in it, told where things are as `backout demo` tells it."""
    async with whole(folder, start=False, speed=1.0, furnished=furnished, edits=edits) as here:
        here.world.estate.wall.fastest = 60.0
        port, _ = free_port(0)
        here.world.pagerduty.webhooks.url = f"http://127.0.0.1:{port}{HOOK}"
        addresses = Addresses.model_validate(here.world.addresses())
        await addresses.install()
        environment = bot_environment(
            {"PATH": os.environ["PATH"]},
            addresses=addresses,
            data=here.data,
            overlay=write_overlay(folder / "overlay.yaml", addresses),
            port=port,
        )
        environment["BACKOUT_SYSTEMS"] = str(folder / "systems")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            settings = Settings.model_validate(environment)
            bot = asyncio.create_task(demo_bot.run(settings, addresses.workspace_page))
            try:
                await here.people.wait_sockets(1, within=PATIENCE)
                yield here
            finally:
                bot.cancel()
                await asyncio.gather(bot, return_exceptions=True)
