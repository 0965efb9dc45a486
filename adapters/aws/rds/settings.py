"""What a restored instance must have in common with its source.  Pure.

Called by `restores`.  Left out of a restore, RDS would choose its own defaults: the default
security and parameter groups, one zone, no deletion protection, no tags.
"""

from collections.abc import Callable, Mapping
from typing import Any

from adapters.aws.rds.instances import Object

FASTER_THAN_GIVEN = 3000
"""IOPS that every gp3 volume has: RDS refuses them where a small volume asks for no more."""
Json = Any


def _first(found: Object, several: str, name: str) -> Json:
    return next((each[name] for each in found.get(several) or () if each.get(name)), None)


def _groups(found: Object) -> list[str]:
    return sorted(each["VpcSecurityGroupId"] for each in found.get("VpcSecurityGroups") or ())


def _iops(found: Object) -> int | None:
    iops = found.get("Iops")
    provisioned = str(found.get("StorageType", "")).startswith("io")
    return iops if iops and (provisioned or iops > FASTER_THAN_GIVEN) else None


def _throughput(found: Object) -> int | None:
    return found.get("StorageThroughput") if _iops(found) else None


# How the request calls it, how people do, and where a description has it.
SETTINGS: tuple[tuple[str, str, Callable[[Object], Json]], ...] = (
    ("DBInstanceClass", "class", lambda e: e.get("DBInstanceClass")),
    (
        "DBSubnetGroupName",
        "subnet group",
        lambda e: (e.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"),
    ),
    ("VpcSecurityGroupIds", "security groups", _groups),
    (
        "DBParameterGroupName",
        "parameter group",
        lambda e: _first(e, "DBParameterGroups", "DBParameterGroupName"),
    ),
    (
        "OptionGroupName",
        "option group",
        lambda e: _first(e, "OptionGroupMemberships", "OptionGroupName"),
    ),
    ("MultiAZ", "standby in another zone", lambda e: bool(e.get("MultiAZ"))),
    ("PubliclyAccessible", "public address", lambda e: bool(e.get("PubliclyAccessible"))),
    ("NetworkType", "network type", lambda e: e.get("NetworkType")),
    ("Port", "port", lambda e: (e.get("Endpoint") or {}).get("Port") or e.get("DbInstancePort")),
    ("StorageType", "storage", lambda e: e.get("StorageType")),
    ("Iops", "IOPS", _iops),
    ("StorageThroughput", "storage throughput", _throughput),
    ("LicenseModel", "license", lambda e: e.get("LicenseModel")),
    (
        "EnableIAMDatabaseAuthentication",
        "log-in by IAM",
        lambda e: bool(e.get("IAMDatabaseAuthenticationEnabled")),
    ),
    ("DeletionProtection", "deletion protection", lambda e: bool(e.get("DeletionProtection"))),
    (
        "AutoMinorVersionUpgrade",
        "minor upgrades",
        lambda e: bool(e.get("AutoMinorVersionUpgrade")),
    ),
    ("CopyTagsToSnapshot", "tags to snapshots", lambda e: bool(e.get("CopyTagsToSnapshot"))),
    (
        "EnableCloudwatchLogsExports",
        "logs to CloudWatch",
        lambda e: sorted(e.get("EnabledCloudwatchLogsExports") or ()),
    ),
    ("CACertificateIdentifier", "certificate", lambda e: e.get("CACertificateIdentifier")),
)


def of(found: Object) -> dict[str, Json]:
    """Return the settings of an instance as a request has them; without what it has not."""
    every = {name: read(found) for name, _, read in SETTINGS}
    return {name: value for name, value in every.items() if value not in (None, [])}


def encryption(found: Object) -> str:
    """Return the key that the storage is encrypted with, or `none`; for instance or snapshot."""
    encrypted = found.get("StorageEncrypted", found.get("Encrypted"))
    return str(found.get("KmsKeyId") or "a key of AWS") if encrypted else "none"


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that may be given: AWS keeps some for itself."""
    return {key: value for key, value in tags.items() if not key.lower().startswith("aws:")}


def differences(wanted: Mapping[str, Json], found: Object) -> list[str]:
    """Tell what an instance has otherwise than wanted: `class db.t4g.micro, not db.r6g.large`."""
    there = {name: read(found) for name, _, read in SETTINGS}
    named = {name: label for name, label, _ in SETTINGS}
    return [
        f"{named[name]} {told(there[name])}, not {told(value)}"
        for name, value in wanted.items()
        if there[name] != value
    ]


def label(name: str) -> str:
    """Return what people call a setting."""
    return next(said for each, said, _ in SETTINGS if each == name)


def told(value: Json) -> str:
    """Write a setting's value."""
    match value:
        case bool():
            return "on" if value else "off"
        case list():
            return ", ".join(map(str, value)) or "none"
        case None:
            return "none"
        case _:
            return str(value)
