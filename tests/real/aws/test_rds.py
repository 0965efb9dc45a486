"""Databases: restore points, snapshots and restores to new instances, on moto's AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.actions import Holds, NotYet, PermanentError, Refuted, TransientError
from tests.adapters.uses import Use
from tests.real.aws import checks
from tests.real.aws.conftest import At
from tests.real.aws.databases import NAME, described, good_moment, orders, snapshot
from tests.real.services.aws.server import Aws, User

POINTS, SNAPSHOT = "aws.rds.list_restore_points", "aws.rds.create_snapshot"
FROM_SNAPSHOT, TO_MOMENT = "aws.rds.restore_snapshot", "aws.rds.restore_point_in_time"
WRITES = "rds:(Create|Restore|Delete|Modify|Add).*"
LIKE = (
    "DBInstanceClass",
    "MultiAZ",
    "DeletionProtection",
    "IAMDatabaseAuthenticationEnabled",
    "CopyTagsToSnapshot",
    "EnabledCloudwatchLogsExports",
    "VpcSecurityGroups",
    "StorageEncrypted",
    "KmsKeyId",
)
Json = Any


@pytest.mark.covers("AIVO-R1", "AIVO-FIX14")
async def test_restore_points_are_the_finished_ones_newest_first(aws: Aws, at: At) -> None:
    """What is not finished is left out; what is too new is not chosen."""
    rds = orders(aws)
    await good_moment(aws)
    snapshot(aws, "good")
    after_good = datetime.now(UTC)
    snapshot(aws, "later")
    aws.progress.looks = None
    rds.create_db_snapshot(DBInstanceIdentifier=NAME, DBSnapshotIdentifier="unfinished")
    seen = await at(POINTS, instance=NAME).verify()
    assert isinstance(seen, Holds)
    assert [each["snapshot"] for each in seen.output["points"]][:2] == ["later", "good"]
    seen = await at(POINTS, instance=NAME, before=after_good.isoformat()).verify()
    assert isinstance(seen, Holds)
    assert seen.output["snapshot"] == "good"
    assert datetime.fromisoformat(seen.output["time"]) <= after_good
    long_ago = after_good - timedelta(days=400)
    assert isinstance(await at(POINTS, instance=NAME, before=long_ago).verify(), Refuted)
    await checks.without(
        aws,
        lambda user: at(POINTS, credentials=user, instance=NAME),
        "rds:DescribeDBSnapshots",
    )


@pytest.mark.covers("AIVO-I7", "AIVO-FIX11")
async def test_a_snapshot_is_made_once_and_waited_for(aws: Aws, at: At) -> None:
    """A repeat finds it by its tag, and says how far it is until it is available."""
    rds = orders(aws)
    aws.progress.looks = None
    use = at(SNAPSHOT, step="keep", instance=NAME, tags={"why": "evidence"})
    assert not (await use.preview()).in_place
    await use.apply()
    assert isinstance(await use.verify(), NotYet)
    aws.calls.clear()
    await use.apply()
    assert aws.asked("rds:CreateDBSnapshot") == []
    aws.progress.finish("rds:DBSnapshot")
    seen = await use.outcome()
    assert isinstance(seen, Holds)
    assert seen.output["snapshot"] == "orders-inc-7-keep"
    (found,) = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    tags = {each["Key"]: each["Value"] for each in found["TagList"]}
    assert (tags["backout"], tags["why"]) == ("aivo/INC-7/keep", "evidence")
    assert (await use.preview()).in_place


async def test_a_snapshot_of_somebody_else_is_not_adopted(aws: Aws, at: At) -> None:
    """Its name is taken, and it says nothing about this incident."""
    orders(aws)
    snapshot(aws, "evidence")
    use = at(SNAPSHOT, instance=NAME, snapshot="evidence")
    for verb in (use.preview, use.apply, use.verify):
        with pytest.raises(PermanentError, match="did not make"):
            await verb()


async def test_a_snapshot_waits_while_the_instance_is_busy(aws: Aws, at: At) -> None:
    """An instance that is being changed takes none right now; one that failed is told."""
    rds = orders(aws)
    aws.progress.looks = None
    rds.modify_db_instance(DBInstanceIdentifier=NAME, AllocatedStorage=40)
    use = at(SNAPSHOT, instance=NAME)
    assert any("is modifying" in each for each in (await use.preview()).warnings)
    with pytest.raises(TransientError, match="must wait"):
        await use.action.apply(use.inputs, {}, use.context)
    aws.progress.finish("rds:DBInstance")
    described(aws, NAME)
    await use.apply()
    aws.progress.fail("rds:DBSnapshot")
    seen = await use.verify()
    assert isinstance(seen, Refuted)
    assert seen.final


async def inputs_of(aws: Aws, uses: str) -> dict[str, Json]:
    """Make what a restore needs, and return its inputs."""
    orders(aws)
    if uses == FROM_SNAPSHOT:
        snapshot(aws)
        return {"source": NAME, "snapshot": "good"}
    return {"source": NAME, "time": await good_moment(aws)}


@pytest.mark.covers("AIVO-R2", "AIVO-R14", "AIVO-FIX17", "AIVO-FIX18")
@pytest.mark.parametrize("uses", [FROM_SNAPSHOT, TO_MOMENT])
async def test_a_restore_is_like_its_source(aws: Aws, at: At, uses: str) -> None:
    """The new instance has the source's settings and tags, and the source is not touched."""
    inputs = await inputs_of(aws, uses)
    before = described(aws, NAME)
    use = at(uses, **inputs)
    preview = await use.preview()
    assert preview.touches == 1
    assert "cuts over" in preview.warnings[0]
    aws.progress.looks = None
    await use.apply()
    assert isinstance(await use.verify(), NotYet)
    aws.progress.finish("rds:DBInstance")
    seen = await use.outcome()
    assert isinstance(seen, Holds), seen
    made = described(aws, "orders-inc-7")
    assert seen.output["host"] == made["Endpoint"]["Address"]
    assert made["Endpoint"]["Port"] == 5433
    assert {name: made[name] for name in LIKE} == {name: before[name] for name in LIKE}
    assert made["DBParameterGroups"][0]["DBParameterGroupName"] == "orders-pg"
    tags = {each["Key"]: each["Value"] for each in made["TagList"]}
    assert tags.items() >= {("team", "shop"), ("backout", "aivo/INC-7/step")}
    after = described(aws, NAME)
    ignored = "LatestRestorableTime"
    assert {**after, ignored: 0} == {**before, ignored: 0}
    assert (await use.preview()).in_place
    aws.calls.clear()
    await use.apply()
    assert aws.asked(WRITES) == []


async def test_a_restore_that_fails_is_told(aws: Aws, at: At) -> None:
    """Nothing more can come of it."""
    use = at(FROM_SNAPSHOT, **await inputs_of(aws, FROM_SNAPSHOT), target="orders-new")
    aws.progress.looks = None
    await use.apply()
    aws.progress.fail("rds:DBInstance", "orders-new")
    seen = await use.verify()
    assert isinstance(seen, Refuted)
    assert seen.final


async def test_another_instance_of_the_name_is_left_alone(aws: Aws, at: At) -> None:
    """Only what this step restored from the same point is adopted."""
    uses, inputs = FROM_SNAPSHOT, await inputs_of(aws, FROM_SNAPSHOT)
    use = at(uses, **inputs, target="orders-new")
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    aws.calls.clear()
    other = at(uses, step="another", **inputs, target="orders-new")
    for verb in (other.preview, other.apply):
        with pytest.raises(PermanentError, match="did not make"):
            await verb()
    with pytest.raises(PermanentError, match="another name"):
        await at(uses, **inputs, target=NAME).preview()
    assert aws.asked(WRITES) == []


@pytest.mark.covers("AIVO-FIX29")
async def test_only_moments_of_the_window_are_restored(aws: Aws, at: At) -> None:
    """Before the first backup, in the future, or without a zone: refused before anything."""
    orders(aws)
    await good_moment(aws)
    now = datetime.now(UTC)
    for delta, said in ((timedelta(hours=1), "at the latest"), (-timedelta(days=9), "earliest")):
        with pytest.raises(PermanentError, match=said):
            await at(TO_MOMENT, source=NAME, time=now + delta).preview()
    with pytest.raises(ValueError, match="time zone"):
        at(TO_MOMENT, source=NAME, time="2025-08-21T14:00:00")
    assert aws.asked("rds:Restore.*") == []


@pytest.mark.parametrize("uses", [FROM_SNAPSHOT, TO_MOMENT, SNAPSHOT])
async def test_rights_are_the_least(aws: Aws, at: At, uses: str) -> None:
    """The rights that are named are enough, and a missing one is named."""
    inputs = await inputs_of(aws, uses) if uses != SNAPSHOT else {"instance": NAME}
    if uses == SNAPSHOT:
        orders(aws)

    def make(user: User) -> Use:
        return at(uses, credentials=user, **inputs)

    verb = {
        FROM_SNAPSHOT: "rds:RestoreDBInstanceFromDBSnapshot",
        TO_MOMENT: "rds:RestoreDBInstanceToPointInTime",
        SNAPSHOT: "rds:CreateDBSnapshot",
    }[uses]
    await checks.without(aws, make, verb)
    await checks.without(aws, make, "rds:DescribeDBInstances")
    await checks.with_the_least_rights(aws, make)


@pytest.mark.parametrize("uses", [FROM_SNAPSHOT, TO_MOMENT, SNAPSHOT])
async def test_answers_that_fail(aws: Aws, at: At, uses: str) -> None:
    """Too fast, failed inside and lost: each is what it is, and a look tells the truth."""
    inputs = await inputs_of(aws, uses) if uses != SNAPSHOT else {"instance": NAME}
    if uses == SNAPSHOT:
        orders(aws)
    await checks.when_answers_fail(aws, at(uses, **inputs), "rds:(Create|Restore)DB.*")
