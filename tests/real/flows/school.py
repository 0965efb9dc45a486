"""Two databases of a school: the live one, damaged, and the recovered one beside it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.real.services.postgres import PostgresDatabase, PostgresServer, database

Json = Any
HOST = "127.0.0.1"
TABLES = """
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE students (id int PRIMARY KEY, account int NOT NULL REFERENCES users);
CREATE TABLE assessments (id int PRIMARY KEY, title text NOT NULL);
CREATE TABLE grades (
    id int PRIMARY KEY,
    student int NOT NULL REFERENCES students,
    assessment int NOT NULL REFERENCES assessments,
    grade numeric(4, 2)
);
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 20) n;
INSERT INTO students SELECT n, n FROM generate_series(1, 10) n;
INSERT INTO assessments SELECT n, 'essay ' || n FROM generate_series(1, 5) n;
INSERT INTO grades SELECT n, n, 1 + n % 5, n FROM generate_series(1, 10) n;
"""
DAMAGE = """
UPDATE grades SET grade = 0 WHERE id IN (3, 4);
DELETE FROM grades WHERE assessment = 5;
DELETE FROM assessments WHERE id = 5;
"""
CONTENT = "SELECT g::text FROM grades g UNION ALL SELECT a::text FROM assessments a ORDER BY 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Databases:
    """The live database, damaged, and the recovered one."""

    primary: PostgresDatabase
    recovered: PostgresDatabase

    def content(self) -> list[Json]:
        """Return what the live database holds."""
        return self.primary.execute(CONTENT)

    def good(self) -> list[Json]:
        """Return what the recovered one holds."""
        return self.recovered.execute(CONTENT)

    @property
    def address(self) -> str:
        """Return where both are."""
        return f"{HOST}:{self.recovered.server.port}"

    def apart(self, monkeypatch: pytest.MonkeyPatch) -> Json:
        """Let the recovered one be found by its address alone; return how it is reached then."""
        parts = {**conninfo_to_dict(self.recovered.reader_dsn), "host": "recovered.invalid"}
        monkeypatch.setenv("AIVO_RECOVERED_DSN", make_conninfo("", **parts))
        return {"recovered": {"hosts": [HOST]}}

    def copies(self) -> Json:
        """Return how many copies left their marks."""
        return self.primary.execute("SELECT count(*) FROM backout.copied_rows")[0][0]


def fill(base: PostgresDatabase, statements: str) -> None:
    """Run several statements as the owner."""
    with psycopg.connect(base.owner_dsn) as connection:
        connection.execute(statements)


@pytest.fixture
def databases(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Databases]:
    """Two databases with the same tables, of which the live one lost and changed rows."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(database(postgres_server, f"{name}_{secrets.token_hex(4)}"))
            for name in ("primary", "recovered")
        ]
        for each in made:
            fill(each, TABLES)
        monkeypatch.setenv("AIVO_PRIMARY_DSN", made[0].owner_dsn)
        monkeypatch.setenv("AIVO_RECOVERED_DSN", made[1].reader_dsn)
        fill(made[0], DAMAGE)
        yield Databases(primary=made[0], recovered=made[1])
