"""RDS: restores that lead to real servers, and the moments to which there is a way back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from boto3.session import Session

from sandbox.aws.databases import Endpoint
from sandbox.aws.names import PRIMARY
from sandbox.aws.part import Aws
from sandbox.aws.users import BOT
from sandbox.estate.clock import Clock
from tests.sandbox.aws.conftest import HURRIED, Sdk, running, until, view

Json = Any
NEW = "aivo-prod-recovery"


class Servers:
    """Who runs databases: what it is asked for, and where they are once a test says so."""

    def __init__(self) -> None:
        self.known: dict[str, Endpoint] = {PRIMARY: ("127.0.0.1", 5555)}
        self.asked: list[tuple[str, float | None]] = []
        self.forgotten: list[str] = []
        self.too_old = False

    def restore(self, name: str, moment: float | None) -> None:
        """Note it; or refuse, where the test says so."""
        if self.too_old:
            raise ValueError("There is no base backup of that time.")
        self.asked.append((name, moment))

    def endpoint(self, name: str) -> Endpoint | None:
        """Return what the test says."""
        return self.known.get(name)

    def forget(self, name: str) -> None:
        """Note it."""
        self.forgotten.append(name)
        self.known.pop(name, None)


class Real:
    """An account whose database is real."""

    def __init__(self, aws: Aws, sdk: Sdk, servers: Servers) -> None:
        self.aws, self.sdk, self.servers = aws, sdk, servers
        self.broken: float | None = None

    async def instance(self, name: str = NEW) -> Json:
        """Return what RDS tells of an instance."""
        found = await self.sdk("rds", "describe_db_instances", user=BOT, DBInstanceIdentifier=name)
        return found["DBInstances"][0]

    async def restore(self, **more: Json) -> None:
        """Begin a restore of the primary."""
        await self.sdk(
            "rds",
            "restore_db_instance_to_point_in_time",
            user=BOT,
            SourceDBInstanceIdentifier=PRIMARY,
            TargetDBInstanceIdentifier=NEW,
            **more,
        )


@pytest.fixture
async def real(clock: Clock, session: Session) -> AsyncIterator[Real]:
    """An account with real servers behind its instances."""
    servers = Servers()
    made: list[Real] = []
    part = Aws(clock, databases=servers, broken=lambda: made[0].broken if made else None)
    async with running(part) as aws:
        with closing(Sdk(session, aws.addresses()["aws_url"])) as sdk:
            made.append(Real(aws, sdk, servers))
            yield made[0]


def shown(aws: Aws) -> dict[str, tuple[str, int]]:
    """Return the instances in the panel: status and port."""
    return {each["id"]: (each["status"], each["port"]) for each in view(aws)["instances"]}


async def test_an_instance_is_there_when_its_server_is(real: Real, clock: Clock) -> None:
    """It is creating until its time is over and the server takes writes; then it tells where."""
    moment = datetime.now(UTC)
    real.broken = moment.timestamp() + 5  # it can be brought back to right before
    await real.restore(RestoreTime=moment)
    await until(lambda: bool(real.servers.asked))
    ((name, wanted),) = real.servers.asked
    assert name == NEW
    assert wanted == pytest.approx(moment.timestamp(), abs=0.01)
    clock.set_speed(HURRIED)
    begun = clock.now()
    await until(lambda: clock.now() > begun + 100)
    found = await real.instance()
    assert (found["DBInstanceStatus"], "Endpoint" in found) == ("creating", False)
    real.servers.known[NEW] = ("127.0.0.1", 5566)

    async def is_there() -> bool:
        return bool((await real.instance())["DBInstanceStatus"] == "available")

    await until(is_there)
    where = (await real.instance())["Endpoint"]
    assert (where["Address"], where["Port"]) == ("127.0.0.1", 5566)
    await until(lambda: shown(real.aws).get(NEW) == ("available", 5566))
    assert shown(real.aws)[PRIMARY] == ("available", 5555)
    await real.aws.reset()
    await until(lambda: real.servers.forgotten == [NEW])
    assert [each["id"] for each in view(real.aws)["instances"]] == [PRIMARY]


async def test_an_instance_takes_its_time_though_its_server_is_quick(
    real: Real, clock: Clock
) -> None:
    """Forty seconds by the estate's clock."""
    real.servers.known[NEW] = ("127.0.0.1", 5566)
    await real.restore(UseLatestRestorableTime=True)
    await until(lambda: real.servers.asked == [(NEW, None)])
    assert (await real.instance())["DBInstanceStatus"] == "creating"
    clock.set_speed(HURRIED)

    async def is_there() -> bool:
        return bool((await real.instance())["DBInstanceStatus"] == "available")

    await until(is_there)


async def test_the_primarys_port_is_not_asked_for(real: Real) -> None:
    """Its host is told, and its port is not: no two servers of a machine could have it."""
    found = await real.instance(PRIMARY)
    assert found["Endpoint"] == {"Address": "127.0.0.1"}
    assert "DbInstancePort" not in found


async def test_a_snapshot_is_restored_as_of_its_time(real: Real, clock: Clock) -> None:
    """Whoever restores it gets what was there then."""
    before = time.time()
    await real.sdk(
        "rds",
        "create_db_snapshot",
        user=BOT,
        DBInstanceIdentifier=PRIMARY,
        DBSnapshotIdentifier="kept",
    )
    await until(lambda: "kept" in [each["id"] for each in view(real.aws)["snapshots"]])
    wanted = {"DBInstanceIdentifier": NEW, "DBSnapshotIdentifier": "kept"}
    code = await real.sdk.refusal("rds", "restore_db_instance_from_db_snapshot", user=BOT, **wanted)
    assert code == "InvalidDBSnapshotState"
    clock.set_speed(HURRIED)

    async def is_there() -> bool:
        found = await real.sdk("rds", "describe_db_snapshots", DBSnapshotIdentifier="kept")
        return bool(found["DBSnapshots"][0]["Status"] == "available")

    await until(is_there)
    after = time.time()
    await real.sdk("rds", "restore_db_instance_from_db_snapshot", user=BOT, **wanted)
    await until(lambda: bool(real.servers.asked))
    ((name, moment),) = real.servers.asked
    assert name == NEW
    assert moment is not None
    assert before - 1 <= moment <= after + 1


async def test_there_is_a_way_back_to_right_before_it_broke(real: Real) -> None:
    """The last moment lags behind, though never before the break; earlier than the first backup,
    and later than the last moment, is refused.
    """
    latest = (await real.instance(PRIMARY))["LatestRestorableTime"]
    assert latest <= datetime.now(UTC)
    real.broken = time.time()
    latest = (await real.instance(PRIMARY))["LatestRestorableTime"]
    assert latest.timestamp() == pytest.approx(real.broken, abs=1)
    old, soon = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-3, 1))
    for moment in (old, soon):
        code = await real.sdk.refusal(
            "rds",
            "restore_db_instance_to_point_in_time",
            user=BOT,
            SourceDBInstanceIdentifier=PRIMARY,
            TargetDBInstanceIdentifier=NEW,
            RestoreTime=moment,
        )
        assert code == "InvalidParameterValue"
    assert real.servers.asked == []


async def test_what_the_servers_refuse_is_refused(real: Real) -> None:
    """Then there is no such instance, and the next restore of the name is as the first."""
    real.servers.too_old = True
    code = await real.sdk.refusal(
        "rds",
        "restore_db_instance_to_point_in_time",
        user=BOT,
        SourceDBInstanceIdentifier=PRIMARY,
        TargetDBInstanceIdentifier=NEW,
        UseLatestRestorableTime=True,
    )
    assert code == "InvalidParameterValue"
    real.servers.too_old = False
    await real.restore(UseLatestRestorableTime=True)
    assert real.servers.asked == [(NEW, None)]


async def test_without_servers_instances_are_as_moto_makes_them(aws: Aws, sdk: Sdk) -> None:
    """The rest of RDS can be played all the same."""
    found = (await sdk("rds", "describe_db_instances", user=BOT))["DBInstances"][0]
    assert found["Endpoint"]["Port"] == 5432
    assert found["BackupRetentionPeriod"] == 14
    assert found["DeletionProtection"] is True
    assert found["DBParameterGroups"][0]["DBParameterGroupName"] == "aivo-pg16"
    assert found["StorageEncrypted"] is True


async def test_a_deleted_instance_is_forgotten(real: Real, clock: Clock) -> None:
    """Its server goes with it."""
    real.servers.known[NEW] = ("127.0.0.1", 5566)
    await real.restore(UseLatestRestorableTime=True)
    clock.set_speed(HURRIED)

    async def is_there() -> bool:
        return bool((await real.instance())["DBInstanceStatus"] == "available")

    await until(is_there)
    await real.sdk("rds", "delete_db_instance", DBInstanceIdentifier=NEW, SkipFinalSnapshot=True)
    await until(lambda: real.servers.forgotten == [NEW])
