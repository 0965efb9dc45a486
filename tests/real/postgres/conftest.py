"""A database with a school's tables, and the actions' context around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use
from tests.real.postgres.schools import School, building, school
from tests.real.services.postgres import PostgresDatabase, PostgresServer, postgres_server

__all__ = ["postgres_server"]

Json = Any


@pytest.fixture(scope="session")
def live_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """The database of `main`."""
    with building(postgres_server, "live") as made:
        yield made


@pytest.fixture(scope="session")
def recovered_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """The database of `recovered`."""
    with building(postgres_server, "recovered") as made:
        yield made


@pytest.fixture
def main(live_database: PostgresDatabase) -> Iterator[School]:
    """The live database."""
    with school(live_database) as made:
        yield made


@pytest.fixture
def recovered(recovered_database: PostgresDatabase) -> Iterator[School]:
    """A second database with the same tables: what a restore to an earlier time would hold."""
    with school(recovered_database) as made:
        yield made


@pytest.fixture
def within(pool: ClientPool, tmp_path: Path) -> Callable[..., FakeContext]:
    """Make a context: `within(main=dsn)`; `pins={"main": "7…"}` pins."""

    def make(*, pins: dict[str, str] | None = None, **dsns: str) -> FakeContext:
        pinned = pins or {}
        databases = {
            name: {"dsn": f"env:{name.upper()}"}
            | ({"system_identifier": pinned[name]} if name in pinned else {})
            for name in dsns
        }
        secrets = {name.upper(): dsn for name, dsn in dsns.items()}
        return FakeContext(
            system=system_for(databases=databases),
            surroundings=surroundings_for(tmp_path, kubeconfig=None, helm="helm", **secrets),
            clients=pool,
            waits=True,
        )

    return make


@pytest.fixture
def use(registry: ActionRegistry) -> Callable[..., Use]:
    """Make uses: `use(context, "postgres.ready", database="main")`."""

    def make(context: FakeContext, uses: str, step: str = "step", **inputs: Json) -> Use:
        return Use(registry, context, uses, step, **inputs)

    return make


@pytest.fixture
def connect() -> Iterator[Callable[[str], psycopg.Connection[Any]]]:
    """Open connections as an application does, and close them after the test."""
    made: list[psycopg.Connection[Any]] = []

    def make(dsn: str, name: str = "shop-web") -> psycopg.Connection[Any]:
        made.append(psycopg.connect(dsn, application_name=name))
        return made[-1]

    yield make
    for each in made:
        each.close()
