"""A school's database: students and their grades, and the roles that work with them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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


@contextmanager
def school(server: PostgresServer, name: str) -> Iterator[School]:
    """Make the database and its roles; drop them at the end."""
    unique = f"{name}_{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(12)
    made = [f"{unique}_{each}" for each in ("app", "jobs", "keeper")]
    with database(server, unique) as base:
        for each in made:
            statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
            server.execute(statement.format(sql.Identifier(each), sql.Literal(password)))
        app, jobs, keeper = made
        found = School(
            server=server,
            base=base,
            app=app,
            jobs=jobs,
            keeper=keeper,
            app_dsn=server.dsn(unique, app, password),
            jobs_dsn=server.dsn(unique, jobs, password),
            keeper_dsn=server.dsn(unique, keeper, password),
        )
        try:
            base.execute(TABLES.format(app=f'"{app}"', jobs=f'"{jobs}"'))
            yield found
        finally:
            server.revive()
            for each in made:
                drop = sql.SQL("DROP OWNED BY {role} CASCADE")
                role = sql.Identifier(each)
                server.execute(
                    sql.SQL(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {}"
                    ).format(sql.Literal(each))
                )
                server.execute(drop.format(role=role), database=unique)
                server.execute(sql.SQL("DROP ROLE {}").format(role))
