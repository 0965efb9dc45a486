"""A school's database: students and their grades, and the roles that work with them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tests.real.services.postgres import PostgresDatabase, PostgresServer, database

TABLES = """
CREATE TABLE students (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE grades (
    student int NOT NULL REFERENCES students,
    course text NOT NULL,
    grade numeric(4, 2),
    note bytea,
    changed timestamptz NOT NULL DEFAULT '2026-11-21 12:00:00+00',
    PRIMARY KEY (student, course)
);
INSERT INTO students VALUES (1, 'Ada'), (2, 'Bo'), (3, 'Cy');
INSERT INTO grades (student, course, grade, note) VALUES
    (1, 'maths', 1.30, '\\x00ff'), (2, 'maths', 2.70, NULL), (3, 'art', 3.00, NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}, {jobs};
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class School:
    """The database, and roles: an application and its jobs that write, a keeper for Backout.

    `keeper` has what Backout needs and no more; the owner migrates.
    """

    server: PostgresServer
    base: PostgresDatabase
    app: str
    jobs: str
    keeper: str
    app_dsn: str
    jobs_dsn: str
    keeper_dsn: str

    def grade(self, student: int, course: str = "maths") -> str | None:
        """Read one grade."""
        rows = self.base.execute(
            "SELECT grade::text FROM grades WHERE student = %s AND course = %s", student, course
        )
        return str(rows[0][0]) if rows else None

    def superuser(self, text: str, **names: str) -> None:
        """Run statements as the superuser; `{app}` and the like stand for quoted names."""
        identifiers = {key: sql.Identifier(name) for key, name in (self.roles | names).items()}
        self.server.execute(sql.SQL(text).format(**identifiers), database=self.base.name)

    @property
    def roles(self) -> dict[str, str]:
        """Return names for statements."""
        return {
            "app": self.app,
            "jobs": self.jobs,
            "keeper": self.keeper,
            "owner": self.base.owner,
            "name": self.base.name,
        }


EMPTY = """
DROP SCHEMA IF EXISTS backout CASCADE;
DROP SCHEMA IF EXISTS public CASCADE;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(%s)"


@contextmanager
def building(server: PostgresServer, name: str) -> Iterator[PostgresDatabase]:
    """Make the database of a session: making one takes longer than most tests."""
    with database(server, f"{name}_{secrets.token_hex(4)}") as base:
        yield base
        server.revive()


@contextmanager
def school(base: PostgresDatabase) -> Iterator[School]:
    """Fill an emptied database, with roles that nobody has given anything yet."""
    server, password = base.server, secrets.token_urlsafe(12)
    server.revive()
    app, jobs, keeper = made = [f"{base.name}_{each}" for each in ("app", "jobs", "keeper")]
    with psycopg.connect(base.superuser_dsn, autocommit=True) as connection:
        _drop_roles(connection, made)
        connection.execute(EMPTY)
        for each in made:
            statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            connection.execute(statement.format(sql.Identifier(each), sql.Literal(password)))
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(base.owner)))
        names = {"app": sql.Identifier(app), "jobs": sql.Identifier(jobs)}
        connection.execute(sql.SQL(TABLES).format(**names))
    yield School(
        server=server,
        base=base,
        app=app,
        jobs=jobs,
        keeper=keeper,
        app_dsn=server.dsn(base.name, app, password),
        jobs_dsn=server.dsn(base.name, jobs, password),
        keeper_dsn=server.dsn(base.name, keeper, password),
    )
    server.revive()
    with psycopg.connect(base.superuser_dsn, autocommit=True) as connection:
        _drop_roles(connection, made)


def _drop_roles(connection: psycopg.Connection[Any], names: list[str]) -> None:
    """Drop roles with all that they have; a crash may have brought one back."""
    connection.execute(END, [names])
    for each in names:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [each]).fetchall():
            role = sql.Identifier(each)
            connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))
