"""What every replica looks at twice a second: its lease, who leads, whose commands are lost.

Called by `flows.shared.driver` on a connection of its own.  All times are the database's.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from flows.shared.journal import Claim

LEADER = "leader"
AGE = """
SELECT extract(epoch FROM now() - last_heartbeat)::float AS age
FROM procrastinate_workers WHERE id = %s
"""
SIGN = """
UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %s RETURNING 0.0::float AS age
"""
LEAD = """
INSERT INTO leases (name, holder, until)
VALUES (%(name)s, %(holder)s, now() + make_interval(secs => %(lease)s))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE leases.holder = excluded.holder OR leases.until < now()
RETURNING holder
"""
RESIGN = "DELETE FROM leases WHERE name = %s AND holder = %s"
HELD = """
SELECT id, worker_id, attempts FROM procrastinate_jobs WHERE id = ANY(%s) AND status = 'doing'
"""
LOST = """
SELECT job.id, job.attempts, job.worker_id, job.args ->> 'incident' AS incident,
    extract(epoch FROM now() - worker.last_heartbeat)::float AS silent
FROM procrastinate_jobs job LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
WHERE job.status = 'doing' AND (worker.id IS NULL OR job.worker_id = %(own)s
    OR worker.last_heartbeat < now() - make_interval(secs => %(lease)s))
"""
# Only as it was seen: whoever else took it meanwhile has counted it up.
PUT_BACK = """
WITH seen AS (
    SELECT id FROM procrastinate_jobs
    WHERE id = %s AND attempts = %s AND status = 'doing' FOR UPDATE
)
SELECT procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) FROM seen
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A command that was put back into the queue; `worker` had it, `silent` for so many seconds."""

    job: int
    attempts: int
    incident: str
    worker: int | None
    silent: float | None


class Sweep:
    """The looks of one replica.

    `patience` is for how many seconds nobody is taken for dead: after a database was away, all are
    late with their signs of life.
    """

    def __init__(
        self,
        connection: AsyncConnection[DictRow],
        replica: str,
        lease: float,
        *,
        patience: float = 0.0,
    ) -> None:
        self._connection = connection
        self._replica = replica
        self._lease = lease
        self._not_before = time.monotonic() + patience
        self._suspects: set[tuple[int, int]] = set()

    async def age_of(self, worker: int | None) -> float | None:
        """Return how many seconds ago a worker gave a sign of life; None for an unknown one.

        Give one for it where it does not: procrastinate's stops as soon as a worker drains, and is
        slow to begin again when a database was away.
        """
        row = await self._one(AGE, worker)
        if row and row["age"] > self._lease / 2:
            row = await self._one(SIGN, worker)
        return row["age"] if row else None

    async def lead(self) -> bool:
        """Take the lead where nobody has it, or keep it; say whether it is this replica's."""
        values = {"name": LEADER, "holder": self._replica, "lease": self._lease}
        return bool(await self._one(LEAD, values))

    async def tell(self, channel: str, said: list[str | None]) -> None:
        """Tell every replica something; it is lost on those that do not listen."""
        await self._connection.execute("SELECT pg_notify(%s, %s)", (channel, json.dumps(said)))

    async def resign(self) -> None:
        """Let another lead at once."""
        await self._connection.execute(RESIGN, (LEADER, self._replica))

    async def take_over(self, own: int | None, performing: set[int]) -> tuple[Taken, ...]:
        """Put back what nobody performs: of dead workers, and of our own where its end was lost.

        What is our own is only suspected at first: its end may be on its way.
        """
        rows = await self._connection.execute(LOST, {"own": own, "lease": self._lease})
        lost = [self._taken(row) for row in await rows.fetchall() if row["id"] not in performing]
        if time.monotonic() < self._not_before:
            lost = [each for each in lost if each.worker == own]
        ours = {(each.job, each.attempts) for each in lost if each.worker == own}
        sure = [each for each in lost if each.worker != own or self._is_suspect(each)]
        self._suspects = ours
        return tuple([each for each in sure if await self._put_back(each)])

    async def gone(self, claims: tuple[Claim, ...]) -> tuple[Claim, ...]:
        """Return those of a worker's claims that it has no more."""
        if not claims:
            return ()
        rows = await self._connection.execute(HELD, ([claim.job for claim in claims],))
        held = {(row["id"], row["worker_id"], row["attempts"]) for row in await rows.fetchall()}
        return tuple(each for each in claims if (each.job, each.worker, each.attempts) not in held)

    def _is_suspect(self, taken: Taken) -> bool:
        return (taken.job, taken.attempts) in self._suspects

    async def _put_back(self, taken: Taken) -> bool:
        return bool(await self._one(PUT_BACK, taken.job, taken.attempts))

    def _taken(self, row: dict[str, Any]) -> Taken:
        return Taken(
            job=row["id"],
            attempts=row["attempts"],
            incident=row["incident"],
            worker=row["worker_id"],
            silent=row["silent"],
        )

    async def _one(self, sql: str, *values: Any) -> dict[str, Any] | None:
        given = values[0] if len(values) == 1 and isinstance(values[0], dict) else values
        done = await self._connection.execute(sql, given)
        row: dict[str, Any] | None = await done.fetchone()
        return row
