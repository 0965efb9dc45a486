"""AIVO's database as RDS tells of it, with real servers behind it where there are some.

Called by `part`.  A restore leads to a real database that is brought back to the moment, and the
new instance is available once that takes writes.  Two servers of one machine can't have the same
port, as two instances of RDS do, and who restores asks for the source's: so of the primary the port
is not told.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sandbox.aws import rds
from sandbox.aws.names import ACCOUNT, PRIMARY, REGION
from sandbox.aws.patches import Patches
from sandbox.aws.progress import Operation, Progress
from sandbox.estate.values import Object

AGE = timedelta(days=640)
LAG = 30.0  # seconds that the last moment of a restore is behind
Endpoint = tuple[str, int]


class Databases(Protocol):
    """Who runs the servers.  Asked from several threads; nothing here may wait."""

    def restore(self, name: str, moment: float | None) -> None:
        """Begin to bring the primary's data of a moment up as another instance; None: the last.

        Raises `ValueError` where that can't be.
        """
        ...

    def endpoint(self, name: str) -> Endpoint | None:
        """Return where an instance is, or None while it isn't."""
        ...

    def forget(self, name: str) -> None:
        """Stop a restored instance and remove it."""
        ...


class Instances:
    """The instances of the account.

    Their backups go by the clock on the `wall`, as do the moments that people read off it;
    `broken` is when something broke, by the same clock.
    """

    def __init__(
        self,
        databases: Databases | None,
        *,
        wall: Callable[[], float],
        broken: Callable[[], float | None],
    ) -> None:
        self._databases = databases
        self._wall = wall
        self._broken = broken
        self._restored: set[str] = set()

    def seed(self, network: str, subnets: list[str]) -> None:
        """Make the primary, as old as it may be, with the backup of just now."""
        from moto.ec2.models import ec2_backends

        ec2 = ec2_backends[ACCOUNT][REGION]
        group = ec2.create_security_group("aivo-database", "The services of AIVO", network)
        backend = _backend()
        subnet = [each for each in ec2.describe_subnets() if each.id in subnets]
        backend.create_subnet_group("aivo-private", "Private subnets", subnet, [])
        parameters = {
            "db_parameter_group_name": "aivo-pg16",
            "db_parameter_group_family": "postgres16",
            "description": "AIVO's settings",
            "tags": [],
        }
        backend.create_db_parameter_group(parameters)
        made = backend.create_db_instance(_settings(group.id))
        made.created -= AGE
        made.instance_create_time = made.created

    def forget(self) -> None:
        """Remove every instance that was restored."""
        while self._restored:
            self._forget(self._restored.pop())

    def is_there(self, operation: Operation) -> bool:
        """Say whether an instance takes writes."""
        real = operation.kind == rds.INSTANCE and operation.name in self._restored
        return not real or self._endpoint(operation.name) is not None

    def view(self, progress: Progress) -> tuple[list[Object], list[Object]]:
        """Return instances and snapshots as the panel shows them."""
        backend = _backend()
        rds.look(backend, progress)
        instances = [self._instance(each) for each in list(backend.databases.values())]
        snapshots = [
            {"id": each.db_snapshot_identifier, "status": each.status}
            for each in list(backend.database_snapshots.values())
        ]
        return instances, snapshots

    def tighten(self, patches: Patches, _: Progress) -> None:
        """Let restores lead to real servers, and tell where those are."""
        self._restores(patches)
        self._descriptions(patches)

    def _restores(self, patches: Patches) -> None:
        from moto.rds.models import RDSBackend

        def to_time(original: Any, backend: Any, source: str, target: str, settings: Any) -> Any:
            self._check_source(source)
            made = original(backend, source, target, settings)
            wanted = settings.get("restore_time")
            self._restore(made, rds.aware(wanted).timestamp() if wanted else None)
            return made

        def from_snapshot(original: Any, backend: Any, name: str, settings: Any) -> Any:
            found = backend.database_snapshots.get(name.rpartition(":snapshot:")[2])
            self._check_source(found.db_instance_identifier if found else PRIMARY)
            made = original(backend, name, settings)
            self._restore(made, rds.aware(found.created).timestamp())
            return made

        def keep(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
            made = original(backend, *values, **named)
            made.created = datetime.fromtimestamp(self._wall(), UTC).replace(tzinfo=None)
            made.original_snapshot_create_time = made.created
            return made

        def delete(original: Any, backend: Any, *values: Any, **named: Any) -> Any:
            gone = original(backend, *values, **named)
            if (name := gone.db_instance_identifier) in self._restored:
                self._restored.remove(name)
                self._forget(name)
            return gone

        patches.around(RDSBackend, "restore_db_instance_to_point_in_time", to_time)
        patches.around(RDSBackend, "restore_db_instance_from_db_snapshot", from_snapshot)
        patches.around(RDSBackend, "create_db_snapshot", keep)
        patches.around(RDSBackend, "delete_db_instance", delete)

    def _descriptions(self, patches: Patches) -> None:
        from moto.rds.models import DBInstance

        def endpoint(instance: Any, made_up: Any) -> Any:
            if instance.status == rds.CREATING:
                return None
            where = self._endpoint(instance.db_instance_identifier)
            if where is None:
                return made_up
            told = {"Address": where[0], "Port": where[1]}
            if instance.db_instance_identifier == PRIMARY:
                del told["Port"]
            return told

        def port(instance: Any, known: Any) -> Any:
            return known if self._endpoint(instance.db_instance_identifier) is None else None

        def latest(instance: Any, _: Any) -> datetime:
            moment = max(self._wall() - LAG, self._broken() or 0.0)
            first = rds.first_backup(instance)
            return max(first, datetime.fromtimestamp(moment, UTC)).replace(tzinfo=None)

        patches.told(DBInstance, "endpoint", endpoint)
        patches.told(DBInstance, "db_instance_port", port)
        patches.told(DBInstance, "latest_restorable_time", latest)

    def _instance(self, found: Any) -> Object:
        name = found.db_instance_identifier
        host, port = self._endpoint(name) or (found.address, found.port)
        known = found.status != rds.CREATING
        return {
            "id": name,
            "status": found.status,
            "since": rds.aware(found.created).timestamp(),
            "host": host if known else "",
            "port": port if known else 0,
        }

    def _check_source(self, name: str) -> None:
        from moto.rds.exceptions import RDSClientError

        if self._are_real() and name != PRIMARY:
            raise RDSClientError(
                "InvalidParameterValue", f"The simulation restores {PRIMARY} alone."
            )

    def _are_real(self) -> bool:
        return self._endpoint(PRIMARY) is not None

    def _restore(self, made: Any, moment: float | None) -> None:
        from moto.rds.exceptions import RDSClientError

        if self._databases is None or not self._are_real():
            return
        name = made.db_instance_identifier
        try:
            self._databases.restore(name, moment)
        except ValueError as error:
            _take_back(made)
            raise RDSClientError("InvalidParameterValue", str(error)) from error
        self._restored.add(name)

    def _forget(self, name: str) -> None:
        if self._databases is not None:
            self._databases.forget(name)

    def _endpoint(self, name: str) -> Endpoint | None:
        return self._databases.endpoint(name) if self._databases else None


def _take_back(made: Any) -> None:
    """Remove an instance that was never there, with the backup that moto made of it."""
    backend, name = made.backend, made.db_instance_identifier
    del backend.databases[name]
    for key, each in backend.database_snapshots.copy().items():
        if each.db_instance_identifier == name:
            del backend.database_snapshots[key]


def _settings(group: str) -> Object:
    return {
        "db_instance_identifier": PRIMARY,
        "db_instance_class": "db.r6g.large",
        "engine": "postgres",
        "engine_version": "16.4",
        "db_name": "aivo",
        "port": 5432,
        "allocated_storage": 200,
        "storage_type": "gp3",
        "backup_retention_period": 14,
        "db_subnet_group_name": "aivo-private",
        "db_parameter_group_name": "aivo-pg16",
        "vpc_security_group_ids": [group],
        "master_username": "postgres",
        "master_user_password": "not-a-secret",
        "multi_az": True,
        "storage_encrypted": True,
        "kms_key_id": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/aivo-database",
        "license_model": "postgresql-license",
        "copy_tags_to_snapshot": True,
        "deletion_protection": True,
        "publicly_accessible": False,
        "enable_iam_database_authentication": False,
        "enable_cloudwatch_logs_exports": ["postgresql"],
        "tags": [{"Key": "team", "Value": "platform"}, {"Key": "data", "Value": "students"}],
    }


def _backend() -> Any:
    from moto.rds.models import rds_backends

    return rds_backends[ACCOUNT][REGION]
