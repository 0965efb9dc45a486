"""A PostgreSQL with a journal, for bots that share it."""

from __future__ import annotations

import pytest

from flows import migrating
from tests.real.services.postgres import PostgresDatabase, postgres, postgres_server

__all__ = ["postgres", "postgres_server"]


@pytest.fixture
def journal(postgres: PostgresDatabase) -> PostgresDatabase:
    """Return a database in which a journal has just been made."""
    migrating.migrate(postgres.owner_dsn)
    return postgres
