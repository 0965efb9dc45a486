"""`aws.elbv2.restore_actions`: put back where an earlier step sent requests instead."""

from typing import ClassVar

from pydantic import Field

from adapters.aws.accounts import connect
from adapters.aws.elbv2 import places, records
from adapters.values import listed
from config.models.base import Identifier, Model
from config.models.systems import System
from flows.actions import (
    ANY,
    ONE_REQUEST,
    Action,
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


class RestoreActionsInputs(Model):
    """Whose record is put back."""

    from_step: Identifier = Field(
        description="The `aws.elbv2.set_fixed_response` or `aws.elbv2.set_forward_weights` step "
        "that recorded the actions of before."
    )


class RestoreActionsOutput(Model):
    """What is as before."""

    places: tuple[str, ...] = Field(description="ARNs of the listeners and rules.")


class RestoreActions(Action):
    """Write the actions of listeners and rules back that an earlier step of this run replaced.

    Word for word what that step recorded, so that requests go where they went before it.  Each
    place is looked at right before it is written: nothing is put over what somebody else has set
    since.  Idempotent: absolute.

    Effect: changes.  Undo writes back what stood there before this step.  Errors: permanent where
    the step recorded nothing, where somebody changed a listener or rule since or deleted it, and
    without a right; unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "aws.elbv2.restore_actions"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = RestoreActionsInputs
    Output: ClassVar[type[Model]] = RestoreActionsOutput
    example: ClassVar[JsonObject] = {"from_step": "answer"}

    def permissions(self, inputs: RestoreActionsInputs, system: System) -> tuple[Permission, ...]:
        """Read and change listeners and rules: which ones is known from the record only."""
        return places.rights(system, [ANY], with_rules=True)

    async def preview(self, inputs: RestoreActionsInputs, context: Context) -> Preview:
        """Show what becomes of requests, once the earlier step has recorded it."""
        account = await connect(context)
        # The record can't drift; what it overwrites must be what the step set, or it is refused.
        fingerprint = f"record of {inputs.from_step}"
        if context.captured(inputs.from_step) is None:
            return Preview(
                summary=f"Put back the actions that {inputs.from_step} will record",
                fingerprint=fingerprint,
            )
        record = _record(inputs, context)
        found = await records.look(account, record)
        records.check(record, found)
        changes = records.changes(found, records.wanted(record))
        told = listed((each.label for each in found), 3)
        return Preview(
            summary=f"Put the actions of {told} back as {inputs.from_step} recorded them",
            fingerprint=fingerprint,
            changes=changes,
            in_place=not changes,
            touches=len(changes),
        )

    async def capture(self, inputs: RestoreActionsInputs, context: Context) -> JsonObject:
        """Record the actions that are about to be replaced."""
        record = _record(inputs, context)
        found = await records.look(await connect(context), record)
        records.check(record, found)
        earlier = context.captured(context.key.split("/")[1])
        return records.record(found, records.wanted(record), earlier)

    async def apply(
        self, inputs: RestoreActionsInputs, captured: JsonObject, context: Context
    ) -> None:
        """Write the actions that are not back yet, one place after the other."""
        await records.put(await connect(context), captured)

    async def verify(
        self, inputs: RestoreActionsInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look at every listener and rule."""
        record = _record(inputs, context)
        found = await records.look(await connect(context), record)
        wanted = records.wanted(record)
        if other := [e for e in found if places.meaning(wanted(e)) != e.meaning]:
            told = (f"{each.label} would {places.told(each.actions)}" for each in other)
            return Refuted(why=listed(told, 3))
        return Holds(
            summary=f"{listed((f'{e.label} would {places.told(e.actions)}' for e in found), 3)}, "
            f"as before {inputs.from_step}",
            output={"places": [each.arn for each in found]},
        )

    async def undo(
        self, inputs: RestoreActionsInputs, captured: JsonObject, context: Context
    ) -> str:
        """Write back what stood there before this step, and look."""
        return await records.put_back(await connect(context), captured)


def _record(inputs: RestoreActionsInputs, context: Context) -> JsonObject:
    """Return the earlier step's record, turned around: from what it set to what was before."""
    captured = context.captured(inputs.from_step)
    if captured is None:
        raise PermanentError(
            f"The step {inputs.from_step} recorded nothing in this run, so there is nothing to "
            "put back: set the listeners' actions by hand, or skip the step."
        )
    if not captured.get("places"):
        raise PermanentError(
            f"The record of {inputs.from_step} holds no actions: name a step that uses "
            "aws.elbv2.set_fixed_response or aws.elbv2.set_forward_weights in `from_step`."
        )
    return records.reversed_from(captured)
