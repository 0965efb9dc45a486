"""Target groups and the health of what is registered in them.

Called by `target_health` and `set_forward_weights`.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from adapters.aws.accounts import Account
from adapters.aws.errors import NotFoundError
from adapters.aws.rights import right
from adapters.values import listed
from config.models.systems import System
from flows.actions import PermanentError, Permission

PREFIX = "arn:"
HEALTHY, LEAVING = "healthy", "draining"
REASONS = {
    "initial": "is being tried",
    "unused": "gets no traffic",
    "unavailable": "its health is not known",
}
Group = Annotated[
    str,
    Field(
        pattern=r"^(arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:targetgroup/\S+"
        r"|[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?)$"
    ),
]
"""A target group, by name or ARN."""
Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How many of a group's targets are healthy; targets that are leaving are not counted."""

    name: str
    arn: str
    healthy: int
    total: int
    ailing: tuple[str, ...]

    def __str__(self) -> str:
        """Write `aivo-prod-tg 11/12 healthy`."""
        return f"{self.name} {self.healthy}/{self.total} healthy"


def rights(system: System) -> tuple[Permission, ...]:
    """Return what looking needs: AWS has no finer resource for these."""
    return (
        right(system, "elasticloadbalancing:DescribeTargetGroups"),
        right(system, "elasticloadbalancing:DescribeTargetHealth"),
    )


def name_of(arn: str) -> str:
    """Return the name in a target group's ARN: `…:targetgroup/NAME/ID`."""
    parts = arn.split("/")
    return parts[1] if len(parts) > 2 else arn


async def resolve(account: Account, groups: Iterable[str]) -> dict[str, str]:
    """Return the ARN of each group, named as it was given.

    Raises `PermanentError` where one is not there.
    """
    asked = rights(account.system)[0]

    async def find(group: str) -> str:
        wanted = {"TargetGroupArns" if group.startswith(PREFIX) else "Names": [group]}
        try:
            found = await account.read(asked, "describe_target_groups", **wanted)
        except NotFoundError as error:
            raise PermanentError(
                f"There is no target group {name_of(group)} in {account.system.title}'s account "
                "and region: check its name, and connections.aws.region."
            ) from error
        return str(found["TargetGroups"][0]["TargetGroupArn"])

    every = tuple(groups)
    return dict(zip(every, await asyncio.gather(*map(find, every)), strict=True))


async def health(account: Account, arns: Iterable[str]) -> tuple[Health, ...]:
    """Look at every target of these groups."""
    asked = rights(account.system)[1]

    async def look(arn: str) -> Health:
        found = await account.read(asked, "describe_target_health", TargetGroupArn=arn)
        states = found["TargetHealthDescriptions"]
        staying = [each for each in states if _state(each) != LEAVING]
        return Health(
            name=name_of(arn),
            arn=arn,
            healthy=sum(_state(each) == HEALTHY for each in staying),
            total=len(staying),
            ailing=tuple(sorted(_told(each) for each in staying if _state(each) != HEALTHY)),
        )

    return tuple(await asyncio.gather(*map(look, arns)))


def told(seen: Iterable[Health]) -> str:
    """Write `blue 2/2 healthy, green 0/2 healthy (i-1: Target.Timeout)`."""
    return ", ".join(
        f"{each}" + (f" ({listed(each.ailing, 3)})" if each.ailing else "") for each in seen
    )


def _state(description: Object) -> str:
    return str(description["TargetHealth"]["State"])


def _told(description: Object) -> str:
    target, state = description["Target"], description["TargetHealth"]
    port = f":{target['Port']}" if "Port" in target else ""
    why = REASONS.get(state["State"]) or state.get("Reason") or state["State"]
    return f"{target['Id']}{port} {why}"
