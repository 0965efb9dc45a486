"""Database instances and snapshots as RDS tells them.  Called by every RDS action."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from adapters.aws.accounts import Account
from adapters.aws.errors import NotFoundError
from adapters.aws.rights import arn, right
from config.models.systems import System
from flows.actions import PermanentError, Permission

AVAILABLE = "available"
FAILED = frozenset(
    {
        "failed",
        "restore-error",
        "storage-full",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "incompatible-restore",
        "inaccessible-encryption-credentials",
        "inaccessible-encryption-credentials-recoverable",
        "deleting",
    }
)
OURS = "backout"
"""Key of the tag that says which step of which incident made something."""
Identifier = Annotated[str, Field(pattern=r"^[a-zA-Z](?:-?[a-zA-Z0-9])*$", max_length=63)]
SnapshotName = Annotated[
    str, Field(pattern=r"^((rds|awsbackup):)?[a-zA-Z](?:-?[a-zA-Z0-9])*$", max_length=255)
]
Object = dict[str, Any]


def instance_right(system: System, verb: str, name: str) -> Permission:
    """Return a right on one instance."""
    return right(system, f"rds:{verb}", arn(system, "rds", f"db:{name.lower()}"))


def snapshot_right(system: System, verb: str, name: str) -> Permission:
    """Return a right on one snapshot."""
    return right(system, f"rds:{verb}", arn(system, "rds", f"snapshot:{name.lower()}"))


async def find(account: Account, name: str) -> Object | None:
    """Return an instance, or None where there is none of this name."""
    asked = instance_right(account.system, "DescribeDBInstances", name)
    try:
        found = await account.read(asked, "describe_db_instances", DBInstanceIdentifier=name)
    except NotFoundError:
        return None
    return dict(found["DBInstances"][0])


async def get(account: Account, name: str) -> Object:
    """Return an instance; raise `PermanentError` where there is none."""
    found = await find(account, name)
    if found is None:
        raise PermanentError(
            f"There is no database instance {name} in this account and region: check its name, "
            "and connections.aws.region."
        )
    return found


async def find_snapshot(account: Account, name: str) -> Object | None:
    """Return a snapshot, or None where there is none of this name."""
    asked = snapshot_right(account.system, "DescribeDBSnapshots", name)
    try:
        found = await account.read(asked, "describe_db_snapshots", DBSnapshotIdentifier=name)
    except NotFoundError:
        return None
    return dict(found["DBSnapshots"][0]) if found["DBSnapshots"] else None


def tags_of(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of an instance or a snapshot."""
    return {each["Key"]: each.get("Value", "") for each in found.get("TagList", ())}


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Write tags as the API takes them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def data_time(snapshot: Mapping[str, Any]) -> datetime | None:
    """Return as of when a snapshot holds the data; a copy is younger than what it holds."""
    return (
        snapshot.get("SnapshotDatabaseTime")
        or snapshot.get("OriginalSnapshotCreateTime")
        or snapshot.get("SnapshotCreateTime")
    )


def endpoint(found: Mapping[str, Any]) -> str:
    """Return `host:port`, empty while there is none."""
    where = found.get("Endpoint") or {}
    return f"{where['Address']}:{where['Port']}" if where.get("Address") else ""
