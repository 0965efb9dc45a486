"""`aws.rds.restore_snapshot`: bring a snapshot up as a new database instance."""

from typing import ClassVar

from pydantic import Field

from adapters.aws.accounts import Account
from adapters.aws.inputs import moment
from adapters.aws.rds import instances, settings
from adapters.aws.rds.instances import AVAILABLE, Object, SnapshotName
from adapters.aws.rds.restores import Point, RestoreInputs, RestoreOutput, Restoring
from config.models.base import Model
from config.models.systems import System
from flows.actions import JsonObject, PermanentError, Permission


class RestoreSnapshotInputs(RestoreInputs):
    """Which snapshot, and the new instance."""

    snapshot: SnapshotName = Field(description="The snapshot; automated ones begin with `rds:`.")


class RestoreSnapshotOutput(RestoreOutput):
    """The new instance."""


class RestoreSnapshot(Restoring[RestoreSnapshotInputs]):
    """Restore a snapshot to a new database instance that is set up like its source.

    Class, subnet, security, parameter and option groups, standby, storage, log-in by IAM, deletion
    protection, exported logs and tags are carried over from the source, unless given otherwise;
    encryption is the snapshot's.  They are compared again once the instance is available.  The
    source is not touched: pointing anybody at the new instance is a step of its own.

    Tags say which step of which incident restored it, and from what: a repeat finds the instance
    and waits for it, and another instance of that name is left alone.  Idempotent for that reason.

    Effect: changes.  Not undoable: the new instance stays until a person deletes it.  Units: times
    in UTC.  Errors: permanent where source or snapshot are not there, the snapshot is not finished,
    of another engine or less encrypted than the source, the name is taken, and without a right (a
    key of your own must let Backout use it: kms:DescribeKey, kms:CreateGrant); unknown outcome when
    the answer is lost.
    """

    uses: ClassVar[str] = "aws.rds.restore_snapshot"
    verb: ClassVar[str] = "RestoreDBInstanceFromDBSnapshot"
    method: ClassVar[str] = "restore_db_instance_from_db_snapshot"
    target_parameter: ClassVar[str] = "DBInstanceIdentifier"
    Inputs: ClassVar[type[Model]] = RestoreSnapshotInputs
    Output: ClassVar[type[Model]] = RestoreSnapshotOutput
    example: ClassVar[JsonObject] = {
        "source": "aivo-prod-primary",
        "snapshot": "rds:aivo-prod-primary-2025-08-21-03-07",
        "target": "aivo-prod-primary-restore",
    }

    def origin(self, inputs: RestoreSnapshotInputs, system: System) -> tuple[Permission, ...]:
        """Describe and restore the snapshot."""
        verbs = ("DescribeDBSnapshots", self.verb)
        return tuple(instances.snapshot_right(system, verb, inputs.snapshot) for verb in verbs)

    async def point(self, inputs: RestoreSnapshotInputs, account: Account, source: Object) -> Point:
        """Look at the snapshot."""
        name = inputs.snapshot
        found = await instances.find_snapshot(account, name)
        if found is None:
            raise PermanentError(f"There is no snapshot {name} in this account and region.")
        time = instances.data_time(found)
        if found["Status"] != AVAILABLE or time is None:
            raise PermanentError(
                f"Snapshot {name} is {found['Status']}, not available: wait for it, or take "
                "another one."
            )
        if found["Engine"] != source["Engine"]:
            raise PermanentError(
                f"Snapshot {name} is of {found['Engine']}, but {inputs.source} is "
                f"{source['Engine']}: it can't take its place."
            )
        key, wanted = settings.encryption(found), settings.encryption(source)
        if key == "none" and wanted != "none":
            raise PermanentError(
                f"Snapshot {name} is not encrypted, but {inputs.source} is, and what is restored "
                f"from it would not be: copy it with the key {wanted} first."
            )
        return Point(
            label=f"snapshot {name} of {moment(time)}",
            tag=found.get("DBSnapshotArn", name),
            time=time,
            encryption=key,
            request={"DBSnapshotIdentifier": name},
            warnings=tuple(_warnings(inputs, source, found)),
        )


def _warnings(inputs: RestoreSnapshotInputs, source: Object, found: Object) -> list[str]:
    told = []
    if (of := found.get("DBInstanceIdentifier")) != source["DBInstanceIdentifier"]:
        told.append(f"Snapshot {inputs.snapshot} is of {of}, not of {inputs.source}.")
    if settings.encryption(found) != settings.encryption(source):
        told.append(f"It is encrypted with another key than {inputs.source}.")
    if found.get("EngineVersion") != source.get("EngineVersion"):
        told.append(
            f"It comes up with {found['Engine']} {found.get('EngineVersion')}; the source has "
            f"{source.get('EngineVersion')}."
        )
    return told
