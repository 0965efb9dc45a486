"""`aws.elbv2.set_forward_weights`: share a listener's or rule's traffic between target groups."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator

from adapters.aws.accounts import Account, connect
from adapters.aws.elbv2 import groups, places, records
from adapters.aws.elbv2.groups import Group, Health
from adapters.aws.elbv2.places import FORWARD, Place, PlaceArn
from adapters.aws.inputs import span
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
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

HEAVIEST, MOST_GROUPS = 999, 5
Weight = Annotated[int, Field(ge=0, le=HEAVIEST)]
Object = dict[str, Any]


class SetForwardWeightsInputs(Model):
    """Whose traffic, and how it is shared."""

    listener: PlaceArn = Field(description="ARN of a listener (its default actions) or of a rule.")
    weights: dict[Group, Weight] = Field(
        min_length=1,
        max_length=MOST_GROUPS,
        description="Target group, by name or ARN, to weight (0 to 999).  Weights are relative; "
        "those that add up to 100 read as percent.  Every group that gets traffic now is named.",
    )
    end_stickiness: bool = Field(
        default=False,
        description="Also let clients go that are kept with their group; else they stay there.",
    )

    @field_validator("weights")
    @classmethod
    def _some(cls, weights: dict[str, int]) -> dict[str, int]:
        if not sum(weights.values()):
            raise ValueError("all weights are 0, so no request would be answered")
        return weights


class SetForwardWeightsOutput(Model):
    """What is set now."""

    weights: dict[str, int] = Field(description="Name of the target group to weight.")
    percent: dict[str, float] = Field(description="Name of the target group to share of requests.")


class SetForwardWeights(Action):
    """Set the weights of the target groups that a listener or a rule forwards to.

    Weights belong to the forward action, not to target groups, and are sent as the whole list.  A
    group that is to get more traffic must have a healthy target.  Clients that are kept with their
    group (stickiness) move only when their time is over, or with `end_stickiness`.

    Idempotent: weights are absolute, and written only over what was captured.

    Effect: changes.  Units: weights, percent of requests.  Undo writes the captured actions back;
    not where somebody else changed them since.  Errors: permanent where the listener does not
    forward, where a group is left out, not there or without a healthy target, and without a
    right; unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "aws.elbv2.set_forward_weights"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    undoable: ClassVar[bool] = True
    Inputs: ClassVar[type[Model]] = SetForwardWeightsInputs
    Output: ClassVar[type[Model]] = SetForwardWeightsOutput
    example: ClassVar[JsonObject] = {
        "listener": places.EXAMPLE,
        "weights": {"aivo-prod-new": 50, "aivo-prod-tg": 50},
    }

    def permissions(
        self, inputs: SetForwardWeightsInputs, system: System
    ) -> tuple[Permission, ...]:
        """Read the listener or rule and the groups' health, and change its actions."""
        return (
            *places.rights(system, [inputs.listener], with_rules=False),
            *groups.rights(system),
        )

    async def preview(self, inputs: SetForwardWeightsInputs, context: Context) -> Preview:
        """Show the shares of before and after, and the health of who gets more."""
        account = await connect(context)
        place, weights = await _look(account, inputs)
        wanted = _wanted(inputs, place, weights)
        seen = await groups.health(account, weights)
        _refuse_ailing(place, weights, seen)
        changes = records.changes([place], lambda _: wanted)
        return Preview(
            summary=f"Share the traffic of {place.label}: {places.shares(weights)}",
            fingerprint=records.fingerprint([place]),
            changes=changes,
            in_place=not changes,
            touches=len(changes),
            warnings=(*_sticky(inputs, place), *_weakened(weights, seen)),
        )

    async def capture(self, inputs: SetForwardWeightsInputs, context: Context) -> JsonObject:
        """Record the actions of before."""
        place, weights = await _look(await connect(context), inputs)
        earlier = context.captured(context.key.split("/")[1])
        wanted = _wanted(inputs, place, weights)
        return records.record([place], lambda _: wanted, earlier)

    async def apply(
        self, inputs: SetForwardWeightsInputs, captured: JsonObject, context: Context
    ) -> None:
        """Send the whole list, unless it stands there already."""
        await records.put(await connect(context), captured)

    async def verify(
        self, inputs: SetForwardWeightsInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look at the actions."""
        place, weights = await _look(await connect(context), inputs)
        if places.meaning(_wanted(inputs, place, weights)) != place.meaning:
            return Refuted(why=f"{place.label} would {places.told(place.actions)}")
        whole = sum(weights.values())
        named = {groups.name_of(arn): weight for arn, weight in weights.items()}
        return Holds(
            summary=f"{place.label} forwards to {places.shares(weights)}",
            output={
                "weights": named,
                "percent": {name: round(100 * each / whole, 2) for name, each in named.items()},
            },
        )

    async def undo(
        self, inputs: SetForwardWeightsInputs, captured: JsonObject, context: Context
    ) -> str:
        """Write the captured actions back, and look."""
        return await records.put_back(await connect(context), captured)


async def _look(account: Account, inputs: SetForwardWeightsInputs) -> tuple[Place, dict[str, int]]:
    (place,) = await places.look(account, [inputs.listener], with_rules=False)
    found = await groups.resolve(account, inputs.weights)
    weights = {found[name]: weight for name, weight in inputs.weights.items()}
    if len(weights) < len(inputs.weights):
        raise PermanentError("A target group is named twice, by its name and by its ARN.")
    return place, weights


def _forward(place: Place) -> Object:
    found = [each for each in place.actions if each["Type"] == FORWARD]
    if not found:
        raise PermanentError(
            f"{place.label} would {places.told(place.actions)} and does not forward, so it has no "
            "weights: undo what was set there first."
        )
    return found[-1]


def _wanted(
    inputs: SetForwardWeightsInputs, place: Place, weights: Mapping[str, int]
) -> Sequence[Object]:
    """Return the list with the forward action's groups replaced, all else as it is."""
    forward = _forward(place)
    left_out = [arn for arn, now in places.forwarded(forward).items() if arn not in weights and now]
    if left_out:
        raise PermanentError(
            f"{place.label} also forwards to {listed(map(groups.name_of, left_out))}: name it in "
            "`weights`, too, with 0 where it is to get nothing."
        )
    config = dict(forward.get("ForwardConfig") or {})
    config["TargetGroups"] = [
        {"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()
    ]
    if inputs.end_stickiness:
        config["TargetGroupStickinessConfig"] = {"Enabled": False}
    changed = {k: v for k, v in forward.items() if k != "TargetGroupArn"}
    changed |= {"ForwardConfig": config}
    return [changed if each is forward else each for each in place.actions]


def _share(arn: str, weights: Mapping[str, int]) -> float:
    whole = sum(weights.values())
    return weights.get(arn, 0) / whole if whole else 0.0


def _refuse_ailing(place: Place, weights: Mapping[str, int], seen: Sequence[Health]) -> None:
    now = places.forwarded(_forward(place))
    for each in seen:
        if each.healthy == 0 and _share(each.arn, weights) > _share(each.arn, now):
            raise PermanentError(
                f"{groups.told([each])}: a group without a healthy target must not get more "
                "traffic. Bring its targets up first."
            )


def _weakened(weights: Mapping[str, int], seen: Sequence[Health]) -> list[str]:
    ailing = [each for each in seen if weights[each.arn] and each.healthy < each.total]
    return [f"Not all targets are healthy: {groups.told(ailing)}."] if ailing else []


def _sticky(inputs: SetForwardWeightsInputs, place: Place) -> list[str]:
    seconds = places.stickiness(_forward(place))
    if not seconds or inputs.end_stickiness:
        return []
    told = (
        f"Clients stay with their group for up to {span(seconds)} (stickiness), whatever the "
        "weights: set end_stickiness to move them now."
    )
    return [told]
