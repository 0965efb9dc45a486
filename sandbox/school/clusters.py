"""PostgreSQL clusters: the one that is made, and copies of it as it was at a moment.

A restore is PostgreSQL's own: the base backup, and the archived log up to the moment.  The copy has
the same system identifier, roles and passwords, as with RDS.  Called by `database`.
"""

from __future__ import annotations

import asyncio
import shlex
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg.conninfo import make_conninfo

from sandbox.school.processes import Server, ServerError, started
from sandbox.school.programs import Programs

SUPERUSER = "postgres"
DATABASE = "aivo"
_ARCHIVED = 30.0  # seconds for the archive to take one more file
_LOOK = 0.05
_CONNECT = 5  # seconds
# Durability is for data that matters; the log and its archive are real, so that restores are.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "replica",
    "archive_mode": "on",
    "max_connections": "60",
    "shared_buffers": "16MB",
    "max_wal_size": "64MB",
    "min_wal_size": "4MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "jit": "off",
}
_ACCESS = """\
host all         all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """One cluster in `folder`; `password` is the superuser's."""

    folder: Path
    programs: Programs
    password: str
    server: Server | None = None

    @property
    def data(self) -> Path:
        """Return the folder that PostgreSQL calls its data directory."""
        return self.folder / "data"

    @property
    def archive(self) -> Path:
        """Return the folder of the archived log."""
        return self.folder / "archive"

    @property
    def port(self) -> int:
        """Return its port; 0 while it does not run."""
        return self.server.port if self.server else 0

    def dsn(self, user: str = SUPERUSER, password: str = "", database: str = DATABASE) -> str:
        """Return where and how to connect, by default as the superuser."""
        return conninfo(self.port, user, password or self.password, database)

    def create(self) -> None:
        """Make a new one: passwords for everybody, also for the superuser.  Blocks."""
        self.folder.mkdir(mode=0o700)
        self.archive.mkdir(mode=0o700)
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password, encoding="ascii")
        for each in (self.folder, self.archive, secret):
            self.programs.own(each)
        options = ["--username", SUPERUSER, "--pwfile", str(secret), "--auth", "scram-sha-256"]
        options += ["--encoding", "UTF8", "--locale", "C", "--no-sync", "--wal-segsize", "1"]
        self.programs.run("initdb", "--pgdata", self.data, *options)
        keep = f"cp %p {_quoted(self.archive)}/%f.part && mv {_quoted(self.archive)}/%f.part "
        configure(self.data, _SETTINGS | {"archive_command": f"{keep}{_quoted(self.archive)}/%f"})
        (self.data / "pg_hba.conf").write_text(_ACCESS, encoding="ascii")

    async def start(self) -> None:
        """Start it, and wait until it takes writes."""
        self.server = await started(
            lambda port: [self.programs.path("postgres"), "-D", self.data, "-p", str(port)],
            log=self.folder / "log",
            ready=self._takes_writes,
            user=self.programs.user,
            stop=signal.SIGINT,  # SIGTERM would wait until every client has left
        )

    async def stop(self) -> None:
        """Stop it; safe to call twice."""
        if self.server is not None:
            server, self.server = self.server, None
            await server.stop()

    async def execute(self, statements: LiteralString, database: str = DATABASE) -> None:
        """Run fixed statements as the superuser, each in a transaction of its own."""
        async with await connected(self.dsn(database=database)) as connection:
            await connection.execute(statements)

    def back_up(self, folder: Path) -> None:
        """Copy the running cluster into a new folder.  Blocks."""
        options = ["--checkpoint", "fast", "--no-sync", "--wal-method", "stream"]
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--username", SUPERUSER]
        self.programs.run(
            "pg_basebackup", "--pgdata", folder, *options, *where, password=self.password
        )

    async def archived(self) -> float:
        """Commit something, have the archive take all until then; return when that was."""
        async with await connected(self.dsn()) as connection:
            await connection.execute("SELECT pg_current_xact_id()")
            cursor = await connection.execute(
                "SELECT pg_walfile_name(pg_switch_wal()), clock_timestamp()"
            )
            row = await cursor.fetchone()
        assert row is not None
        deadline = time.monotonic() + _ARCHIVED
        while not (self.archive / row[0]).exists():
            if time.monotonic() > deadline:
                raise ServerError("PostgreSQL does not archive its log")
            await asyncio.sleep(_LOOK)
        return float(row[1].timestamp())

    def copy_of(self, backup: Path, archive: Path, until: float | None) -> None:
        """Become the backup, to be led up to a moment by the archive.  Blocks.

        `until` is in seconds since the epoch; without it all of the archive is used.
        """
        self.folder.mkdir(mode=0o700)
        self.programs.own(self.folder)
        self.programs.run("cp", "-R", backup, self.data)
        settings = {
            "restore_command": f"cp {_quoted(archive)}/%f %p",
            "archive_mode": "off",
            "recovery_target_action": "promote",
        }
        if until is not None:
            moment = datetime.fromtimestamp(until, UTC)
            settings["recovery_target_time"] = f"{moment:%Y-%m-%d %H:%M:%S.%f}+00"
        configure(self.data, settings)
        signal_file = self.data / "recovery.signal"
        signal_file.touch(mode=0o600)
        self.programs.own(signal_file)
        self.data.chmod(0o700)

    async def _takes_writes(self, port: int) -> bool:
        dsn = conninfo(port, SUPERUSER, self.password, "postgres")
        try:
            async with await connected(dsn) as connection:
                cursor = await connection.execute("SELECT pg_is_in_recovery()")
                return await cursor.fetchone() == (False,)
        except psycopg.OperationalError:
            return False


def conninfo(port: int, user: str, password: str, database: str = DATABASE) -> str:
    """Return a data source as libpq takes it."""
    return make_conninfo(
        "",
        host="127.0.0.1",
        port=port,
        dbname=database,
        user=user,
        password=password,
        connect_timeout=_CONNECT,
    )


async def connected(dsn: str, name: str = "sandbox") -> psycopg.AsyncConnection:
    """Open a session in which every statement commits by itself."""
    return await psycopg.AsyncConnection.connect(
        dsn, autocommit=True, application_name=name, options="-c statement_timeout=10s"
    )


def configure(data: Path, settings: dict[str, str]) -> None:
    """Add settings to a cluster's configuration; they count from its next start on."""
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        for name, value in settings.items():
            text = value.replace("'", "''")
            file.write(f"{name} = '{text}'\n")


def _quoted(path: Path) -> str:
    """Write a path for a command of PostgreSQL's, in which a percent sign means something."""
    return shlex.quote(str(path)).replace("%", "%%")
