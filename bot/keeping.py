"""What looks after the record while the bot runs: anchors, and removal by rule.

Built by `bot.wiring`; both are tasks of their own, which nothing else waits for.
"""

import asyncio

from bot.anchoring import Anchoring, places_of
from bot.retaining import Retaining
from bot.stores import evidence_of
from config.settings import Settings
from flows import opening
from flows.engine import Engine
from flows.opening import Place


class Keeping:
    """Anchors and retention of one bot."""

    def __init__(self, settings: Settings, place: Place, engine: Engine) -> None:
        self.anchoring = Anchoring(engine, lambda: opening.journal(place), places_of(settings))
        self.retaining = Retaining(
            engine,
            lambda: opening.journal(place, write=True),
            settings.rules,
            evidence_of(settings),
        )
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        watches = (self.anchoring.watch(), self.retaining.watch())
        self._tasks = [asyncio.create_task(watch) for watch in watches]

    async def close(self) -> None:
        """Stop; what is being written now is written at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
