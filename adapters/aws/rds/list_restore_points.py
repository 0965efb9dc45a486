"""`aws.rds.list_restore_points`: to which moments a database can be brought back."""

from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from adapters.aws import clocks
from adapters.aws.accounts import connect
from adapters.aws.inputs import Moment, moment, span
from adapters.aws.rds import instances
from adapters.aws.rds.instances import AVAILABLE, Identifier
from adapters.values import count
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    Context,
    Effect,
    Holds,
    JsonObject,
    Permission,
    Reading,
    Refuted,
    Verdict,
)

Object = dict[str, Any]


class ListRestorePointsInputs(Model):
    """Of which database, and how late a moment may be."""

    instance: Identifier = Field(description="The database instance.")
    before: Moment | None = Field(
        default=None,
        description="Latest moment that is still good, with its time zone: right before the first "
        "bad write.  Left out: now.",
    )
    most: int = Field(default=10, ge=1, le=100, description="Snapshots that are listed.")


class RestorePoint(Model):
    """A snapshot that can be restored."""

    snapshot: str
    time: datetime = Field(description="As of when it holds the data.")
    kind: str = Field(description="manual, automated or awsbackup.")


class ListRestorePointsOutput(Model):
    """What there is, the newest first."""

    snapshot: str = Field(description="Newest good snapshot, empty where there is none.")
    snapshot_time: datetime | None = Field(description="As of when it holds the data.")
    time: datetime | None = Field(
        description="Latest good moment that a point-in-time restore reaches, null without one."
    )
    earliest: datetime | None = Field(description="Where the window of such restores begins.")
    latest: datetime | None = Field(description="Where it ends; it lags by about five minutes.")
    lost_by_snapshot: str = Field(description="How much is lost with the snapshot, from now.")
    lost_by_time: str = Field(description="How much is lost with the moment, from now.")
    points: tuple[RestorePoint, ...]


class ListRestorePoints(Reading[ListRestorePointsInputs]):
    """Find the snapshots and the window of point-in-time restores of a database instance.

    Only what is finished counts, manual and automated, the newest first and none later than
    `before`.  The window ends where RDS says, and begins with the oldest automated snapshot.

    Effect: reads.  Units: times in UTC.  Errors: permanent for an instance that is not there and
    without a right.  Refuted where nothing is old enough.
    """

    uses: ClassVar[str] = "aws.rds.list_restore_points"
    effect: ClassVar[Effect] = Effect.READS
    Inputs: ClassVar[type[Model]] = ListRestorePointsInputs
    Output: ClassVar[type[Model]] = ListRestorePointsOutput
    example: ClassVar[JsonObject] = {
        "instance": "aivo-prod-primary",
        "before": "2025-08-21T14:00:00Z",
    }

    def permissions(
        self, inputs: ListRestorePointsInputs, system: System
    ) -> tuple[Permission, ...]:
        """Describe the instance and its snapshots."""
        return (
            instances.instance_right(system, "DescribeDBInstances", inputs.instance),
            instances.instance_right(system, "DescribeDBSnapshots", inputs.instance),
        )

    def describe(self, inputs: ListRestorePointsInputs) -> str:
        """Say what is looked for."""
        until = f" not later than {moment(inputs.before)}" if inputs.before else ""
        return f"Find what {inputs.instance} can be restored to{until}"

    async def look(self, inputs: ListRestorePointsInputs, context: Context) -> Verdict:
        """Look once."""
        account = await connect(context)
        found = await instances.get(account, inputs.instance)
        asked = instances.instance_right(account.system, "DescribeDBSnapshots", inputs.instance)
        answer = await account.pages(
            asked, "describe_db_snapshots", DBInstanceIdentifier=inputs.instance
        )
        return judge(inputs, found, list(answer["DBSnapshots"]), clocks.now())


def judge(
    inputs: ListRestorePointsInputs, found: Object, snapshots: list[Object], now: datetime
) -> Verdict:
    """Sort the snapshots and choose the newest good moments."""
    until = inputs.before or now
    ready = [
        RestorePoint(snapshot=s["DBSnapshotIdentifier"], time=at, kind=s.get("SnapshotType", ""))
        for s in snapshots
        if s.get("Status") == AVAILABLE and (at := instances.data_time(s))
    ]
    ready.sort(key=lambda each: each.time, reverse=True)
    good = [each for each in ready if each.time <= until]
    earliest = min((e.time for e in ready if e.kind == "automated"), default=None)
    latest = found.get("LatestRestorableTime")
    time = min(until, latest).replace(microsecond=0) if latest else None
    if earliest is None or (time and time < earliest):
        time = None
    if not good and time is None:
        return Refuted(
            why=f"{inputs.instance} has {count(len(ready), 'snapshot')}, and nothing that goes "
            f"back to {moment(until)}"
        )
    newest = good[0] if good else None
    output = ListRestorePointsOutput(
        snapshot=newest.snapshot if newest else "",
        snapshot_time=newest.time if newest else None,
        time=time,
        earliest=earliest,
        latest=latest,
        lost_by_snapshot=_lost(newest.time if newest else None, now),
        lost_by_time=_lost(time, now),
        points=tuple(good[: inputs.most]),
    )
    return Holds(summary=_told(inputs, output), output=output.model_dump(mode="json"))


def _lost(time: datetime | None, now: datetime) -> str:
    return span((now - time).total_seconds()) if time else ""


def _told(inputs: ListRestorePointsInputs, output: ListRestorePointsOutput) -> str:
    told = []
    if output.time:
        told.append(f"to {moment(output.time)} (loses {output.lost_by_time})")
    if output.snapshot_time:
        at = moment(output.snapshot_time)
        told.append(f"snapshot {output.snapshot} of {at} (loses {output.lost_by_snapshot})")
    return f"{inputs.instance} can be restored: {'; '.join(told)}"
