"""Fixtures of the school's tests: a fast estate with a database that is mended before each test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from sandbox.estate import Estate
from sandbox.estate.catalogue import NAMESPACE, SERVICES
from sandbox.estate.registry import Write
from sandbox.estate.resources import CONFIGMAPS, DEPLOYMENTS, PODS, Resource
from sandbox.estate.values import Object, clone
from sandbox.school.database import Database
from tests.real.presence import missing

PATIENCE = 60.0  # seconds for what takes a fraction of one on a machine that is idle


async def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0.02)


def query(dsn: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Run one statement by itself; return its rows."""
    with psycopg.connect(dsn, autocommit=True) as session:
        done = session.execute(statement.encode(), values or None)
        return done.fetchall() if done.description else []


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """A database and the estate around it."""

    estate: Estate
    database: Database

    @property
    def dsn(self) -> str:
        """Return what the bot gets."""
        return self.database.addresses()["primary_dsn"]

    @property
    def writes(self) -> Object:
        """Return how the writes went."""
        return self.state["writes"]  # type: ignore[no-any-return]

    @property
    def state(self) -> Object:
        """Return what the panel gets."""
        state = self.database.state()
        assert state is not None
        return state

    def instance(self, name: str = "aivo-prod-primary") -> Object:
        """Return what the panel shows of an instance."""
        (found,) = [each for each in self.state["instances"] if each["id"] == name]
        return dict(found)

    async def restored(self, name: str, moment: float | None) -> str:
        """Restore, wait, and return the bot's data source there."""
        self.database.restore(name, moment)
        await until(lambda: self.database.endpoint(name) or self.instance(name).get("problem"))
        endpoint = self.database.endpoint(name)
        assert endpoint is not None, self.instance(name)["problem"]
        return psycopg.conninfo.make_conninfo(self.dsn, port=endpoint[1])

    def configure(self, name: str, key: str, value: str) -> None:
        """Change an entry of a ConfigMap."""
        self._change(CONFIGMAPS, name, lambda item: item["data"].update({key: value}))

    def scale(self, name: str, replicas: int) -> None:
        """Change how many pods a service has."""
        self._change(DEPLOYMENTS, name, lambda item: item["spec"].update(replicas=replicas))

    async def restart(self, *services: str) -> None:
        """Replace all pods of services, and wait until the new ones are ready."""
        store = self.estate.cluster.store
        for service in services:
            old = [pod for pod in store.list(PODS, NAMESPACE) if _app(pod) == service]
            for pod in old:
                store.delete(PODS, NAMESPACE, pod["metadata"]["name"])
        running = self.database._running
        assert running is not None
        pods = running.services.pods
        wanted = {each.name: each.replicas for each in SERVICES}
        await until(lambda: all(len(pods.ready(each)) == wanted[each] for each in services))

    def _change(self, resource: Resource, name: str, change: Callable[[Object], None]) -> None:
        old = self.estate.cluster.store.get(resource, NAMESPACE, name)
        assert old is not None
        new = clone(old)
        change(new)
        self.estate.cluster.registry.change(resource, old, new, Write(manager="test"))


def _app(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get("app", ""))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[School]:
    """One database for all tests of a module."""
    data = tmp_path_factory.mktemp("school")
    async with Estate(data=data, speed=60) as estate:
        database = Database(estate, data=data)
        await database.start()
        try:
            if not (database.state() or {})["real"]:
                missing("postgresql", str((database.state() or {})["why"]))
            yield School(estate=estate, database=database)
        finally:
            await database.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def school(running: School) -> School:
    """The database, as good as new."""
    running.estate.reset()
    await running.database.reset()
    return running


@pytest.fixture
def somewhere(tmp_path: Path) -> Path:
    """A folder of the sandbox's data."""
    return tmp_path / "data"
