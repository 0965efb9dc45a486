"""`aws.rds.create_snapshot`: keep a database as it is now."""

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from adapters.aws.accounts import Account, connect
from adapters.aws.errors import ExistsError
from adapters.aws.inputs import moment
from adapters.aws.rds import instances
from adapters.aws.rds.instances import AVAILABLE, FAILED, OURS, Identifier, Object
from adapters.values import fingerprint_of, step_key
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ANY,
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    NotYet,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    TransientError,
    Verdict,
)

LOOK_AGAIN = 10.0
UNFIT = re.compile(r"[^a-z0-9]+")
LONGEST = 255


def _not_reserved(name: str) -> str:
    if name.lower() != name:
        raise ValueError("RDS keeps names in lower case: write it so")
    return name


class CreateSnapshotInputs(Model):
    """Of which database, and under which name."""

    instance: Identifier = Field(description="The database instance.")
    snapshot: Annotated[str, AfterValidator(_not_reserved)] | None = Field(
        default=None,
        pattern=r"^[a-zA-Z](?:-?[a-zA-Z0-9])*$",
        max_length=LONGEST,
        description="Its name; left out: made of the instance, the incident and the step.",
        examples=["security-incident-inc-7"],
    )
    tags: dict[str, str] = Field(
        default_factory=dict, max_length=40, description="Tags besides Backout's own."
    )


class CreateSnapshotOutput(Model):
    """The snapshot."""

    snapshot: str
    arn: str
    time: str = Field(description="As of when it holds the data, UTC.")
    gigabytes: int = Field(description="Storage of the instance in GiB.")


class CreateSnapshot(Action):
    """Make a manual snapshot of a database instance; it stays until a person deletes it.

    Its name is the same for every attempt of the step, and a tag says which step of which incident
    made it: a repeat finds it, and waits until it is available.  A snapshot of that name that
    somebody else made is never taken for it.  On an instance without a standby, input and output
    may stand still for some seconds when it begins.

    Idempotent for that reason.

    Effect: changes.  Not undoable: it is kept.  Errors: permanent for an instance that is not
    there, a name that is taken and without a right; transient while the instance is busy, e.g.
    with a backup; unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "aws.rds.create_snapshot"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = CreateSnapshotInputs
    Output: ClassVar[type[Model]] = CreateSnapshotOutput
    example: ClassVar[JsonObject] = {"instance": "aivo-prod-primary"}

    def permissions(self, inputs: CreateSnapshotInputs, system: System) -> tuple[Permission, ...]:
        """Describe the instance and the snapshot, and make and tag the latter."""
        name = inputs.snapshot
        if name is None:
            name = ANY if inputs.instance == ANY else f"{inputs.instance.lower()}-*"
        return (
            instances.instance_right(system, "DescribeDBInstances", inputs.instance),
            instances.snapshot_right(system, "DescribeDBSnapshots", name),
            instances.instance_right(system, "CreateDBSnapshot", inputs.instance),
            instances.snapshot_right(system, "CreateDBSnapshot", name),
            instances.snapshot_right(system, "AddTagsToResource", name),
        )

    async def preview(self, inputs: CreateSnapshotInputs, context: Context) -> Preview:
        """Show the instance, and whether the snapshot is there already."""
        account, name = await connect(context), _name(inputs, context)
        found = await instances.get(account, inputs.instance)
        there = await _ours(account, name, context)
        status = found["DBInstanceStatus"]
        size = found.get("AllocatedStorage", 0)
        change = Change(subject=f"snapshot {name}", before=None, after=f"of {inputs.instance}")
        busy = f"{inputs.instance} is {status}: the snapshot waits until it is available."
        pause = "It has no standby: input and output may stand still for some seconds."
        return Preview(
            summary=f"Keep {inputs.instance} ({size} GiB) as snapshot {name}",
            fingerprint=fingerprint_of([found.get("DbiResourceId"), name]),
            changes=() if there else (change,),
            in_place=there is not None,
            touches=0 if there else 1,
            warnings=(
                *([busy] if status != AVAILABLE and not there else []),
                *([pause] if not found.get("MultiAZ") and not there else []),
            ),
        )

    async def capture(self, inputs: CreateSnapshotInputs, context: Context) -> JsonObject:
        """Record the snapshot's name."""
        return {"snapshot": _name(inputs, context)}

    async def apply(
        self, inputs: CreateSnapshotInputs, captured: JsonObject, context: Context
    ) -> None:
        """Begin it, unless it is there."""
        account, name = await connect(context), _name(inputs, context)
        if await _ours(account, name, context):
            return
        asked = instances.snapshot_right(account.system, "CreateDBSnapshot", name)
        tags = {**inputs.tags, OURS: _mark(context)}
        try:
            await account.write(
                asked,
                "create_db_snapshot",
                DBInstanceIdentifier=inputs.instance,
                DBSnapshotIdentifier=name,
                Tags=instances.as_tags(tags),
            )
        except ExistsError as error:
            raise TransientError(f"Snapshot {name} came up just now; looking.") from error

    async def verify(
        self, inputs: CreateSnapshotInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Look how far it is."""
        account, name = await connect(context), _name(inputs, context)
        found = await _ours(account, name, context)
        if found is None:
            return Refuted(why=f"there is no snapshot {name}")
        status = found["Status"]
        if status in FAILED:
            return Refuted(why=f"snapshot {name} is {status}", final=True)
        time = instances.data_time(found)
        if status != AVAILABLE or time is None:
            percent = found.get("PercentProgress", 0)
            return NotYet(progress=f"snapshot {name} is {status}, {percent} %", after=LOOK_AGAIN)
        output = CreateSnapshotOutput(
            snapshot=name,
            arn=found.get("DBSnapshotArn", ""),
            time=time.isoformat(),
            gigabytes=found.get("AllocatedStorage", 0),
        )
        told = f"snapshot {name} is available, of {moment(time)}"
        return Holds(summary=told, output=output.model_dump(mode="json"))


def _name(inputs: CreateSnapshotInputs, context: Context) -> str:
    if inputs.snapshot:
        return inputs.snapshot
    plain = UNFIT.sub("-", f"{inputs.instance}-{step_key(context.key)}".lower())
    return plain.strip("-")[:LONGEST].strip("-")


def _mark(context: Context) -> str:
    return f"{context.system.system}/{step_key(context.key)}"


async def _ours(account: Account, name: str, context: Context) -> Object | None:
    """Return the snapshot that this step made; raise where the name is somebody else's."""
    found = await instances.find_snapshot(account, name)
    if found is not None and instances.tags_of(found).get(OURS) != _mark(context):
        raise PermanentError(
            f"There is a snapshot {name} that this step did not make: give another name in "
            "`snapshot`."
        )
    return found
