"""A PostgreSQL of the session, and a database of its own for each test."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.real.presence import missing
from tests.real.processes import free_port, running, scratch
from tests.real.services.servers import Server

SUPERUSER = "postgres"
CONNECT_SECONDS = 30  # a server that hangs fails one test, not the run
DEBIAN = Path("/usr/lib/postgresql")
# Durability is for data that matters; WAL and its archive are real, so that backups are.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "archive_mode": "on",
    "max_connections": "50",
    "shared_buffers": "32MB",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
ACCESS = """\
host all         all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""


class PostgresServer(Server):
    """A cluster in `data`, listening on 127.0.0.1:`port`; `archive` receives its finished WAL.

    A test makes a second one over a restored folder with the same constructor. `password` is the
    superuser's.
    """

    def __init__(self, folder: Path, *, log: Path, password: str = "") -> None:
        self.data = folder / "data"
        self.archive = folder / "archive"
        self.log = log
        self.port = free_port()
        self.password = password or secrets.token_urlsafe(12)
        super().__init__(
            lambda: running(
                [tool("postgres"), "-D", self.data, "-p", str(self.port)],
                log=log,
                ready=self._answers,
                user=account(),
                cwd=folder,
                stop=signal.SIGINT,  # SIGTERM would wait until every client has left
            )
        )

    def create(self) -> None:
        """Make a new cluster: passwords for everybody, also for the superuser."""
        self.archive.mkdir(mode=0o700)
        secret = self.archive.with_name("password")
        secret.write_text(self.password, encoding="ascii")
        for each in (self.archive, secret):
            own(each)
        options = ["--username", SUPERUSER, "--pwfile", str(secret), "--auth", "scram-sha-256"]
        options += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        run("initdb", "--pgdata", str(self.data), *options)
        self.configure(**SETTINGS, archive_command=f"cp %p {self.archive}/%f")
        (self.data / "pg_hba.conf").write_text(ACCESS, encoding="ascii")

    def configure(self, **settings: str) -> None:
        """Add settings to the configuration; they count from the next start on."""
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def dsn(
        self, database: str = "postgres", user: str = SUPERUSER, password: str | None = None
    ) -> str:
        """Return where and how to connect, by default as the superuser."""
        return make_conninfo(
            "",
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user=user,
            password=self.password if password is None else password,
        )

    def execute(
        self, statement: str | sql.Composed, *values: object, database: str = "postgres"
    ) -> list[tuple[object, ...]]:
        """Run one statement as the superuser, outside a transaction; return its rows."""
        with psycopg.connect(
            self.dsn(database), autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as connection:
            done = connection.execute(statement, values)
            return done.fetchall() if done.description else []

    def base_backup(self, folder: Path) -> None:
        """Copy the running cluster into a new folder, WAL of the copying included."""
        connect = ["--dbname", self.dsn(), "--checkpoint", "fast", "--no-sync"]
        run("pg_basebackup", "--pgdata", str(folder), *connect)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresDatabase:
    """A database of one test, with an application's role that owns it and one that only reads.

    The three are data sources as libpq takes them.
    """

    server: PostgresServer
    name: str
    owner: str
    reader: str
    owner_dsn: str
    reader_dsn: str
    superuser_dsn: str

    def execute(
        self, statement: str, *values: object, dsn: str | None = None
    ) -> list[tuple[object, ...]]:
        """Run one statement, by default as the owner, and commit; return its rows."""
        with psycopg.connect(dsn or self.owner_dsn) as connection:
            done = connection.execute(statement, values)
            return done.fetchall() if done.description else []


def tool(name: str) -> str:
    """Return the path of one of PostgreSQL's programs: `pg_dump`."""
    folders = sorted(DEBIAN.glob("*/bin"), key=lambda each: int(each.parent.name))
    found = shutil.which(name, path=str(folders[-1])) if folders else shutil.which(name)
    return found or missing("postgresql", f"{name} is not installed; Debian: postgresql")


def account() -> str:
    """Return the user that the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return ""
    if not any(each.pw_name == SUPERUSER for each in pwd.getpwall()):
        missing("postgresql", "it can't run as root, and there is no user postgres")
    return SUPERUSER


def own(path: Path) -> None:
    """Give a file to the user that the server runs as."""
    if user := account():
        shutil.chown(path, user, user)


def run(name: str, *arguments: str) -> str:
    """Run one of PostgreSQL's programs as the server's user; return what it printed."""
    user = account() or None
    done = subprocess.run(
        [tool(name), *arguments], user=user, cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    return done.stdout


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A running PostgreSQL; tests use `postgres`, and this one to stop it or to back it up."""
    tool("initdb")
    log = tmp_path_factory.mktemp("postgres") / "log"
    with scratch("postgres", owner=account()) as folder:
        server = PostgresServer(folder, log=log)
        server.create()
        with server.up():
            yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """An empty database with two roles; it goes away with the test."""
    postgres_server.revive()
    with database(postgres_server, f"shop_{secrets.token_hex(4)}") as made:
        yield made


@contextmanager
def database(server: PostgresServer, name: str) -> Iterator[PostgresDatabase]:
    """Make a database, its owner and its reader; drop all three."""
    owner, reader, password = f"{name}_owner", f"{name}_reader", secrets.token_urlsafe(12)
    names = {
        "name": sql.Identifier(name),
        "owner": sql.Identifier(owner),
        "reader": sql.Identifier(reader),
        "password": sql.Literal(password),
    }

    def execute(text: str, within: str = "postgres") -> None:
        server.execute(sql.SQL(text).format(**names), database=within)

    execute("CREATE ROLE {owner} LOGIN PASSWORD {password}")
    execute("CREATE ROLE {reader} LOGIN PASSWORD {password} IN ROLE pg_read_all_data")
    execute("CREATE DATABASE {name} OWNER {owner}")
    try:
        yield PostgresDatabase(
            server=server,
            name=name,
            owner=owner,
            reader=reader,
            owner_dsn=server.dsn(name, owner, password),
            reader_dsn=server.dsn(name, reader, password),
            superuser_dsn=server.dsn(name),
        )
    finally:
        execute("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        execute("DROP ROLE {owner}")
        execute("DROP ROLE {reader}")
