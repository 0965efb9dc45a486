"""The journal in PostgreSQL: the same tables as in SQLite, and procrastinate's beside them.

`SharedJournal` is a `flows.recording.Store`.  A run is serialised by the lock of its row: whoever
feeds it waits for whoever does so already.  What was read before is kept by sequence number, so
that a look at a thousand runs costs one short query.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from psycopg import errors

from flows import codec
from flows.commands import Command
from flows.engine import JournalError, Queued
from flows.journal import number_of
from flows.plans import canonical
from flows.runs import Run
from flows.shared.connections import Line
from flows.shared.fencing import END
from flows.shared.queue import Queue, command_of
from flows.tables import Tables

KEEP_RUN = """
INSERT INTO runs (incident, number, system, channel, state, ended, seq, snapshot)
VALUES (%(incident)s, %(number)s, %(system)s, %(channel)s, %(state)s, %(ended)s, %(seq)s,
    %(snapshot)s)
ON CONFLICT (incident) DO UPDATE SET channel = excluded.channel, state = excluded.state,
    ended = excluded.ended, seq = excluded.seq, snapshot = excluded.snapshot
"""
TELL = "SELECT pg_notify(%s, %s)"
LOCK = "SELECT seq FROM runs WHERE incident = %s FOR UPDATE"
SEQ_OF = "SELECT seq FROM runs WHERE incident = %s"
SEQS = "SELECT incident, seq FROM runs WHERE NOT ended OR %s ORDER BY number"
SNAPSHOTS = "SELECT incident, snapshot FROM runs WHERE incident = ANY(%s)"
UNREVIEWED = """
SELECT incident FROM runs WHERE system = %s AND snapshot::json -> 'debt' ->> 'gate' IS NOT NULL
    AND snapshot::json -> 'debt' ->> 'paid_at' IS NULL ORDER BY number
"""
ONE_DECLARES = "SELECT pg_advisory_xact_lock(hashtext('backout.declare'))"
HELD = """
SELECT 1 FROM procrastinate_jobs
WHERE id = %s AND status = 'doing' AND worker_id = %s AND attempts = %s
"""
ANYBODY = """
SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s)
"""
WAITING = """
SELECT job.id, job.attempts, job.args, coalesce(job.scheduled_at, event.at) AS due
FROM procrastinate_jobs job JOIN procrastinate_events event
    ON event.job_id = job.id AND event.type = 'deferred'
WHERE job.status::text = ANY(%s) AND coalesce(job.scheduled_at, event.at) <= %s
ORDER BY due, job.id
"""
SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint AS bytes FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
"""
ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
DROP = "DELETE FROM procrastinate_jobs WHERE args ->> 'incident' = %s"
CHANGED, SAID = "backout_changed", "backout_said"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A command that a worker of this process is performing, as the database knows it."""

    job: int
    worker: int
    attempts: int
    incident: str
    command: Command = field(hash=False)  # it may hold a mapping


class SharedJournal(Tables):
    """One database, on one connection.  Not thread-safe: used from the event loop's thread only.

    Raises `AwayError` wherever the database does not answer.
    """

    mark = "%s"

    def __init__(
        self,
        line: Line,
        *,
        replica: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._line = line
        self._replica = replica
        self._clock = clock
        self._queue = Queue()
        self._known: dict[str, Run] = {}
        self.claims: dict[tuple[int, int], Claim] = {}

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def size(self) -> int:
        """Return how many bytes all tables and their indexes take."""
        found: int = self._one(SIZE)["bytes"]
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is written within, or nothing.

        In a pipeline: what answers nothing goes to the server together with what comes after it.
        """
        with self._line.open() as connection, connection.pipeline(), self._line.transaction():
            yield

    def _all(self, sql: str, *values: object, **named: object) -> list[dict[str, Any]]:
        with self._line.open() as connection:
            try:
                return connection.execute(sql, named or values).fetchall()
            except errors.UndefinedTable as error:
                raise JournalError(
                    f"the database {self._line.place} has no journal: run `backout migrate` first"
                ) from error

    def _do(self, sql: str, values: object) -> None:
        with self._line.open() as connection:
            connection.execute(sql, values)  # type: ignore[call-overload]  # constants above

    def declaring(self) -> None:
        """Within a transaction: let nobody else declare until it ends."""
        self._one(ONE_DECLARES)

    def keep_run(self, run: Run) -> None:
        """Store a run's snapshot, and tell every replica at the commit."""
        values = {
            "incident": run.id,
            "number": number_of(run.id),
            "system": run.system,
            "channel": run.channel,
            "state": run.state,
            "ended": run.ended,
            "seq": run.seq,
            "snapshot": codec.snapshot(run),
        }
        self._do(KEEP_RUN, values)
        self._do(TELL, (CHANGED, canonical([self._replica, run.id])))

    def locked(self, incident: str) -> Run | None:
        """Within a transaction: return a run that nobody else changes until it ends."""
        return self._as_of(incident, self._one(LOCK, incident).get("seq"))

    def remember(self, run: Run) -> None:
        """Take note of a run that was committed."""
        if run.ended:
            self._known.pop(run.id, None)
        else:
            self._known[run.id] = run

    def last_known(self) -> tuple[Run, ...]:
        """Return the open runs as they were when the database last answered."""
        return tuple(sorted(self._known.values(), key=lambda run: number_of(run.id)))

    def run(self, incident: str) -> Run | None:
        """Return a run, or None."""
        return self._as_of(incident, self._one(SEQ_OF, incident).get("seq"))

    def _as_of(self, incident: str, seq: int | None) -> Run | None:
        if seq is None:
            return None
        known = self._known.get(incident)
        if known is not None and known.seq == seq:
            return known
        return self._fetched([incident]).get(incident)

    def _fetched(self, incidents: list[str]) -> dict[str, Run]:
        rows = self._all(SNAPSHOTS, incidents) if incidents else []
        runs = {row["incident"]: codec.decode_run(row["snapshot"]) for row in rows}
        for run in runs.values():
            self.remember(run)
        return runs

    def runs(self, *, ended: bool) -> tuple[Run, ...]:
        """Return the open runs, and with `ended` all, oldest first."""
        seqs = {row["incident"]: row["seq"] for row in self._all(SEQS, ended)}
        known = {name: run for name, run in self._known.items() if seqs.get(name) == run.seq}
        fetched = self._fetched([name for name in seqs if name not in known])
        found = known | fetched
        return tuple(found[name] for name in seqs if name in found)

    def unreviewed(self, system: str) -> tuple[Run, ...]:
        """Return the runs of a system whose emergency nobody has reviewed yet, oldest first."""
        owing = [row["incident"] for row in self._all(UNREVIEWED, system)]
        runs = self._fetched(owing)
        return tuple(runs[incident] for incident in owing)

    def queue(self, incident: str, command: Command, due: datetime) -> None:
        """Queue a command.  The database's clock says when it is due: only the wait is ours."""
        wait = due - self._clock()
        at = datetime.now(UTC) + wait if wait.total_seconds() > 0 else None
        with self._line.open() as connection:
            self._queue.put(connection, incident, command, due=at)

    def finish(self, queued: Queued) -> bool:
        """Take a command off the queue; say whether it was this process's to finish."""
        claim = self.claims.get((queued.id, queued.tries))
        return claim is not None and bool(
            self._all(END, job=claim.job, worker=claim.worker, attempts=claim.attempts)
        )

    def is_held(self, claim: Claim) -> bool:
        """Say whether a claim holds still: nobody has taken its worker for dead."""
        return bool(self._one(HELD, claim.job, claim.worker, claim.attempts))

    def anybody(self, lease: float) -> bool:
        """Say whether a worker has given a sign of life within so many seconds."""
        return bool(self._one(ANYBODY, lease))

    def due(self, now: datetime, *, begun: bool) -> tuple[Queued, ...]:
        """Return the commands that are due at a time, but those that can't be read.

        With `begun` also those that somebody performs.
        """
        found = []
        statuses = ["todo", "doing"] if begun else ["todo"]
        for row in self._all(WAITING, statuses, now):
            with suppress(codec.CodecError, ValueError):
                incident, command = command_of(row["args"])
                found.append(
                    Queued(
                        id=row["id"],
                        incident=incident,
                        command=command,
                        tries=row["attempts"],
                        due=row["due"].timestamp(),
                    )
                )
        return tuple(found)

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Have every look within see the same moment."""
        with self.transaction():
            self._do(ONE_MOMENT, None)
            yield

    def drop_commands(self, incident: str) -> None:
        """Take what waits for an incident off the queue."""
        self._do(DROP, (incident,))
