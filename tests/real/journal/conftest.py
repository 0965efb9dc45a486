"""A PostgreSQL and a command line for the tests of a shared journal."""

from __future__ import annotations

from tests.bot.cli.conftest import backout
from tests.real.services.postgres import postgres, postgres_server

__all__ = ["backout", "postgres", "postgres_server"]
