"""`aws.elbv2.set_fixed_response`: let a load balancer answer by itself; nothing gets through."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from adapters.aws.accounts import Account, connect
from adapters.aws.elbv2 import places, records
from adapters.aws.elbv2.places import FIXED, OIDC, Place, PlaceArn
from adapters.aws.inputs import Several
from adapters.values import listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Context,
    Effect,
    Holds,
    JsonObject,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

LONGEST_BODY = 1024
Object = dict[str, Any]
ContentType = Literal[
    "text/plain", "text/html", "text/css", "application/json", "application/javascript"
]


class SetFixedResponseInputs(Model):
    """Where, and what is answered."""

    listeners: Annotated[
        tuple[PlaceArn, ...],
        Several,
        Field(
            min_length=1,
            max_length=20,
            description="ARNs of listeners (with all of their rules), or of single rules.",
        ),
    ]
    status: int = Field(default=503, ge=200, le=599, description="2xx, 4xx or 5xx.")
    body: str = Field(
        min_length=1,
        max_length=LONGEST_BODY,
        description="What everybody reads: words by which a check from outside can tell it.",
    )
    content_type: ContentType = "text/plain"
    excluding: Annotated[
        tuple[PlaceArn, ...],
        Several,
        Field(description="ARNs of rules that go on as they are, such as those for responders."),
    ] = ()


class SetFixedResponseOutput(Model):
    """What answers now."""

    status: int
    places: tuple[str, ...] = Field(description="ARNs of the listeners and rules that answer so.")


class SetFixedResponse(Action):
    """Let listeners of an Application Load Balancer answer every request with a fixed text.

    The default actions of each listener and the actions of all of its rules are replaced, so that
    nothing reaches a target.  A load balancer can't send Retry-After or other headers with it.  A
    log-in step (OIDC) stays in front of the answer, because AWS never tells its secret and could
    not put it back.  Requests that are under way end as they would.

    The actions of before are captured word for word, once, and never those that this step set.
    Idempotent: absolute, and written only over what was captured.

    Effect: interrupts.  Undo writes the captured actions back; not where somebody else changed
    them since.  Errors: permanent for a listener that is not there or in another account, where
    somebody changed one since it was looked at, and without a right; unknown outcome when the
    answer is lost.
    """

    uses: ClassVar[str] = "aws.elbv2.set_fixed_response"
    effect: ClassVar[Effect] = Effect.INTERRUPTS
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = SetFixedResponseInputs
    Output: ClassVar[type[Model]] = SetFixedResponseOutput
    example: ClassVar[JsonObject] = {
        "listeners": [
            places.EXAMPLE,
        ],
        "body": "AIVO is being repaired and will be back soon. (aivo-maintenance)",
    }

    def permissions(self, inputs: SetFixedResponseInputs, system: System) -> tuple[Permission, ...]:
        """Read the listeners and their rules, and change these."""
        return places.rights(system, inputs.listeners, with_rules=True)

    async def preview(self, inputs: SetFixedResponseInputs, context: Context) -> Preview:
        """Show what becomes of requests at each listener and rule."""
        found = await _look(await connect(context), inputs)
        changes = records.changes(found, lambda place: _wanted(inputs, place))
        return Preview(
            summary=f"Answer {inputs.status} “{inputs.body[:80]}” at "
            f"{listed((each.label for each in found), 3)}",
            fingerprint=records.fingerprint(found),
            changes=changes,
            in_place=not changes,
            touches=len(changes),
            losses="requests that nobody answers while it lasts" if changes else "",
            warnings=tuple(
                f"{each.label} lets people log in first, and goes on doing so."
                for each in found
                if any(action["Type"] == OIDC for action in each.actions)
            ),
        )

    async def capture(self, inputs: SetFixedResponseInputs, context: Context) -> JsonObject:
        """Record the actions of before."""
        found = await _look(await connect(context), inputs)
        earlier = context.captured(context.key.split("/")[1])
        return records.record(found, lambda place: _wanted(inputs, place), earlier)

    async def apply(
        self, inputs: SetFixedResponseInputs, captured: JsonObject, context: Context
    ) -> None:
        """Replace the actions that are not replaced yet, one place after the other."""
        await records.put(await connect(context), captured)

    async def verify(
        self, inputs: SetFixedResponseInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look at every listener and rule."""
        found = await _look(await connect(context), inputs)
        other = [e for e in found if places.meaning(_wanted(inputs, e)) != e.meaning]
        if other:
            told = (f"{each.label} would {places.told(each.actions)}" for each in other)
            return Refuted(why=listed(told, 3))
        return Holds(
            summary=f"{listed((e.label for e in found), 3)} answer {inputs.status}",
            output={"status": inputs.status, "places": [each.arn for each in found]},
        )

    async def undo(
        self, inputs: SetFixedResponseInputs, captured: JsonObject, context: Context
    ) -> str:
        """Write the captured actions back, and look."""
        return await records.put_back(await connect(context), captured)


async def _look(account: Account, inputs: SetFixedResponseInputs) -> tuple[Place, ...]:
    found = await places.look(account, inputs.listeners, with_rules=True)
    return tuple(each for each in found if each.arn not in inputs.excluding)


def _wanted(inputs: SetFixedResponseInputs, place: Place) -> Sequence[Object]:
    kept = [each for each in place.actions if each["Type"] == OIDC]
    answer: Object = {
        "Type": FIXED,
        "FixedResponseConfig": {
            "StatusCode": str(inputs.status),
            "ContentType": inputs.content_type,
            "MessageBody": inputs.body,
        },
    }
    return [*kept, answer | ({"Order": _last(place)} if kept else {})]


def _last(place: Place) -> int:
    return max((int(each.get("Order", 1)) for each in place.actions), default=1)
