"""`postgres.wait_quiescent`: until everybody who could write has finished."""

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from adapters.postgres import roles, sessions, statements
from adapters.postgres.drivers import Row
from adapters.postgres.places import DatabaseInputs
from adapters.values import Names, count, listed
from config.models.base import Duration, Model
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


class PostgresWaitQuiescentInputs(DatabaseInputs):
    """Whose transactions have to be over, and how sure that must be."""

    roles: Annotated[Names, Field(min_length=1, description="Roles that can write, by name.")]
    times: int = Field(default=3, ge=1, le=10, description="Looks in a row that must find none.")
    every: Duration = Field(
        default=timedelta(seconds=1), le=timedelta(seconds=2), description="Between two looks."
    )


class PostgresWaitQuiescentOutput(Model):
    """What was seen at the last look."""

    ok: bool
    open: int = Field(description="Open transactions, prepared ones among them.")
    transactions: tuple[str, ...] = Field(description="Who has them, the oldest first; at most 20.")


class PostgresWaitQuiescent(Reading[PostgresWaitQuiescentInputs]):
    """Wait until these roles have no transaction open, several looks in a row.

    Counts the sessions of other backends whose transaction is open, also while they idle in it, and
    transactions that were prepared for two-phase commit.  Neither Backout's own sessions nor other
    databases count.  Where Backout's role can't see what the roles do, that is an error and never
    "none".

    Effect: reads.  Units: transactions.  Errors: permanent for a role that is not there, where
    pg_read_all_stats is missing, and for a database that is not the pinned one; a server that does
    not answer is unknown.
    """

    uses: ClassVar[str] = "postgres.wait_quiescent"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = PostgresWaitQuiescentInputs
    Output: ClassVar[type[Model]] = PostgresWaitQuiescentOutput
    example: ClassVar[JsonObject] = {"database": "main", "roles": ["aivo_app"], "times": 3}

    def permissions(
        self, inputs: PostgresWaitQuiescentInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: what it needs is pg_read_all_stats in the database."""
        return ()

    def describe(self, inputs: PostgresWaitQuiescentInputs) -> str:
        """Say what is waited for."""
        return (
            f"Wait until {listed(inputs.roles)} has no open transaction in {inputs.place}, "
            f"{count(inputs.times, 'look')} in a row"
        )

    async def look(self, inputs: PostgresWaitQuiescentInputs, context: Context) -> Verdict:
        """Look until there is one, or until there was none often enough."""
        found: list[Row] = []
        try:
            async with sessions.opened(context, inputs.place) as session:
                names = list(inputs.roles)
                roles.require_visible(session, await roles.find(session, names))
                for number in range(inputs.times):
                    if number:
                        await context.pause(inputs.every.total_seconds())
                    await session.ask(statements.FORGET)
                    found = await session.ask(statements.OPEN_TRANSACTIONS, names, names)
                    if found:
                        break
        except TransientError as error:
            return NotYet(progress=f"unknown: {error}", after=LOOK_AGAIN)
        output = {
            "ok": not found,
            "open": len(found),
            "transactions": [_told(each) for each in found[:20]],
        }
        if found:
            told = f"{count(len(found), 'open transaction')}: {listed(map(_told, found), 3)}"
            return NotYet(progress=told, after=LOOK_AGAIN, output=output)
        seen = f"no open transaction of {listed(inputs.roles)}, {count(inputs.times, 'look')}"
        return Holds(summary=f"{seen} in a row", output=output)


def _told(row: Row) -> str:
    role, pid, state, name, seconds = row
    if state == "prepared":
        return f"{role} (prepared as {name} for {seconds} s)"
    return f"{role} ({', '.join(each for each in (name, state) if each)}, pid {pid}, {seconds} s)"
