"""`postgres.set_read_only`: let roles only read in a database, enforced by the database itself."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from adapters.postgres import roles, sessions, statements, writing
from adapters.postgres.places import DatabaseInputs
from adapters.postgres.sessions import Session
from adapters.postgres.writing import ON, Record, Setting
from adapters.values import Names, count, fingerprint_of, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

WAY = "read-only"
BACK = "writing"


class PostgresSetReadOnlyInputs(DatabaseInputs):
    """Who may only read, and who goes on writing."""

    roles: Annotated[
        Names, Field(min_length=1, description="The applications' roles, as they log in.")
    ]
    exempt: Names = Field(
        default=(),
        description="Roles that go on writing, e.g. the migrator's: left alone, and not warned of.",
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if both := sorted(set(self.roles) & set(self.exempt)):
            raise ValueError(f"{both[0]} stands in both roles and exempt")
        return self


class PostgresSetReadOnlyOutput(Model):
    """Who only reads now."""

    read_only: tuple[str, ...] = Field(description="Roles whose new sessions are read-only.")
    sessions: int = Field(description="Their sessions by now, all of them begun since.")


class PostgresSetReadOnly(Action):
    """Make roles read-only in a database by their default there, and end their sessions.

    `ALTER ROLE … IN DATABASE … SET default_transaction_read_only = on` wins over wider defaults and
    counts for new sessions; those of before would go on writing and are ended once.  Other roles,
    the migrator's among them, go on; the preview names those that can write and are not named.  It
    keeps programs from writing by mistake: a client that sets its transaction to read and write
    itself still can.

    Defaults of before are captured, once; `undo` or `postgres.clear_read_only` puts them back.
    Done when the defaults are set and no session is older than that.  Idempotent: absolute values.

    Effect: interrupts; applications can't save, and connect again.  Units: sessions.
    Errors: permanent for a role that is not there, can't log in or is a superuser, a missing right
    (CREATEROLE, pg_signal_backend, pg_read_all_stats), a default that somebody else has changed,
    and where the database is not the pinned one; unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "postgres.set_read_only"
    effect: ClassVar[Effect] = Effect.INTERRUPTS
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = PostgresSetReadOnlyInputs
    Output: ClassVar[type[Model]] = PostgresSetReadOnlyOutput
    example: ClassVar[JsonObject] = {
        "database": "main",
        "roles": ["aivo_app", "aivo_jobs"],
        "exempt": ["aivo_migrator"],
    }

    def permissions(
        self, inputs: PostgresSetReadOnlyInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: what it needs are rights inside the database."""
        return ()

    async def preview(self, inputs: PostgresSetReadOnlyInputs, context: Context) -> Preview:
        """Show the defaults and the sessions, once it is clear that both may be changed."""
        async with sessions.opened(context, inputs.place) as session:
            found = await _settings(inputs, session)
            there = await roles.clients(session, inputs.roles)
            exempt = await writing.settings(session, inputs.exempt) if inputs.exempt else ()
            named = [*inputs.roles, *inputs.exempt]
            others = [name for (name,) in await session.ask(statements.OTHER_WRITERS, named)]
            warnings = sessions.unpinned(context, session)
            identity = session.identity.lasting
        counted = roles.by_role(there)
        changing = [each for each in found if each.own != ON or each.role in counted]
        return Preview(
            summary=f"Let {listed(inputs.roles)} only read in {inputs.place}",
            fingerprint=fingerprint_of([identity, [[s.role, s.own, s.wider] for s in found]]),
            changes=tuple(
                Change(
                    subject=f"{each.role} in {inputs.place}",
                    before=_before(each, counted.get(each.role, 0)),
                    after="read-only, connected again",
                )
                for each in changing
            ),
            in_place=not changing,
            touches=len(changing),
            losses=f"open transactions of {count(len(there), 'session')}" if there else "",
            warnings=(*warnings, *_doubts(exempt, others)),
        )

    async def capture(self, inputs: PostgresSetReadOnlyInputs, context: Context) -> JsonObject:
        """Record the roles' defaults."""
        async with sessions.opened(context, inputs.place) as session:
            found = await _settings(inputs, session)
            return Record(
                place=inputs.place,
                identity=session.identity.lasting,
                before={each.role: each.own for each in found},
                wanted={each.role: ON for each in found},
            ).plain()

    async def apply(
        self, inputs: PostgresSetReadOnlyInputs, captured: JsonObject, context: Context
    ) -> None:
        """Set the defaults that are not set yet, then end the sessions of before."""
        await writing.move(context, writing.read(captured), WAY)

    async def verify(
        self, inputs: PostgresSetReadOnlyInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look at the defaults, and for sessions from before."""
        names = list(inputs.roles)
        async with sessions.opened(context, inputs.place) as session:
            found = await writing.settings(session, names)
            there = await roles.clients(session, names)
            left = await writing.old(context, session, names, WAY)
        if other := [each.role for each in found if each.own != ON]:
            return Refuted(why=f"{listed(other)} may write in {inputs.place}")
        if left is None and there:
            return Refuted(why=f"{roles.told(there)} may be older than the change, and write")
        if left:
            return Refuted(why=f"older than the change, and may write: {listed(map(str, left), 3)}")
        return Holds(
            summary=f"read-only in {inputs.place}: {listed(inputs.roles)}; no session is older",
            output={"read_only": names, "sessions": len(there)},
        )

    async def undo(
        self, inputs: PostgresSetReadOnlyInputs, captured: JsonObject, context: Context
    ) -> str:
        """Put the defaults of before back, and end the sessions that still only read."""
        record = writing.read(captured).reversed
        await writing.move(context, record, BACK)
        return await seen_back(context, record)


async def seen_back(context: Context, record: Record) -> str:
    """Look, and say who may write."""
    async with sessions.opened(context, record.place) as session:
        found = await writing.settings(session, list(record.wanted))
    if other := [f"{s.role} is {writing.told(s.own)}" for s in found if _other(s, record)]:
        raise PermanentError(f"It is not as it was in {record.place}: {listed(other)}.")
    return "; ".join(
        f"{each.role} {'only reads' if each.read_only else 'writes'} in {record.place}"
        for each in found
    )


def _other(each: Setting, record: Record) -> bool:
    return each.own != record.wanted[each.role]


async def _settings(inputs: PostgresSetReadOnlyInputs, session: Session) -> tuple[Setting, ...]:
    found = await roles.find(session, inputs.roles)
    if inner := [each.name for each in found if not each.login]:
        raise PermanentError(
            f"{listed(inner)} can't log in, and a default counts for the role that does: name the "
            "roles that the applications log in as."
        )
    if higher := [each.name for each in found if each.superuser]:
        raise PermanentError(
            f"{listed(higher)} is a superuser: give the application a role of its own."
        )
    roles.require_endable(session, found)
    settings = await writing.settings(session, inputs.roles)
    writing.require_rights(session, settings)
    return settings


def _before(each: Setting, number: int) -> str:
    default = "read-only" if each.read_only else "may write"
    return f"{default}, {count(number, 'session')}"


def _doubts(exempt: tuple[Setting, ...], others: list[str]) -> list[str]:
    told = [f"{s.role} is exempt, and only reads as it is." for s in exempt if s.read_only]
    if others:
        told.append(f"{listed(others)} can write too, and goes on: name it in roles or exempt.")
    return told
