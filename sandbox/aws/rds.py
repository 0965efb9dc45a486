"""RDS: instances and snapshots take their time, and restores know which times there are.

Codes of errors are those that AWS documents; the words are ours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.aws.patches import Patches, arguments
from sandbox.aws.progress import Progress

INSTANCE = "rds:DBInstance"
SNAPSHOT = "rds:DBSnapshot"
CREATING, MODIFYING, READY, FAILED = "creating", "modifying", "available", "failed"
BUSY = (CREATING, MODIFYING)


def tighten(patches: Patches, progress: Progress) -> None:
    """Let everything begin busy, and become available as `progress` says."""
    _instances(patches, progress)
    _snapshots(patches, progress)
    _restores(patches)


def _instances(patches: Patches, progress: Progress) -> None:
    from moto.rds.models import RDSBackend
    from moto.rds.responses import RDSResponse

    def create(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
        made = original(backend, *values, **named)
        made.status = CREATING
        progress.begin(INSTANCE, made.db_instance_identifier)
        return made

    def modify(original: Any, backend: Any, name: str, settings: Any) -> Any:
        _require(backend.databases.get(name))
        changed = original(backend, name, settings)
        changed.status = MODIFYING
        progress.begin(INSTANCE, changed.db_instance_identifier)
        return changed

    def describe(original: Any, response: Any) -> Any:
        progress.look(INSTANCE, response.params.get("DBInstanceIdentifier"))
        for each in response.backend.databases.values():
            _settle(each, progress, INSTANCE, each.db_instance_identifier)
        return original(response)

    patches.around(RDSBackend, "create_db_instance", create)
    patches.around(RDSBackend, "create_db_instance_read_replica", create)
    patches.around(RDSBackend, "modify_db_instance", modify)
    patches.around(RDSResponse, "describe_db_instances", describe)


def _snapshots(patches: Patches, progress: Progress) -> None:
    from moto.rds.models import RDSBackend
    from moto.rds.responses import RDSResponse

    def create(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
        given = arguments(original, backend, values, named)
        automatic = given.get("snapshot_type") == "automated"  # comes with the instance
        if not automatic:
            _require(backend.databases.get(given["db_instance_identifier"]))
        made = original(backend, *values, **named)
        if not automatic:
            made.status, made.percent_progress = CREATING, 0
            progress.begin(SNAPSHOT, made.db_snapshot_identifier)
        return made

    def describe(original: Any, response: Any) -> Any:
        progress.look(SNAPSHOT, response.params.get("DBSnapshotIdentifier"))
        for each in response.backend.database_snapshots.values():
            _settle(each, progress, SNAPSHOT, each.db_snapshot_identifier)
            each.percent_progress = 100 if each.status == READY else 0
        return original(response)

    patches.around(RDSBackend, "create_db_snapshot", create)
    patches.around(RDSResponse, "describe_db_snapshots", describe)


def _restores(patches: Patches) -> None:
    from moto.rds.exceptions import RDSClientError
    from moto.rds.models import RDSBackend

    def to_time(original: Any, backend: Any, source: str, target: str, settings: Any) -> Any:
        if found := backend.databases.get(source):
            _require(found)
            _within(found, settings)
        _know_default_groups(settings)
        return _by_default(original(backend, source, target, settings), settings)

    def from_snapshot(original: Any, backend: Any, name: str, settings: Any) -> Any:
        found = backend.database_snapshots.get(name.rpartition(":")[2])
        if found and found.status != READY:
            raise RDSClientError(
                "InvalidDBSnapshotState", f"Snapshot {name} is {found.status}, not available."
            )
        _know_default_groups(settings)
        return _by_default(original(backend, name, settings), settings)

    patches.around(RDSBackend, "restore_db_instance_to_point_in_time", to_time)
    patches.around(RDSBackend, "restore_db_instance_from_db_snapshot", from_snapshot)


def _know_default_groups(settings: Any) -> None:
    """Take AWS's own option groups by name, which moto tells of and then does not find."""
    if str(settings.get("option_group_name", "")).startswith("default:"):
        del settings["option_group_name"]


def _by_default(made: Any, settings: Any) -> Any:
    """Give a restored instance AWS's defaults for what the restore left out.

    Moto copies the source's settings and tags, and takes "off" for "left out".  AWS begins anew:
    one zone, the default groups, no protection, no tags.
    """
    from moto.ec2.models import ec2_backends

    for name in ("multi_az", "deletion_protection", "copy_tags_to_snapshot"):
        setattr(made, name, bool(settings.get(name)))
    made.enable_iam_database_authentication = bool(
        settings.get("enable_iam_database_authentication")
    )
    made.publicly_accessible = bool(settings.get("publicly_accessible"))
    made.enabled_cloudwatch_logs_exports = settings.get("enable_cloudwatch_logs_exports") or []
    made.db_parameter_group_name = settings.get("db_parameter_group_name")
    made.tags = list(settings.get("tags") or ())
    if not settings.get("vpc_security_group_ids"):
        default = ec2_backends[made.account_id][made.region].get_security_group_from_name("default")
        made.vpc_security_group_ids = [default.id if default else "sg-default"]
    return made


def _within(source: Any, settings: Any) -> None:
    """Refuse a time before the first backup or after the last one."""
    from moto.rds.exceptions import RDSClientError

    if not source.backup_retention_period:
        raise RDSClientError(
            "PointInTimeRestoreNotEnabled", f"{source.db_instance_identifier} keeps no backups."
        )
    wanted, latest = settings.get("restore_time"), settings.get("use_latest_restorable_time")
    if bool(wanted) == bool(latest):
        raise RDSClientError(
            "InvalidParameterCombination", "Give either RestoreTime or UseLatestRestorableTime."
        )
    earliest, latest = window(source)
    if wanted and not earliest <= aware(wanted) <= latest:
        raise RDSClientError(
            "InvalidParameterValue",
            f"{source.db_instance_identifier} cannot be restored to {wanted}: there are backups"
            f" from {earliest} until {latest}.",
        )


def window(source: Any) -> tuple[datetime, datetime]:
    """Return the first and the last moment to which an instance can be restored."""
    return first_backup(source), aware(source.latest_restorable_time)


def first_backup(source: Any) -> datetime:
    """Return when the oldest automated snapshot was made, or else the instance."""
    name = source.db_instance_identifier
    automatic = (
        aware(each.created)
        for each in source.backend.database_snapshots.copy().values()
        if each.snapshot_type == "automated" and each.db_instance_identifier == name
    )
    return min(automatic, default=aware(source.created))


def aware(time: datetime) -> datetime:
    """Return a moment with its zone, UTC, which moto leaves out."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _require(database: Any) -> None:
    """Refuse what needs an available instance; one that is not there is moto's to refuse."""
    from moto.rds.exceptions import RDSClientError

    if database is not None and database.status != READY:
        raise RDSClientError(
            "InvalidDBInstanceState",
            f"Instance {database.db_instance_identifier} is {database.status}, not available.",
        )


def look(backend: Any, progress: Progress) -> None:
    """Take over what has become of all instances and snapshots, as asking for them does."""
    for kind, found in ((INSTANCE, backend.databases), (SNAPSHOT, backend.database_snapshots)):
        progress.look(kind)
        for name, each in found.copy().items():
            _settle(each, progress, kind, name)


def _settle(found: Any, progress: Progress, kind: str, name: str) -> None:
    """Take over what has become of it."""
    operation = progress.find(kind, name)
    if operation and operation.state != "pending" and found.status in BUSY:
        found.status = READY if operation.done else FAILED
