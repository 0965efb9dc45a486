"""`postgres.clear_read_only`: let roles write again that an earlier step made read-only."""

from typing import ClassVar

from pydantic import Field

from adapters.postgres import roles, sessions, set_read_only, writing
from adapters.postgres.sessions import Session
from adapters.postgres.writing import Record, Setting
from adapters.values import count, listed
from config.models.base import Identifier, Model
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

WAY = "cleared"
BACK = "read-only-again"


class PostgresClearReadOnlyInputs(Model):
    """Whose record is put back."""

    from_step: Identifier = Field(
        description="The `postgres.set_read_only` step that recorded the defaults of before."
    )


class PostgresClearReadOnlyOutput(Model):
    """Who writes again."""

    writing: tuple[str, ...] = Field(description="Roles whose new sessions may write.")
    read_only: tuple[str, ...] = Field(
        description="Roles that only read, as they did before the step."
    )
    sessions: int = Field(description="Their sessions by now, all of them begun since.")


class PostgresClearReadOnly(Action):
    """Put back the defaults that an earlier `postgres.set_read_only` step recorded.

    Sessions of the time in between would only read for as long as they live, and pools keep them
    for hours: they are ended once.  Done when the defaults are as they were and no session is older
    than that.  Idempotent: absolute values.

    Effect: changes; the roles' sessions connect again.  Units: sessions.  Errors: permanent where
    the step recorded nothing, somebody has changed a default since, a right is missing
    (CREATEROLE, pg_signal_backend, pg_read_all_stats), and where the database is not the one of the
    record; unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "postgres.clear_read_only"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = PostgresClearReadOnlyInputs
    Output: ClassVar[type[Model]] = PostgresClearReadOnlyOutput
    example: ClassVar[JsonObject] = {"from_step": "stop_writes"}

    def permissions(
        self, inputs: PostgresClearReadOnlyInputs, system: System
    ) -> tuple[Permission, ...]:
        """Return nothing: what it needs are rights inside the database."""
        return ()

    async def preview(self, inputs: PostgresClearReadOnlyInputs, context: Context) -> Preview:
        """Show what would be put back, once the earlier step has recorded it."""
        # The record can't drift; what it overwrites must be what the step set, or it is refused.
        fingerprint = f"record of {inputs.from_step}"
        if context.captured(inputs.from_step) is None:
            return Preview(
                summary=f"Let write again whom {inputs.from_step} will make read-only",
                fingerprint=fingerprint,
            )
        record = _record(inputs, context)
        async with sessions.opened(context, record.place) as session:
            found = await _checked(record, session)
            there = await roles.clients(session, list(record.wanted))
        counted = roles.by_role(there)
        changing = [s for s in found if s.own != record.wanted[s.role] or s.role in counted]
        return Preview(
            summary=f"Let {listed(record.wanted)} write again in {record.place}",
            fingerprint=fingerprint,
            changes=tuple(
                Change(
                    subject=f"{each.role} in {record.place}",
                    before=f"{writing.told(each.own)}, "
                    f"{count(counted.get(each.role, 0), 'session')}",
                    after=f"{writing.told(record.wanted[each.role])}, connected again",
                )
                for each in changing
            ),
            in_place=not changing,
            touches=len(changing),
        )

    async def capture(self, inputs: PostgresClearReadOnlyInputs, context: Context) -> JsonObject:
        """Record the defaults that are about to be replaced."""
        record = _record(inputs, context)
        async with sessions.opened(context, record.place) as session:
            found = await _checked(record, session)
        return Record(
            place=record.place,
            identity=record.identity,
            before={each.role: each.own for each in found},
            wanted=record.wanted,
        ).plain()

    async def apply(
        self, inputs: PostgresClearReadOnlyInputs, captured: JsonObject, context: Context
    ) -> None:
        """Put back the defaults that are not back yet, then end the sessions that only read."""
        await writing.move(context, writing.read(captured), WAY)

    async def verify(
        self, inputs: PostgresClearReadOnlyInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look at the defaults, and for sessions from before."""
        record = _record(inputs, context)
        names = list(record.wanted)
        async with sessions.opened(context, record.place) as session:
            found = await writing.settings(session, names)
            there = await roles.clients(session, names)
            left = await writing.old(context, session, names, WAY)
        if other := [s for s in found if s.own != record.wanted[s.role]]:
            told = listed(f"{each.role} is {writing.told(each.own)}" for each in other)
            return Refuted(why=f"{told} in {record.place}, not what {inputs.from_step} recorded")
        if left or (left is None and there):
            return Refuted(why=f"may still only read: {listed(map(str, left or there), 3)}")
        able = [each.role for each in found if not each.read_only]
        unable = [each.role for each in found if each.read_only]
        rest = f"; read-only as before: {listed(unable)}" if unable else ""
        return Holds(
            summary=f"writing in {record.place} again: {listed(able) or 'nobody'}{rest}",
            output={"writing": able, "read_only": unable, "sessions": len(there)},
        )

    async def undo(
        self, inputs: PostgresClearReadOnlyInputs, captured: JsonObject, context: Context
    ) -> str:
        """Set the defaults of before this step, and end the sessions of since."""
        record = writing.read(captured).reversed
        await writing.move(context, record, BACK)
        return await set_read_only.seen_back(context, record)


def _record(inputs: PostgresClearReadOnlyInputs, context: Context) -> Record:
    captured = context.captured(inputs.from_step)
    if captured is None:
        raise PermanentError(
            f"The step {inputs.from_step} recorded nothing in this run, so there is nothing to "
            "put back: reset the roles' default_transaction_read_only by hand, or skip the step."
        )
    if "wanted" not in captured:
        raise PermanentError(
            f"The record of {inputs.from_step} holds no defaults of roles: name a step that uses "
            "postgres.set_read_only in `from_step`."
        )
    return writing.read(captured).reversed


async def _checked(record: Record, session: Session) -> tuple[Setting, ...]:
    sessions.require_same(session, record.identity)
    names = list(record.wanted)
    roles.require_endable(session, await roles.find(session, names))
    found = await writing.settings(session, names)
    writing.require_rights(session, found)
    if others := writing.disputed(record, found):
        raise PermanentError(
            f"Somebody has set another default since: {listed(others)}. Look who may write, and "
            "put it right by hand."
        )
    return found
