"""A production database with settings of its own, and moments to which it can be brought back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.real.services.aws.server import Aws
from tests.real.services.aws.uses import database, state

Json = Any
NAME = "orders"
SPECIAL = {
    "MultiAZ": True,
    "DeletionProtection": True,
    "EnableIAMDatabaseAuthentication": True,
    "CopyTagsToSnapshot": True,
    "EnableCloudwatchLogsExports": ["postgresql"],
    "BackupRetentionPeriod": 7,
    "Port": 5433,
    "StorageEncrypted": True,
    "KmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/orders",
    "Tags": [{"Key": "team", "Value": "shop"}],
}


def orders(aws: Aws, **more: Json) -> Any:
    """Make the database `orders` with groups (and `more`) of its own; return the client."""
    ec2, rds = aws.client("ec2"), aws.client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{z}")
        for n, z in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="orders", Description="orders", VpcId=vpc)
    rds.create_db_subnet_group(
        DBSubnetGroupName="private",
        DBSubnetGroupDescription="private",
        SubnetIds=[each["Subnet"]["SubnetId"] for each in subnets],
    )
    rds.create_db_parameter_group(
        DBParameterGroupName="orders-pg", DBParameterGroupFamily="postgres16", Description="orders"
    )
    return database(
        aws,
        NAME,
        DBSubnetGroupName="private",
        DBParameterGroupName="orders-pg",
        VpcSecurityGroupIds=[group["GroupId"]],
        **{**SPECIAL, **more},
    )


def snapshot(aws: Aws, name: str = "good") -> None:
    """Make a manual snapshot that is available."""
    rds = aws.client("rds")
    rds.create_db_snapshot(DBInstanceIdentifier=NAME, DBSnapshotIdentifier=name)
    aws.progress.finish("rds:DBSnapshot", name)
    rds.describe_db_snapshots(DBSnapshotIdentifier=name)


def described(aws: Aws, name: str) -> Json:
    """Return what AWS tells of an instance."""
    state(aws.client("rds"), name)
    return aws.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


async def good_moment(aws: Aws, name: str = NAME) -> str:
    """Return a whole second that lies in the window: backups begin with the instance."""
    rds = aws.client("rds")
    found = rds.describe_db_snapshots(DBInstanceIdentifier=name, SnapshotType="automated")
    begin = min(each["SnapshotCreateTime"] for each in found["DBSnapshots"])
    moment = begin.replace(microsecond=0) + timedelta(seconds=1)
    while datetime.now(UTC) <= moment:
        await asyncio.sleep(0.05)
    return str(moment.isoformat())
