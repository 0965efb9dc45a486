"""`postgres.integrity_check`: whether rows that point at others find them."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from adapters.postgres import foreign_keys, sessions
from adapters.postgres.foreign_keys import ForeignKey
from adapters.postgres.places import DatabaseInputs
from adapters.postgres.sessions import Session
from adapters.postgres.tables import Tables, parts
from adapters.values import count, listed
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

LOOK_AGAIN = 1.0
SHARE = 15.0
"""Seconds after which a look begins no further table and goes on in the next."""
SECONDS = 12.0


class PostgresIntegrityCheckInputs(DatabaseInputs):
    """Which tables are looked at."""

    tables: Tables = Field(
        default=(),
        description="`schema.table`, whose foreign keys are followed from and to; left out: all.",
    )
    validated: bool = Field(
        default=False, description="Whether a constraint that nobody has validated fails the check."
    )


class PostgresIntegrityCheckOutput(Model):
    """What was seen."""

    ok: bool
    checked: int = Field(description="Foreign keys that were followed.")
    orphans: dict[str, int] = Field(description="Foreign key to rows that point at nothing.")
    rows: dict[str, int] = Field(description="Table to its rows.")
    not_validated: tuple[str, ...] = Field(
        description="Constraints that nobody has validated, and invalid indexes."
    )


class PostgresIntegrityCheck(Reading[PostgresIntegrityCheckInputs]):
    """Follow every foreign key by an anti-join, and count the rows.

    The keys come from the catalog, and the rows are really compared: a constraint that is there can
    be broken all the same.  A look takes up to 15 s and the next one goes on where it was; each
    table is read at one moment, not all at the same.  Constraints that nobody has validated are
    told.

    Effect: reads.  Units: rows.  Errors: permanent for a table that is not there, a missing right,
    rows that a policy hides, and a database that is not the pinned one; a server that does not
    answer, and a table that takes more than 12 s, are unknown.
    """

    uses: ClassVar[str] = "postgres.integrity_check"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = PostgresIntegrityCheckInputs
    Output: ClassVar[type[Model]] = PostgresIntegrityCheckOutput
    example: ClassVar[JsonObject] = {
        "database": "main",
        "tables": ["public.students", "public.grades"],
    }

    def permissions(
        self, inputs: PostgresIntegrityCheckInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: what it needs are rights inside the database."""
        return ()

    def describe(self, inputs: PostgresIntegrityCheckInputs) -> str:
        """Say what is looked at."""
        which = f"of {listed(inputs.tables)}" if inputs.tables else ""
        return f"Follow every foreign key {which} in {inputs.place}".replace("  ", " ")

    async def look(self, inputs: PostgresIntegrityCheckInputs, context: Context) -> Verdict:
        """Follow as many as the time of a look allows."""
        sofar = await context.clients.get(
            f"postgres.integrity:{context.key}:{inputs.place}", _begin, _end
        )
        try:
            async with sessions.opened(context, inputs.place, seconds=SECONDS) as session:
                verdict = await _go_on(inputs, session, sofar, context)
        except TransientError as error:
            sofar.clear()
            return NotYet(progress=f"unknown: {error}", after=LOOK_AGAIN)
        if not isinstance(verdict, NotYet) or verdict.output:
            sofar.clear()  # the next look begins anew
        return verdict


Sofar = dict[str, int]


async def _begin() -> Sofar:
    return {}


async def _end(_: Sofar) -> None:
    """Do nothing: what was counted holds no connection."""


async def _go_on(
    inputs: PostgresIntegrityCheckInputs, session: Session, sofar: Sofar, context: Context
) -> Verdict:
    keys = _chosen(inputs, await foreign_keys.all_of(session))
    tables = sorted({(k.schema, k.table) for k in keys} | {parts(t) for t in inputs.tables})
    clock = asyncio.get_running_loop().time
    until = clock() + SHARE
    total = len(keys) + len(tables)
    for key in keys:
        if str(key) not in sofar:
            if clock() > until:
                return _part(sofar, total)
            sofar[str(key)] = await foreign_keys.orphans(session, key)
            await context.progress(f"{len(sofar)} of {total} looked at")
    for schema, table in tables:
        if f"{schema}.{table}" not in sofar:
            if clock() > until:
                return _part(sofar, total)
            sofar[f"{schema}.{table}"] = await foreign_keys.rows_of(session, schema, table)
    unproven = [
        each
        for each in await foreign_keys.unproven(session)
        if not inputs.tables or each.partition(":")[0] in inputs.tables
    ]
    broken = {str(key): sofar[str(key)] for key in keys if sofar[str(key)]}
    rows = {f"{schema}.{table}": sofar[f"{schema}.{table}"] for schema, table in tables}
    return _verdict(inputs, len(keys), broken, rows, unproven)


def _part(sofar: Sofar, total: int) -> NotYet:
    return NotYet(progress=f"{len(sofar)} of {total} looked at", after=LOOK_AGAIN)


def _verdict(
    inputs: PostgresIntegrityCheckInputs,
    checked: int,
    broken: Mapping[str, int],
    rows: Mapping[str, int],
    unproven: list[str],
) -> Verdict:
    lacking = [f"{key} has {count(n, 'row')} that point at nothing" for key, n in broken.items()]
    if inputs.validated and unproven:
        lacking.append(f"not validated: {listed(unproven)}")
    output = {
        "ok": not lacking,
        "checked": checked,
        "orphans": dict(broken),
        "rows": dict(rows),
        "not_validated": unproven,
    }
    if lacking:
        return NotYet(progress="; ".join(lacking), after=LOOK_AGAIN, output=output)
    seen = f"{count(checked, 'foreign key')} of {inputs.place} followed, none broken"
    if unproven:
        seen += f"; not validated: {listed(unproven)}"
    return Holds(summary=seen, output=output)


def _chosen(
    inputs: PostgresIntegrityCheckInputs, keys: tuple[ForeignKey, ...]
) -> tuple[ForeignKey, ...]:
    if not inputs.tables:
        return keys
    wanted = set(inputs.tables)
    return tuple(each for each in keys if each.child in wanted or each.parent in wanted)
