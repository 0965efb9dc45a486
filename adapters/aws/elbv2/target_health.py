"""`aws.elbv2.target_health`: whether the targets behind a load balancer are healthy."""

from typing import Annotated, ClassVar

from pydantic import Field

from adapters.aws.accounts import connect
from adapters.aws.elbv2 import groups
from adapters.aws.elbv2.groups import Group, Health
from adapters.aws.inputs import Several
from adapters.values import count
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

LOOK_AGAIN = 5.0
MOST_TOLD = 20


class TargetHealthInputs(Model):
    """Which groups, and how many healthy targets each must have."""

    groups: Annotated[
        tuple[Group, ...],
        Several,
        Field(min_length=1, max_length=20, description="Target groups, by name or ARN."),
    ]
    at_least: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Healthy targets that each group must have; left out: all that are registered.",
    )


class TargetHealthOutput(Model):
    """What was seen."""

    ok: bool
    healthy: int = Field(description="Healthy targets of all groups together.")
    total: int = Field(description="Registered targets, without those that are leaving.")
    groups: dict[str, str] = Field(description="Group to `healthy/total`.")
    ailing: tuple[str, ...] = Field(
        description="Targets that are not healthy, and why; 20 at most."
    )


class TargetHealth(Reading[TargetHealthInputs]):
    """Look at the health of a load balancer's target groups.

    As many healthy targets as wanted in each group: holds.  Fewer, or none registered: not yet,
    with the targets and the load balancer's reasons.  No answer: not yet, unknown, without
    output.  Targets that are being deregistered are left out of the count.

    Effect: reads.  Units: targets.  Errors: permanent for a group that is not there, for another
    account than the pinned one, and without a right.
    """

    uses: ClassVar[str] = "aws.elbv2.target_health"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = TargetHealthInputs
    Output: ClassVar[type[Model]] = TargetHealthOutput
    example: ClassVar[JsonObject] = {"groups": ["aivo-prod-tg"], "at_least": 12}

    def permissions(self, inputs: TargetHealthInputs, system: System) -> tuple[Permission, ...]:
        """Find the groups and read their targets' health."""
        return groups.rights(system)

    def describe(self, inputs: TargetHealthInputs) -> str:
        """Say what is looked at."""
        wanted = count(inputs.at_least, "healthy target") if inputs.at_least else "all healthy"
        return f"Look at the targets of {', '.join(map(groups.name_of, inputs.groups))}: {wanted}"

    async def look(self, inputs: TargetHealthInputs, context: Context) -> Verdict:
        """Look once."""
        try:
            account = await connect(context)
            found = await groups.resolve(account, inputs.groups)
            return judge(inputs, await groups.health(account, found.values()))
        except TransientError as error:
            return NotYet(progress=f"unknown: {error}", after=max(error.delay, LOOK_AGAIN))


def judge(inputs: TargetHealthInputs, seen: tuple[Health, ...]) -> Verdict:
    """Compare what was seen with what is wanted.  An empty group never counts as healthy."""
    ok = all(each.healthy >= (inputs.at_least or max(each.total, 1)) for each in seen)
    ailing = [f"{each.name}: {target}" for each in seen for target in each.ailing]
    output = TargetHealthOutput(
        ok=ok,
        healthy=sum(each.healthy for each in seen),
        total=sum(each.total for each in seen),
        groups={each.name: f"{each.healthy}/{each.total}" for each in seen},
        ailing=tuple(ailing[:MOST_TOLD]),
    ).model_dump(mode="json")
    if ok:
        return Holds(summary=groups.told(seen), output=output)
    wanted = f", {inputs.at_least} wanted" if inputs.at_least else ""
    return NotYet(progress=groups.told(seen) + wanted, after=LOOK_AGAIN, output=output)
