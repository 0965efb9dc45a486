"""One use of an action, verb by verb: shared by the tests on the sandbox and on the real thing."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from adapters.registry import ActionRegistry
from flows.actions import Action, Holds, JsonObject, NotYet, Preview, TransientError, Verdict
from tests.adapters.fakes import FakeContext

Json = Any
PATIENCE = 30.0  # seconds that something may stay refused for the moment
Seen = TypeVar("Seen")


class Use:
    """One use of an action in a context, verb by verb."""

    def __init__(
        self, registry: ActionRegistry, context: FakeContext, uses: str, step: str, **inputs: Json
    ) -> None:
        self.action: Action = registry.find(uses)
        self.inputs = self.action.Inputs.model_validate(inputs)
        self.context = context
        self.step = step
        self.captured: JsonObject = {}

    def _enter(self) -> FakeContext:
        self.context.key = f"INC-7/{self.step}/1"
        return self.context

    async def preview(self) -> Preview:
        """Preview."""
        return await self.action.preview(self.inputs, self._enter())

    async def apply(self) -> None:
        """Capture, then apply; again, as the engine does, where nothing was changed."""
        self.captured = await self.action.capture(self.inputs, self._enter())
        self.context.captures = {**self.context.captures, self.step: self.captured}
        await patiently(lambda: self.action.apply(self.inputs, self.captured, self.context))

    async def verify(self) -> Verdict:
        """Look once."""
        return await self.action.verify(self.inputs, self.captured, self._enter())

    async def outcome(self) -> Verdict:
        """Look until the action is sure."""
        while isinstance(verdict := await self.verify(), NotYet):
            await asyncio.sleep(0.02)
        if isinstance(verdict, Holds):
            self.action.Output.model_validate(verdict.output)
        return verdict

    async def undo(self) -> str:
        """Undo; again, as the engine does, where nothing was changed."""
        return await patiently(lambda: self.action.undo(self.inputs, self.captured, self._enter()))


async def patiently(act: Callable[[], Awaitable[Seen]]) -> Seen:
    """Do it until it is not refused for the moment."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return await act()
        except TransientError:
            if time.monotonic() > ends:
                raise
        await asyncio.sleep(0.05)
