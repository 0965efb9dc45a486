"""`postgres.terminate_sessions`: end the sessions of named roles."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from adapters.postgres import endings, roles, sessions
from adapters.postgres.places import DatabaseInputs
from adapters.postgres.roles import Client, Role
from adapters.postgres.sessions import Session
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

SHOWN = 20


class PostgresTerminateSessionsInputs(DatabaseInputs):
    """Whose sessions are ended."""

    roles: Annotated[
        Names, Field(min_length=1, description="Roles by name, as the sessions logged in.")
    ]
    even: Names = Field(
        default=(),
        description="Superusers and replication roles among `roles`, named once more: their "
        "sessions are administration and standbys.",
    )


class PostgresTerminateSessionsOutput(Model):
    """What became of them."""

    ended: int = Field(description="Sessions that were there before and are gone.")
    reconnected: int = Field(description="Sessions of these roles that are there now.")


class PostgresTerminateSessions(Action):
    """End the sessions that named roles have in a database; their transactions are rolled back.

    Those that were there when the step began, known by process and start: a repeat ends none that
    came later.  Never Backout's own, and those of superusers and replication only where `even`
    names them again.  Applications connect again at once unless they are stopped first.

    Done when none of them is left.

    Effect: interrupts.  Units: sessions.  Errors: permanent for a role that is not there, a
    superuser that is not named again, a missing right (pg_signal_backend, and pg_read_all_stats to
    see the sessions), and where the database is not the pinned one; unknown outcome when the answer
    is lost.  Not undoable: clients connect again by themselves.
    """

    uses: ClassVar[str] = "postgres.terminate_sessions"
    effect: ClassVar[Effect] = Effect.INTERRUPTS
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = PostgresTerminateSessionsInputs
    Output: ClassVar[type[Model]] = PostgresTerminateSessionsOutput
    example: ClassVar[JsonObject] = {"database": "main", "roles": ["aivo_app", "aivo_jobs"]}

    def permissions(
        self, inputs: PostgresTerminateSessionsInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: what it needs are rights inside the database."""
        return ()

    async def preview(self, inputs: PostgresTerminateSessionsInputs, context: Context) -> Preview:
        """List the sessions, once it is clear that they may be seen and ended."""
        async with sessions.opened(context, inputs.place) as session:
            found = await _roles(inputs, session)
            there = await roles.clients(session, inputs.roles)
            warnings = sessions.unpinned(context, session)
            identity = session.identity.lasting
        changes = [Change(subject=str(each), before="connected", after="ended") for each in there]
        busy = sum(each.state.startswith(("active", "idle in")) for each in there)
        return Preview(
            summary=f"End {count(len(there), 'session')} of {listed(inputs.roles)} in "
            f"{inputs.place}",
            # Sessions come and go by themselves: that is no drift.
            fingerprint=fingerprint_of([identity, [[r.name, r.delicate] for r in found]]),
            changes=(*changes[:SHOWN], *_more(changes)),
            in_place=not there,
            touches=len(there),
            losses=f"what {count(busy, 'open transaction')} did so far" if busy else "",
            warnings=warnings,
        )

    async def capture(
        self, inputs: PostgresTerminateSessionsInputs, context: Context
    ) -> JsonObject:
        """Record which sessions are meant."""
        async with sessions.opened(context, inputs.place) as session:
            await _roles(inputs, session)
            there = await roles.clients(session, inputs.roles)
            return {
                "identity": list(session.identity.lasting),
                "sessions": [each.plain() for each in there],
            }

    async def apply(
        self, inputs: PostgresTerminateSessionsInputs, captured: JsonObject, context: Context
    ) -> None:
        """Ask the server to end those that are still there, and wait a little for their end."""
        async with sessions.opened(context, inputs.place, writes=True) as session:
            sessions.require_same(session, captured["identity"])

            async def left() -> list[Client]:
                return _left(await roles.clients(session, inputs.roles), captured)

            await endings.end(session, left, context)

    async def verify(
        self, inputs: PostgresTerminateSessionsInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look whether one of them is left."""
        async with sessions.opened(context, inputs.place) as session:
            await _roles(inputs, session)
            there = await roles.clients(session, inputs.roles)
        left = _left(there, captured) if captured else list(there)
        if left:
            return Refuted(why=f"still connected: {listed(map(str, left), 3)}")
        ended = len(captured.get("sessions", ()))
        new = f", {len(there)} new since" if there else ""
        return Holds(
            summary=f"{count(ended, 'session')} of {listed(inputs.roles)} ended{new}",
            output={"ended": ended, "reconnected": len(there)},
        )


async def _roles(inputs: PostgresTerminateSessionsInputs, session: Session) -> tuple[Role, ...]:
    found = await roles.find(session, inputs.roles)
    if kept := [each for each in found if each.delicate and each.name not in inputs.even]:
        raise PermanentError(
            f"{kept[0].name} is {kept[0].delicate}, whose sessions are not ended by the way: name "
            "it in `even` as well if they are meant."
        )
    roles.require_endable(session, found)
    return found


def _left(there: tuple[Client, ...], captured: JsonObject) -> list[Client]:
    meant = {(each["pid"], each["started"]) for each in captured["sessions"]}
    return [each for each in there if (each.pid, each.started) in meant]


def _more(changes: list[Change]) -> tuple[Any, ...]:
    if len(changes) <= SHOWN:
        return ()
    rest = count(len(changes) - SHOWN, "more session")
    return (Change(subject=rest, before="connected", after="ended"),)
