"""The actions of the bots that are killed: they change the estate of `estates`, one way each.

`put` is idempotent and can be undone; `strike` can't be repeated without harm; `work` goes on for a
while after it was begun; `look` only looks.  How an answer fares is an input, so that the plan says
it: it comes late, it is lost, or the effect lands after whoever asked for it has died.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    Permission,
    Preview,
    Reading,
    Refuted,
    TransientError,
    UnknownActionError,
    UnknownOutcomeError,
    Verdict,
)
from tests.conformance import points

Json = Any
SETTLE = 0.4  # seconds; on a socket of this machine nothing takes so long
POLL = 0.05


class Wanted(Model):
    """What to set, to what, and how the answer fares; times are seconds."""

    name: str
    to: str = "done"
    lands_after: float = 0.0
    answered_after: float = 0.0
    answer_lost_times: int = 0
    takes: float = 0.0


class Nothing(Model):
    """No output."""


class World:
    """How a bot reaches the estate."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def ask(self, verb: str, **asked: Json) -> Json:
        """Ask for something.  Raises `UnknownOutcomeError` where the answer is lost."""
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._path))
        except OSError as error:
            raise TransientError(f"the estate can't be reached: {error}", delay=0.1) from error
        try:
            line = json.dumps({"verb": verb, "pid": os.getpid(), **asked}).encode() + b"\n"
            writer.write(line[:-1])
            await writer.drain()
            if verb not in ("look", "find"):
                points.at(f"call: {verb}, half of it is sent")
            writer.write(line[-1:])  # no drain: the answer may be there, and the connection closed
            answer = await reader.readline()
        except OSError as error:
            raise UnknownOutcomeError(f"the connection broke: {error}") from error
        finally:
            writer.close()
        if not answer:
            raise UnknownOutcomeError("no answer")
        return json.loads(answer)


class Put(Action):
    """Set a value; absolute, so that a repeat does no harm."""

    uses = "estate.put"
    verb = "put"
    effect = Effect.CHANGES
    undoable = True
    settle = SETTLE
    Inputs = Wanted
    Output = Nothing
    example: ClassVar[JsonObject] = {"name": "release"}

    def __init__(self, world: World) -> None:
        self.world = world

    def name(self, inputs: Wanted, context: Context) -> str:
        """Return what is changed: each run has things of its own."""
        return f"{context.incident}:{inputs.name}"

    def permissions(self, inputs: Wanted, system: System) -> tuple[Permission, ...]:
        """Need nothing."""
        return ()

    async def preview(self, inputs: Wanted, context: Context) -> Preview:
        """Say what would change."""
        now = (await self._seen(inputs, context))["value"]
        return Preview(
            summary=f"{inputs.name} becomes {inputs.to}",
            fingerprint="" if now == inputs.to else now,
            changes=(Change(subject=inputs.name, before=now, after=inputs.to),),
            in_place=now == inputs.to,
            touches=1,
        )

    async def capture(self, inputs: Wanted, context: Context) -> JsonObject:
        """Remember what is there."""
        return {"was": (await self._seen(inputs, context))["value"]}

    async def apply(self, inputs: Wanted, captured: JsonObject, context: Context) -> None:
        """Do it."""
        points.at(f"call: before {self.verb}")
        plain = inputs.model_dump(exclude={"name"})
        name = self.name(inputs, context)
        await self.world.ask(self.verb, key=context.key, name=name, **plain)
        points.at(f"call: after {self.verb}")

    async def verify(self, inputs: Wanted, captured: JsonObject, context: Context) -> Verdict:
        """Look."""
        seen = await self._seen(inputs, context)
        if seen["value"] != inputs.to:
            return Refuted(why=f"{inputs.name} is “{seen['value']}”")
        if seen["left"]:
            return NotYet(progress=f"{seen['left']:.1f} s are left", after=POLL)
        return Holds(summary=f"{inputs.name} is {inputs.to}", output={})

    async def undo(self, inputs: Wanted, captured: JsonObject, context: Context) -> str:
        """Put it back."""
        was = str(captured["was"])
        name = self.name(inputs, context)
        points.at("call: before undo")
        await self.world.ask("undo", key=context.key, name=name, to=was)
        points.at("call: after undo")
        return f"{inputs.name} is “{was}” again"

    async def _seen(self, inputs: Wanted, context: Context) -> Json:
        try:
            return await self.world.ask("look", name=self.name(inputs, context))
        except UnknownOutcomeError as error:
            raise TransientError(str(error), delay=0.1) from error


class Strike(Put):
    """Do something that can't be taken back, and that must not be done twice."""

    uses = "estate.strike"
    verb = "strike"
    effect = Effect.DESTROYS
    undoable = False
    idempotent = False


class Work(Put):
    """Begin something that goes on for a while; idempotent under its name."""

    uses = "estate.work"
    verb = "start"


class Look(Reading[Wanted]):
    """Look whether something is there."""

    uses = "estate.look"
    Inputs = Wanted
    Output = Nothing
    example: ClassVar[JsonObject] = {"name": "release"}

    def __init__(self, world: World) -> None:
        self.world = world

    def permissions(self, inputs: Wanted, system: System) -> tuple[Permission, ...]:
        """Need nothing."""
        return ()

    def describe(self, inputs: Wanted) -> str:
        """Say what is looked at."""
        return f"look at {inputs.name}"

    async def look(self, inputs: Wanted, context: Context) -> Verdict:
        """Look."""
        try:
            seen = await self.world.ask("look", name=f"{context.incident}:{inputs.name}")
        except UnknownOutcomeError as error:
            raise TransientError(str(error), delay=0.1) from error
        value = seen["value"] or "bad"
        if inputs.to in ("anything", value):
            return Holds(summary=f"{inputs.name} is {value}", output={"value": value})
        return NotYet(progress=f"{inputs.name} is {value}", after=POLL, output={"value": value})


@dataclass(frozen=True, slots=True)
class Registry:
    """Names to actions."""

    actions: Mapping[str, Action]

    def find(self, uses: str) -> Action:
        """Return the action."""
        if uses not in self.actions:
            raise UnknownActionError(f"{uses} is not known")
        return self.actions[uses]


def registry(world: World) -> Registry:
    """Return the actions on a world."""
    return Registry({a.uses: a for a in (Put(world), Strike(world), Work(world), Look(world))})
