"""What the panel shows of a cluster, counted by SQL; `database` asks every second."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import psycopg

from sandbox.school import seeds
from sandbox.school.clusters import Cluster, connected

_GOOD = seeds.good_rows()
_SESSIONS = """
SELECT count(*)::int FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend'
   AND usename = %(role)s
"""
_READ_ONLY = """
SELECT count(*)::int FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole,
       unnest(s.setconfig) c
 WHERE r.rolname = %(role)s AND c ~ '^default_transaction_read_only=(on|true|yes|1)$'
   AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_COUNTS = """
SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM students),
       (SELECT count(*) FROM assessments), (SELECT count(*) FROM grades)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of one cluster."""

    sessions: int
    read_only: bool
    rows: dict[str, int]
    wrong_grades: tuple[int, ...]
    wrong_assessments: tuple[int, ...]


async def look(session: psycopg.AsyncConnection) -> Look:
    """Count once."""
    role = {"role": seeds.APPLICATION}
    ((sessions,),) = await (await session.execute(_SESSIONS, role)).fetchall()
    ((barred,),) = await (await session.execute(_READ_ONLY, role)).fetchall()
    (counts,) = await (await session.execute(_COUNTS)).fetchall()
    grades = await (
        await session.execute("SELECT id, student, assessment, grade FROM grades")
    ).fetchall()
    assessments = await (
        await session.execute("SELECT id, title, weight FROM assessments")
    ).fetchall()
    there: dict[int, tuple[int, int, Decimal]] = {row[0]: row[1:] for row in grades}
    exams: dict[int, tuple[str, int]] = {row[0]: row[1:] for row in assessments}
    return Look(
        sessions=sessions,
        read_only=barred > 0,
        rows=dict(zip(seeds.TABLES, counts, strict=True)),
        wrong_grades=tuple(key for key, row in _GOOD.grades.items() if there.get(key) != row),
        wrong_assessments=tuple(
            key for key, row in _GOOD.assessments.items() if exams.get(key) != row
        ),
    )


class Looks:
    """One cluster's session for looking, and what was seen last."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._session: psycopg.AsyncConnection | None = None
        self.last: Look | None = None

    async def again(self) -> None:
        """Look; what can't be asked now keeps what was seen before."""
        try:
            if self._session is None:
                self._session = await connected(self._cluster.dsn(), "sandbox panel")
            self.last = await look(self._session)
        except (psycopg.Error, OSError):
            await self.close()

    async def close(self) -> None:
        """End the session; safe to call twice."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
