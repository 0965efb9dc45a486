"""Restoring a database to a new instance, with the settings of its source.

Called by `restore_snapshot` and `restore_point_in_time`, which only differ in what they restore
from.  The source is read and never changed.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import Field

from adapters.aws import clocks
from adapters.aws.accounts import Account, connect
from adapters.aws.errors import ExistsError
from adapters.aws.inputs import Several, moment, span
from adapters.aws.rds import comparisons, instances, settings
from adapters.aws.rds.instances import AVAILABLE, FAILED, OURS, Identifier, Object
from adapters.aws.rights import arn, right
from adapters.values import fingerprint_of, listed, step_key
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ANY,
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    TransientError,
    Verdict,
)

LOOK_AGAIN = 15.0
LONGEST = 63
FROM = "backout-restored-from"
"""Key of the tag that says what an instance was restored from."""
SLOW = (
    "It commonly takes ten minutes and more, is slow at first (storage is read when it is first "
    "used), and costs as much as its source until a person deletes it."
)


class RestoreInputs(Model):
    """What both restores take: source, target, and what may differ."""

    source: Identifier = Field(description="The instance whose settings are carried over.")
    target: Identifier | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+$",
        description="Name of the new instance; left out: the source's, with the incident.",
        examples=["aivo-prod-primary-restore"],
    )
    instance_class: str | None = Field(
        default=None, pattern=r"^db\.\S+$", description="Another class.", examples=["db.r6g.large"]
    )
    multi_az: bool | None = Field(default=None, description="With a standby or without.")
    subnet_group: str | None = Field(
        default=None, min_length=1, description="Another subnet group.", examples=["aivo-private"]
    )
    security_groups: Annotated[
        tuple[str, ...],
        Several,
        Field(description="Other security groups, by id; empty takes the source's."),
    ] = ()
    parameter_group: str | None = Field(
        default=None, min_length=1, description="Another parameter group.", examples=["aivo-pg16"]
    )
    option_group: str | None = Field(
        default=None, min_length=1, description="Another option group.", examples=["aivo-og"]
    )
    tags: dict[str, str] = Field(
        default_factory=dict, max_length=20, description="Tags besides those of the source."
    )


class RestoreOutput(Model):
    """The new instance."""

    instance: str
    host: str = Field(description="Its address, for those who cut over to it.")
    port: int
    arn: str
    time: str = Field(description="As of when it holds the data, UTC.")
    settings: dict[str, str] = Field(description="What it has in common with its source.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What is restored from: `request` is what the API wants to know of it."""

    label: str
    tag: str
    time: datetime
    encryption: str
    request: Object
    warnings: tuple[str, ...] = ()


I_ = TypeVar("I_", bound=RestoreInputs)


class Restoring(Action, Generic[I_]):
    """A restore to a new instance."""

    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    Output: ClassVar[type[Model]] = RestoreOutput
    verb: ClassVar[str]
    method: ClassVar[str]
    target_parameter: ClassVar[str]

    @abstractmethod
    async def point(self, inputs: I_, account: Account, source: Object) -> Point:
        """Look at what is restored from; raise `PermanentError` where that can't be."""

    @abstractmethod
    def origin(self, inputs: I_, system: System) -> tuple[Permission, ...]:
        """Return the rights on what is restored from."""

    def permissions(self, inputs: I_, system: System) -> tuple[Permission, ...]:
        """Describe source and target, restore with these groups, and tag."""
        target = inputs.target
        if target is None:
            target = ANY if inputs.source == ANY else f"{inputs.source.lower()}-*"
        groups = {
            "subgrp": inputs.subnet_group,
            "pg": inputs.parameter_group,
            "og": inputs.option_group,
        }
        return (
            instances.instance_right(system, "DescribeDBInstances", inputs.source),
            instances.instance_right(system, "DescribeDBInstances", target),
            *self.origin(inputs, system),
            instances.instance_right(system, self.verb, target),
            *(
                right(system, f"rds:{self.verb}", arn(system, "rds", f"{kind}:{name or ANY}"))
                for kind, name in groups.items()
            ),
            instances.instance_right(system, "AddTagsToResource", target),
        )

    async def preview(self, inputs: I_, context: Context) -> Preview:
        """Show the new instance, its settings, and what a cut-over to it would lose."""
        account, target = await connect(context), _target(inputs, context)
        source = await _source(account, inputs)
        point = await self.point(inputs, account, source)
        there = await _ours(account, target, context, point.tag)
        wanted = _wanted(inputs, source)
        made = Change(subject=target, before=None, after=f"restored from {point.label}")
        return Preview(
            summary=f"Restore {inputs.source} from {point.label} to the new instance {target}",
            fingerprint=fingerprint_of([source.get("DbiResourceId"), wanted, point.tag, target]),
            changes=() if there else (made, *_changes(target, source, wanted, point)),
            in_place=there is not None and there["DBInstanceStatus"] == AVAILABLE,
            touches=0 if there else 1,
            warnings=(_lost(point), SLOW, *point.warnings, *_managed(source)),
        )

    async def capture(self, inputs: I_, context: Context) -> JsonObject:
        """Record what is restored, and with which settings."""
        account = await connect(context)
        source = await _source(account, inputs)
        point = await self.point(inputs, account, source)
        tags = {
            **settings.own_tags(instances.tags_of(source)),
            **inputs.tags,
            OURS: _mark(context),
            FROM: point.tag,
        }
        return {
            "target": _target(inputs, context),
            "settings": _wanted(inputs, source),
            "encryption": point.encryption,
            "tags": tags,
            "request": point.request,
            "time": point.time.isoformat(),
        }

    async def apply(self, inputs: I_, captured: JsonObject, context: Context) -> None:
        """Begin the restore, unless the instance is there."""
        account, target = await connect(context), captured["target"]
        if await _ours(account, target, context, captured["tags"][FROM]):
            return
        asked = instances.instance_right(account.system, self.verb, target)
        try:
            await account.write(
                asked,
                self.method,
                **captured["request"],
                **{self.target_parameter: target},
                **captured["settings"],
                Tags=instances.as_tags(captured["tags"]),
            )
        except ExistsError as error:
            raise TransientError(f"Instance {target} came up just now; looking.") from error

    async def verify(self, inputs: I_, captured: JsonObject, context: Context) -> Verdict:
        """Look how far it is and, once it is there, whether it is like its source."""
        account, record = await connect(context), captured
        if not record:  # it was in place before
            record = await self.capture(inputs, context)
        target = record["target"]
        found = await _ours(account, target, context, record["tags"][FROM])
        if found is None:
            return Refuted(why=f"there is no instance {target}")
        status = found["DBInstanceStatus"]
        if status in FAILED:
            return Refuted(
                why=f"{target} is {status}: see its events in RDS, delete it by hand, and retry",
                final=True,
            )
        if status != AVAILABLE or not instances.endpoint(found):
            done = found.get("PercentProgress")
            told = f"{target} is {status}" + (f", {done} %" if done else "")
            return NotYet(progress=told, after=LOOK_AGAIN)
        if late := comparisons.applying(found):
            return NotYet(progress=f"{target} is available, {late}", after=LOOK_AGAIN)
        if other := comparisons.differences(record, found):
            return Refuted(why=f"{target} is not like its source: {listed(other, 4)}")
        return comparisons.holds(record, found)


def _target(inputs: RestoreInputs, context: Context) -> str:
    if inputs.target:
        return inputs.target
    ending = f"-{context.incident.lower()}"
    return f"{inputs.source.lower()[: LONGEST - len(ending)].rstrip('-')}{ending}"


def _mark(context: Context) -> str:
    return f"{context.system.system}/{step_key(context.key)}"


async def _source(account: Account, inputs: RestoreInputs) -> Object:
    found = await instances.get(account, inputs.source)
    if cluster := found.get("DBClusterIdentifier"):
        raise PermanentError(
            f"{inputs.source} belongs to the cluster {cluster}: Aurora is restored as a cluster, "
            "which Backout does not do. Restore it by hand."
        )
    if inputs.target and inputs.target.lower() == inputs.source.lower():
        raise PermanentError("A restore makes a new instance: give the target another name.")
    return found


async def _ours(account: Account, target: str, context: Context, tag: str) -> Object | None:
    """Return the instance that this step restored from this; raise where it is another one."""
    found = await instances.find(account, target)
    if found is None:
        return None
    tags = instances.tags_of(found)
    if tags.get(OURS) == _mark(context) and tags.get(FROM) == tag:
        return found
    made = f"restored from {tags[FROM]} by {tags[OURS]}" if tags.keys() >= {FROM, OURS} else ""
    raise PermanentError(
        f"There is an instance {target} that this step did not make"
        + (f" ({made})" if made else "")
        + ": give another name in `target`. Nothing was done to it."
    )


def _wanted(inputs: RestoreInputs, source: Object) -> dict[str, Any]:
    given = {
        "DBInstanceClass": inputs.instance_class,
        "MultiAZ": inputs.multi_az,
        "DBSubnetGroupName": inputs.subnet_group,
        "VpcSecurityGroupIds": sorted(inputs.security_groups) or None,
        "DBParameterGroupName": inputs.parameter_group,
        "OptionGroupName": inputs.option_group,
    }
    given = {name: value for name, value in given.items() if value is not None}
    return settings.of(source) | given


def _changes(target: str, source: Object, wanted: Mapping[str, Any], point: Point) -> list[Change]:
    """Show what it has in common with its source in one go, and what it has otherwise."""
    has = settings.of(source)
    same = {name: value for name, value in wanted.items() if has.get(name) == value}
    told = [f"{settings.label(name)} {settings.told(value)}" for name, value in same.items()]
    return [
        Change(
            subject=f"{target}: as {source['DBInstanceIdentifier']}",
            before=None,
            after="; ".join([*told, f"encryption key {point.encryption}"]),
        ),
        *(
            Change(
                subject=f"{target}: {settings.label(name)}",
                before=f"{settings.told(has.get(name))} (source)",
                after=settings.told(value),
            )
            for name, value in wanted.items()
            if name not in same
        ),
    ]


def _lost(point: Point) -> str:
    ago = span((clocks.now() - point.time).total_seconds())
    return (
        f"Whoever cuts over to it loses what was written after {moment(point.time)} ({ago} until "
        "now). The source is not touched."
    )


def _managed(source: Object) -> list[str]:
    if not source.get("MasterUserSecret"):
        return []
    return ["Its master password is managed by RDS for the source; the new one is not managed."]
