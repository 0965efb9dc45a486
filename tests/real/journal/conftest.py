"""A PostgreSQL for the tests of a shared journal."""

from __future__ import annotations

from tests.real.services.postgres import postgres, postgres_server

__all__ = ["postgres", "postgres_server"]
