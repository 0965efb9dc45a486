"""`postgres.ready`: whether a database answers, with room for more."""

import asyncio
from typing import ClassVar

from pydantic import Field

from adapters.postgres import sessions, statements
from adapters.postgres.places import DatabaseInputs
from config.models.base import Model
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


class PostgresReadyInputs(DatabaseInputs):
    """Which database, and what counts as ready."""

    primary: bool = Field(default=True, description="Whether it must take writes.")
    fullest: float = Field(
        default=0.95, gt=0, le=1, description="Largest share of its connections in use."
    )


class PostgresReadyOutput(Model):
    """What was seen."""

    ok: bool
    version: str = Field(description="The server's version, e.g. 15.14.")
    primary: bool = Field(description="Whether it is no standby.")
    connections: int = Field(description="Clients that are connected, without Backout.")
    max_connections: int
    system_identifier: str = Field(description="The cluster's own number, for pinning it.")
    latency_ms: float = Field(description="Milliseconds for connecting and asking.")


class PostgresReady(Reading[PostgresReadyInputs]):
    """Connect to a database and ask it something.

    Connected and as wanted: holds.  A standby where a primary is wanted, or too few connections
    left: not yet, with what was seen.  No connection, no answer: not yet, unknown, without output.

    Effect: reads.  Units: milliseconds, connections.  Errors: permanent for a database that
    system.yaml does not have, one that is not the pinned one, a wrong password and a missing right.
    """

    uses: ClassVar[str] = "postgres.ready"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = PostgresReadyInputs
    Output: ClassVar[type[Model]] = PostgresReadyOutput
    example: ClassVar[JsonObject] = {"database": "main"}

    def permissions(self, inputs: PostgresReadyInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: being let in is all that it takes."""
        return ()

    def describe(self, inputs: PostgresReadyInputs) -> str:
        """Say what is asked."""
        kind = "as a primary" if inputs.primary else "at all"
        return f"Ask the database {inputs.place} whether it answers {kind}"

    async def look(self, inputs: PostgresReadyInputs, context: Context) -> Verdict:
        """Connect once."""
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with sessions.opened(context, inputs.place) as session:
                ((version, most, used),) = await session.ask(statements.STATE)
                identity = session.identity
        except TransientError as error:
            return NotYet(progress=f"unknown: {error}", after=LOOK_AGAIN)
        latency = round((clock() - began) * 1000, 1)
        lacking = []
        if inputs.primary and identity.standby:
            lacking.append("it is a standby")
        if used > inputs.fullest * most:
            lacking.append(f"more than {inputs.fullest:.0%} of its connections are in use")
        output = {
            "ok": not lacking,
            "version": version.split()[0],
            "primary": not identity.standby,
            "connections": used,
            "max_connections": most,
            "system_identifier": identity.system,
            "latency_ms": latency,
        }
        seen = f"{inputs.place} answered in {latency:g} ms, {used} of {most} connections in use"
        if lacking:
            told = f"{seen}; {' and '.join(lacking)}"
            return NotYet(progress=told, after=LOOK_AGAIN, output=output)
        return Holds(summary=seen, output=output)
