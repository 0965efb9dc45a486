"""`redis.ping`: whether a cache answers."""

import asyncio
from typing import ClassVar

from pydantic import Field

from adapters.redis import caches
from config.models.base import Identifier, Model
from config.models.systems import System
from flows.actions import (
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    Permission,
    Reading,
    TransientError,
    Verdict,
)

LOOK_AGAIN = 2.0


class RedisPingInputs(Model):
    """Which cache."""

    cache: Identifier = Field(description="Name in connections.caches.")


class RedisPingOutput(Model):
    """What was seen."""

    ok: bool
    keys: int = Field(description="Keys in the database of the cache's address.")
    latency_ms: float = Field(description="Milliseconds of one PING on an open connection.")


class RedisPing(Reading[RedisPingInputs]):
    """Connect to a cache, over TLS where its address says so, and see that it answers.

    Answered: holds.  Away, silent, or still loading its data: not yet, unknown, without output.

    Effect: reads.  Units: milliseconds, keys.  Errors: permanent for a cache that system.yaml does
    not have, a wrong password, a certificate that is not trusted, and a user that may not ask.
    """

    uses: ClassVar[str] = "redis.ping"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = RedisPingInputs
    Output: ClassVar[type[Model]] = RedisPingOutput
    example: ClassVar[JsonObject] = {"cache": "main"}

    def permissions(self, inputs: RedisPingInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: being let in is all that it takes."""
        return ()

    def describe(self, inputs: RedisPingInputs) -> str:
        """Say what is asked."""
        return f"Ask the cache {inputs.cache} whether it answers"

    async def look(self, inputs: RedisPingInputs, context: Context) -> Verdict:
        """Ask once."""
        clock = asyncio.get_running_loop().time
        try:
            async with caches.opened(context, inputs.cache) as cache:
                keys = int(await cache.read("DBSIZE"))
                began = clock()
                await cache.read("PING")
                latency = round((clock() - began) * 1000, 1)
        except TransientError as error:
            return NotYet(progress=f"unknown: {error}", after=LOOK_AGAIN)
        return Holds(
            summary=f"{inputs.cache} answered in {latency:g} ms",
            output={"ok": True, "keys": keys, "latency_ms": latency},
        )
