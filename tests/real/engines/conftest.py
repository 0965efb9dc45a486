"""A PostgreSQL with a journal, for tests of the engine that replicas share."""

from __future__ import annotations

import pytest

from flows import migrating
from tests.real.services.postgres import PostgresDatabase, postgres, postgres_server

__all__ = ["postgres", "postgres_server"]


@pytest.fixture
def url(postgres: PostgresDatabase) -> str:
    """Return where a journal is that has just been made."""
    migrating.migrate(postgres.owner_dsn)
    return postgres.owner_dsn
