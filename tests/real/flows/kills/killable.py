"""A stage whose bot is a process that is killed, and started again, until its fate is fulfilled."""

from __future__ import annotations

import asyncio
import pickle
from contextlib import suppress
from pathlib import Path
from typing import cast

from config.models.bundles import Bundle
from flows.embedded import EmbeddedEngine
from flows.states import State, StepState
from tests.real.flows.kills.bots import BUNDLE, SAID, Notes
from tests.real.flows.kills.fates import Fate
from tests.real.flows.kills.remote import Remote
from tests.real.flows.stage import Stage

LOOK = 0.005


class Killable(Stage):
    """One incident of AIVO, and many lives of the bot."""

    def __init__(
        self, folder: Path, bundle: Bundle, zygote: Path, fate: Fate, forgets: str = ""
    ) -> None:
        (folder / BUNDLE).write_bytes(pickle.dumps(bundle))
        self.fate = fate
        self.remote = Remote(folder, zygote, fate, forgets)
        self.notes = Notes(folder / SAID)
        super().__init__(folder, bundle, self.notes)

    def wake(self) -> None:
        """Start the first bot, and somebody who starts the next one."""
        self.engine = cast(EmbeddedEngine, self.remote)  # as much of it as a stage uses
        self.remote.start()
        self._undertaker = asyncio.create_task(self._bury())

    async def close(self) -> None:
        """Kill the last bot."""
        self._undertaker.cancel()
        with suppress(asyncio.CancelledError, AssertionError):
            await self._undertaker
        self.remote.close()

    async def _bury(self) -> None:
        """Start a bot after each death, sometimes at once; the estate goes on meanwhile."""
        while True:
            await asyncio.sleep(LOOK)
            if self.remote.dead:
                self.remote.check()
                await asyncio.sleep(self.fate.rest())
                if self.remote.dead:  # or else somebody had something to say
                    self.remote.start()

    async def fulfilled(self, left: int = 0) -> None:
        """Wait until no more than so many deaths are left."""
        run = await self.until(
            lambda run: self.fate.left <= left or run.ended or run.state is State.HOLD
        )
        assert self.fate.left <= left, (run.state, run.held, self.fate.deaths)

    async def asked(self, step: str) -> None:
        """Wait until a step's own gate is asked; fail at once where it holds."""
        run = await self.until(
            lambda run: run.steps[step].state is StepState.WAITING or run.state is State.HOLD
        )
        assert run.state is not State.HOLD, run.held
