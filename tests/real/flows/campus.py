"""AIVO when its data are wrong: programs that write in a cluster, a database and what RDS restores.

The restored instance is a physical copy of the cluster, as RDS makes it, taken before the damage;
moto tells its address once somebody has restored to it.  The public face writes by itself.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg
import pytest
from aiohttp import web
from psycopg import sql
from psycopg.conninfo import make_conninfo

from sandbox.estate.statuspage import PAGE, Statuspage
from tests.real.aws.balancers import addresses, front
from tests.real.bench.clusters import Cluster
from tests.real.flows import programs
from tests.real.flows.programs import APP_CONFIG, DATABASE_CONFIG, READ_ONLY, SERVICES, URL
from tests.real.flows.school import TABLES, fill
from tests.real.mail import post_office
from tests.real.mail.post_office import PostOffice
from tests.real.processes import scratch
from tests.real.services.aws.server import Aws
from tests.real.services.aws.uses import database as instance
from tests.real.services.postgres import PostgresDatabase, PostgresServer, account, database
from tests.servers import served

HOST, NAME, TARGETS = "127.0.0.1", "aivo-prod-primary", "aivo-prod-tg"
APP, MIGRATOR, KEEPER = "aivo_app", "aivo_migrator", "aivo_backout"
RIGHTS = """
CREATE TABLE visits (who text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO aivo_app, aivo_migrator;
"""
DAMAGE = "UPDATE grades SET grade = 0"
GRADES = "SELECT sum(grade)::text FROM grades"
ROLES = """
CREATE ROLE aivo_app LOGIN PASSWORD {password};
CREATE ROLE aivo_migrator LOGIN PASSWORD {password};
CREATE ROLE aivo_backout LOGIN CREATEROLE PASSWORD {password}
    IN ROLE pg_read_all_stats, pg_signal_backend, pg_read_all_data;
"""
Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The database in use, and what a restore gives; `password` is that of all three roles."""

    old: PostgresDatabase
    new: PostgresServer
    password: str

    def url(self, port: int, role: str = APP) -> str:
        """Return how a program gets at a side."""
        return f"postgresql://{role}:{self.password}@{HOST}:{port}/{self.old.name}"

    @property
    def ports(self) -> tuple[int, int]:
        """Return the ports of the old side and the new one."""
        return self.old.server.port, self.new.port

    def ask(self, port: int, text: str, *values: Json, role: str = "") -> Json:
        """Ask a side for one value, by default as the superuser."""
        server = self.new if port == self.new.port else self.old.server
        dsn = self.url(port, role) if role else server.dsn(self.old.name)
        with psycopg.connect(dsn, connect_timeout=30) as connection:
            found = connection.execute(text, values).fetchone()
        return found[0] if found else None

    def visits(self, port: int) -> int:
        """Return how often programs have written to a side."""
        return int(self.ask(port, "SELECT count(*) FROM visits"))

    def sessions(self, port: int) -> int:
        """Return how many sessions programs have on a side."""
        text = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND datname = %s"
        return int(self.ask(port, text, APP, self.old.name))

    def only_reads(self, port: int, role: str = APP) -> bool:
        """Say whether a role only reads on a side."""
        return bool(self.ask(port, "SHOW default_transaction_read_only", role=role) == "on")


@contextmanager
def sides(server: PostgresServer) -> Iterator[Sides]:
    """Make the database, copy the cluster while all is well, and damage what is in use."""
    password = secrets.token_urlsafe(12)
    with database(server, f"aivo_{secrets.token_hex(4)}") as old:
        server.execute(sql.SQL(ROLES).format(password=sql.Literal(password)))
        try:
            fill(old, TABLES + RIGHTS)
            with scratch("restored", owner=account()) as folder:
                new = PostgresServer(folder, log=server.log.with_name("restored.log"))
                new.password = server.password
                server.base_backup(new.data)
                new.configure(archive_mode="off")
                fill(old, DAMAGE)
                with new.up():
                    yield Sides(old=old, new=new, password=password)
        finally:
            server.execute(f"DROP DATABASE {old.name} WITH (FORCE)")
            for role in (APP, MIGRATOR, KEEPER):
                server.execute(f"DROP ROLE {role}")


@dataclass(slots=True, kw_only=True)
class Campus:
    """All of it.  `url` is where the public, and the status page, are asked."""

    cluster: Cluster
    aws: Aws
    sides: Sides
    office: PostOffice
    page: Statuspage
    programs: programs.Programs
    url: str = ""

    def connections(self) -> dict[str, Json]:
        """Return how the system reaches them."""
        return {
            "kubernetes": {
                "context": self.cluster.context,
                "namespace": self.cluster.namespace,
                "server": self.cluster.server,
            },
            "statuspage": {"url": self.url, "page": PAGE, "token": "env:AIVO_STATUSPAGE_TOKEN"},
            "mail": {
                "ses": False,
                "smtp": {"host": HOST, "port": self.office.port, "tls": False},
            },
            "databases": {"recovered": {"hosts": [HOST]}},
        }

    def variables(self) -> dict[str, Json]:
        """Return what the procedure reads."""
        return {"health_url": f"{self.url}/health", "api_url": self.url, "journeys_known": True}

    def replicas(self) -> dict[str, int]:
        """Return how many pods each service is to have."""
        found = self.cluster.all("deployment")
        return {each["metadata"]["name"]: each["spec"]["replicas"] for each in found}

    def setting(self, key: str) -> str | None:
        """Return an entry of its ConfigMap."""
        name = APP_CONFIG if key == READ_ONLY else DATABASE_CONFIG
        found: str | None = self.cluster.get("configmap", name)["data"].get(key)
        return found

    def instances(self) -> set[str]:
        """Return the names of all instances."""
        found = self.aws.client("rds").describe_db_instances()["DBInstances"]
        return {each["DBInstanceIdentifier"] for each in found}

    def routes(self) -> list[web.RouteDef]:
        """Return the public face: health, and what a test account does."""
        return [
            web.get("/health", self._health),
            web.post("/v1/sessions", self._log_in),
            web.post("/v1/assessments/synthetic/submissions", self._hand_in),
            web.get("/v1/submissions/{who}", self._received),
            web.delete("/v1/submissions/{who}", self._take_back),
        ]

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "services": {"ready": 18}})

    async def _log_in(self, _: web.Request) -> web.Response:
        return web.json_response({"token": "of-a-test-account"}, status=201)

    async def _hand_in(self, request: web.Request) -> web.Response:
        (who,) = (await request.json())["answers"]
        self._through("INSERT INTO visits (who) VALUES (%s)", who)
        return web.json_response({"id": who}, status=201)

    async def _received(self, request: web.Request) -> web.Response:
        text = "SELECT count(*) FROM visits WHERE who = %s"
        there = self._through(text, request.match_info["who"])
        return web.json_response({"status": "received" if there else "lost"})

    async def _take_back(self, request: web.Request) -> web.Response:
        self._through("DELETE FROM visits WHERE who = %s", request.match_info["who"])
        return web.Response(status=204)

    def _through(self, text: str, who: str) -> Json:
        with psycopg.connect(str(self.setting(URL)), connect_timeout=30) as connection:
            done = connection.execute(text, [who])
            return (done.fetchone() or [None])[0] if done.description else None


def _in_aws(aws: Aws, port: int) -> None:
    front(aws, "aivo-prod", {TARGETS: 1}, {TARGETS: addresses(1)})
    aws.progress.finish("elbv2:Target")
    instance(aws, NAME, Port=port, BackupRetentionPeriod=7)


@asynccontextmanager
async def campus(cluster: Cluster, aws: Aws, both: Sides) -> AsyncIterator[Campus]:
    """Make everything, and let it work while the block runs."""
    _in_aws(aws, both.new.port)
    cluster.apply(
        cluster.config_map(APP_CONFIG, **{READ_ONLY: "no"}),
        cluster.config_map(DATABASE_CONFIG, **{URL: both.url(both.old.server.port)}),
        *(programs.deployment(cluster, name, n) for name, n in SERVICES.items()),
    )
    page = Statuspage(Random(7))
    async with post_office.opened() as office, programs.working(cluster) as working:
        found = Campus(
            cluster=cluster, aws=aws, sides=both, office=office, page=page, programs=working
        )
        app = web.Application()
        app.add_routes([*found.routes(), *page.routes()])
        async with served(app) as found.url:
            await cluster.settled(*SERVICES)
            yield found


def environment(both: Sides) -> dict[str, str]:
    """Return what leads to both: the DSN of the restored one to nobody, but for its `host`."""
    nobody = make_conninfo(
        "", host="recovered.invalid", user=KEEPER, password=both.password, dbname=both.old.name
    )
    primary = both.url(both.old.server.port, KEEPER)
    return {"AIVO_PRIMARY_DSN": primary, "AIVO_RECOVERED_DSN": nobody}


def answer_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto's instances be where our servers are."""
    monkeypatch.setattr("moto.rds.models.DBInstance.address", HOST)
