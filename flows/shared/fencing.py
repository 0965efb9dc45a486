"""procrastinate's job manager, for workers that may be taken for dead and come back.

Its own ends and retries a job whoever performs it meanwhile; this one only while the claim is the
worker's own.  And a database that goes away for a moment costs a moment, not the worker.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

log = logging.getLogger(__name__)
OWN = """
WITH own AS (
    SELECT id FROM procrastinate_jobs WHERE id = %(job)s AND worker_id = %(worker)s
        AND attempts = %(attempts)s AND status = 'doing' FOR UPDATE
)
"""
END = f"{OWN} SELECT procrastinate_finish_job_v1(id, 'succeeded', true) FROM own"  # noqa: S608
AGAIN = f"{OWN} SELECT procrastinate_retry_job_v2(id, %(at)s, NULL, NULL, NULL) FROM own"  # noqa: S608


class FencedJobs(JobManager):
    """Fetches, ends and retries jobs for one worker."""

    def __init__(self, connector: BaseConnector, *, pause: float) -> None:
        super().__init__(connector)
        self._pause = pause

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Claim a job; none while the database is away."""
        try:
            return await super().fetch_job(queues, worker_id)
        except ConnectorException as error:
            log.info("no command can be claimed: %s", error.__cause__ or error)
            return None

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End a job, if it is not another's by now: what came of it is recorded already."""
        await self._change(END, job)

    async def retry_job(
        self, job: Job, retry_at: datetime | None = None, *_: Any, **__: Any
    ) -> None:
        """Put a job back, if it is not another's by now."""
        await self._change(AGAIN, job, at=retry_at or datetime.now(UTC))

    async def _change(self, query: Any, job: Job, **values: Any) -> None:
        known = {"job": job.id, "worker": job.worker_id, "attempts": job.attempts}
        try:
            await self.connector.execute_query_async(query, **known, **values)
        except ConnectorException as error:
            # The sweep finds it: claimed by this worker, and performed by nobody.
            log.info("command %s stays claimed: %s", job.id, error.__cause__ or error)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Give a sign of life; one that is lost is followed by the next."""
        try:
            await super().update_heartbeat(worker_id)
        except ConnectorException as error:
            log.info("no sign of life can be given: %s", error.__cause__ or error)

    async def listen_for_jobs(self, **asked: Any) -> None:
        """Hear of new jobs, also after the database was away."""
        while True:
            try:
                await super().listen_for_jobs(**asked)
            except ConnectorException as error:
                log.info("new commands are looked for: %s", error.__cause__ or error)
            await asyncio.sleep(self._pause)
