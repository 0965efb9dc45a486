"""Commands as procrastinate's jobs.

A job's arguments are the incident and the command as JSON.  Jobs are deferred within the
transaction of the event that asked for them, and deleted when they are done.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from procrastinate import App, BaseRetryStrategy, RetryDecision, SyncPsycopgConnector
from procrastinate.jobs import Job
from psycopg import Connection
from psycopg.rows import DictRow

from flows import codec
from flows.commands import Announce, Command, EndPages, FileReport, OpenChannel, SendPage
from flows.engine import LaterError

TASK = "backout.command"
QUEUE = "backout"
TO_PEOPLE = (Announce, EndPages, FileReport, OpenChannel, SendPage)
"""Tried again and again while people can't be told: everything else is claimed before them."""


class Queue:
    """Defers commands on a connection that somebody else commits."""

    def __init__(self) -> None:
        self._app = App(connector=SyncPsycopgConnector())  # never opened: it borrows connections

    def put(
        self,
        connection: Connection[DictRow],
        incident: str,
        command: Command,
        *,
        due: datetime | None,
    ) -> None:
        """Queue a command; `due` (by the database's clock) is None for at once."""
        kind, body = type(command).__name__, codec.encode(command)
        job = self._app.configure_task(
            TASK,
            queue=QUEUE,
            priority=0 if isinstance(command, TO_PEOPLE) else 1,
            schedule_at=due,
            connection=connection,
            allow_unknown=True,
        )
        job.defer(incident=incident, kind=kind, body=body)


class PutOff(BaseRetryStrategy):
    """Every command is performed until it could be recorded; `LaterError` says when again."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        """Return when; what was broken off by a stop is for the next worker, at once."""
        delay = exception.delay if isinstance(exception, LaterError) else 0.0
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=delay))


def command_of(kwargs: dict[str, Any]) -> tuple[str, Command]:
    """Return the incident and the command of a job.  Raises `CodecError` or `ValueError`."""
    return kwargs["incident"], codec.decode_command(kwargs["kind"], kwargs["body"])
