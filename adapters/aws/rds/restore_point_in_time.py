"""`aws.rds.restore_point_in_time`: bring a database up as it was at a moment."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from adapters.aws import clocks
from adapters.aws.accounts import Account
from adapters.aws.inputs import Moment, moment, span
from adapters.aws.rds import instances, settings
from adapters.aws.rds.instances import AVAILABLE, Object
from adapters.aws.rds.restores import Point, RestoreInputs, RestoreOutput, Restoring
from config.models.base import Model
from config.models.systems import System
from flows.actions import JsonObject, PermanentError, Permission


class RestorePointInTimeInputs(RestoreInputs):
    """Which moment, and the new instance."""

    time: Moment = Field(
        description="The moment, with its time zone: right before the first bad write."
    )


class RestorePointInTimeOutput(RestoreOutput):
    """The new instance."""


class RestorePointInTime(Restoring[RestorePointInTimeInputs]):
    """Restore a database instance, as it was at a moment, to a new one that is set up like it.

    The moment must lie in the window that RDS keeps: from the oldest automated snapshot to about
    five minutes ago.  What is carried over, compared, found again by a repeat and never touched is
    as with `aws.rds.restore_snapshot`.

    Effect: changes.  Not undoable: the new instance stays until a person deletes it.  Units: times
    in UTC, to the second.  Errors: permanent where the source is not there or keeps no backups, the
    moment is outside of the window, the name is taken, and without a right (a key of your own must
    let Backout use it: kms:DescribeKey, kms:CreateGrant); transient while the source is busy;
    unknown outcome when the answer is lost.
    """

    uses: ClassVar[str] = "aws.rds.restore_point_in_time"
    verb: ClassVar[str] = "RestoreDBInstanceToPointInTime"
    method: ClassVar[str] = "restore_db_instance_to_point_in_time"
    target_parameter: ClassVar[str] = "TargetDBInstanceIdentifier"
    Inputs: ClassVar[type[Model]] = RestorePointInTimeInputs
    Output: ClassVar[type[Model]] = RestorePointInTimeOutput
    example: ClassVar[JsonObject] = {
        "source": "aivo-prod-primary",
        "time": "2025-08-21T14:00:00Z",
        "target": "aivo-prod-recovery",
    }

    def origin(self, inputs: RestorePointInTimeInputs, system: System) -> tuple[Permission, ...]:
        """See where the window begins, and restore the source."""
        verbs = ("DescribeDBSnapshots", self.verb)
        return tuple(instances.instance_right(system, verb, inputs.source) for verb in verbs)

    async def point(
        self, inputs: RestorePointInTimeInputs, account: Account, source: Object
    ) -> Point:
        """Compare the moment with the window."""
        name, time = inputs.source, inputs.time.replace(microsecond=0)
        latest = source.get("LatestRestorableTime")
        if not source.get("BackupRetentionPeriod") or latest is None:
            raise PermanentError(
                f"{name} keeps no automated backups, so it can't be brought back to a moment: "
                "restore a snapshot."
            )
        if time > latest:
            ago = span((clocks.now() - latest).total_seconds())
            raise PermanentError(
                f"{name} can be brought back to {moment(latest)} at the latest ({ago} ago), and "
                f"{moment(time)} is later: choose an earlier moment, or wait."
            )
        earliest = await _earliest(account, name)
        if earliest is not None and time < earliest:
            raise PermanentError(
                f"{name} can be brought back to {moment(earliest)} at the earliest, and "
                f"{moment(time)} is earlier: choose a later moment, or restore a snapshot."
            )
        return Point(
            label=moment(time),
            tag=f"{name}@{time.isoformat()}",
            time=time,
            encryption=settings.encryption(source),
            request={"SourceDBInstanceIdentifier": name, "RestoreTime": time.isoformat()},
        )


async def _earliest(account: Account, name: str) -> datetime | None:
    """Return where the window begins, as far as snapshots tell."""
    asked = instances.instance_right(account.system, "DescribeDBSnapshots", name)
    found = await account.pages(
        asked, "describe_db_snapshots", DBInstanceIdentifier=name, SnapshotType="automated"
    )
    times = (instances.data_time(e) for e in found["DBSnapshots"] if e.get("Status") == AVAILABLE)
    return min((each for each in times if each), default=None)
