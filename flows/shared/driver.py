"""Drives runs with other replicas: procrastinate claims commands, this performs and records them.

A replica that gives no sign of life for the length of its lease loses its claims: any other puts
its commands back into the queue, and who gets one looks at the run to find out what was begun
(`flows.performing`).  Nothing here trusts a notification: what LISTEN missed is found by looking.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from flows.codec import CodecError
from flows.driver import GRACE, LONGEST_DELAY, outcome
from flows.engine import AwayError, LaterError, Perform, Queued
from flows.runs import Run
from flows.shared.connections import LOST, conninfo_of
from flows.shared.engine import SharedEngine
from flows.shared.fencing import FencedJobs
from flows.shared.journal import CHANGED, SAID, Claim
from flows.shared.queue import QUEUE, TASK, PutOff, command_of
from flows.shared.sweeping import Sweep, Taken

log = logging.getLogger(__name__)
AT_ONCE = 1_000  # commands of one replica side by side: a long step delays nobody
LOOKS_A_LEASE = 6
ENDS_WITHIN = 5.0
POOL = 4


class SharedDriver:
    """Performs commands until told to stop."""

    def __init__(self, engine: SharedEngine, perform: Perform) -> None:
        self._engine = engine
        self._perform = perform
        self._stopping = False
        self._ended = False
        self._beat = engine.lease / LOOKS_A_LEASE
        self._conninfo = conninfo_of(engine.url)
        self._worker: Worker | None = None
        self._sides: list[asyncio.Task[None]] = []
        self._working: asyncio.Task[None] | None = None
        self._tasks: dict[Claim, asyncio.Task[Any]] = {}
        self._was_away = False
        self._grace = 0.0  # of a worker that ends unasked
        self._came_round = time.monotonic()
        self.sure_until = 0.0

    @property
    def performing(self) -> int:
        """How many commands are being performed right now."""
        return len(self._tasks)

    @property
    def idle(self) -> float:
        """How many seconds ago the looks last came round, whether or not the database answers."""
        return time.monotonic() - self._came_round

    @property
    def lease_age(self) -> float | None:
        """How many seconds ago the database last had a sign of life; None before the first."""
        if not self.sure_until:
            return None
        return max(0.0, time.monotonic() - self.sure_until + self._engine.lease)

    @property
    def alive(self) -> bool:
        """Whether this replica's lease holds: others believe that it lives."""
        return time.monotonic() < self.sure_until

    async def drive(self) -> None:
        """Claim and perform until `stop`."""
        self._sides = [
            asyncio.create_task(self._forever(side)) for side in (self._sweep, self._hear)
        ]
        self._working = asyncio.create_task(self._forever(self._work))
        await asyncio.wait({self._working})

    async def stop(self, grace: float = GRACE) -> None:
        """Claim nothing more, give what runs `grace` seconds, then put it back for the others."""
        self._stopping, self._grace = True, grace
        if self._worker is not None:
            self._worker.shutdown_graceful_timeout = grace
            self._worker.stop()  # type: ignore[no-untyped-call]
        if self._working is not None:
            await asyncio.wait({self._working}, timeout=grace + ENDS_WITHIN)
        self._ended = True
        if self._sides:
            await asyncio.wait({self._sides[0]}, timeout=self._beat * 4)  # it resigns
        tasks = [*self._sides, *filter(None, [self._working])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forever(self, side: Callable[[], Awaitable[None]]) -> None:
        """Do something again and again: a database that went away comes back."""
        while not self._ended:
            self._came_round = time.monotonic()
            try:
                await side()
            except (*LOST, AwayError, ConnectorException, OSError, TimeoutError) as error:
                log.warning("%s: the database does not answer: %s", side.__name__.strip("_"), error)
            except Exception:
                log.exception("%s failed; it begins anew", side.__name__.strip("_"))
            if self._stopping and side == self._work:
                return
            if not self._ended:
                await asyncio.sleep(self._beat)

    async def _work(self) -> None:
        """Be one worker, until it ends."""
        connector = PsycopgConnector(
            conninfo=self._conninfo, min_size=1, max_size=POOL, timeout=self._engine.lease
        )
        app = App(connector=connector)
        app.job_manager = FencedJobs(connector, pause=self._beat)
        app.task(name=TASK, queue=QUEUE, pass_context=True, retry=PutOff())(self._job)
        async with app.open_async():
            if self._stopping:  # asked to while the connections were made
                return
            self._worker = Worker(
                app=app,
                queues=[QUEUE],
                concurrency=AT_ONCE,
                fetch_job_polling_interval=self._beat,
                abort_job_polling_interval=60.0,  # no job is ever asked to abort
                shutdown_graceful_timeout=self._grace,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=self._engine.lease / 3,
                stalled_worker_timeout=self._engine.lease * 10,
            )
            try:
                await self._worker.run()  # type: ignore[no-untyped-call]
            finally:
                self._worker = None

    async def _job(self, context: JobContext, /, **arguments: str) -> None:
        """Perform one command and record what came of it."""
        job = context.job
        try:
            incident, command = command_of(arguments)
        except (CodecError, ValueError) as error:
            log.error("command %s of %s stays queued: %s", job.id, arguments.get("incident"), error)
            raise LaterError("it can't be read", delay=LONGEST_DELAY) from None
        assert job.id is not None
        assert job.worker_id is not None
        claim = Claim(
            job=job.id,
            worker=job.worker_id,
            attempts=job.attempts,
            incident=incident,
            command=command,
        )
        queued = Queued(id=job.id, incident=incident, command=command, tries=job.attempts)
        task = asyncio.current_task()
        assert task is not None
        self._tasks[claim] = task
        if job.attempts:
            self._engine.doubt()
        try:
            with self._engine.claiming(claim):
                await self._perform_and_record(queued)
        finally:
            del self._tasks[claim]

    async def _perform_and_record(self, queued: Queued) -> None:
        """Do a command; what came of it is kept until it could be recorded."""
        events = await outcome(self._engine, self._perform, queued)
        while True:
            try:
                return self._engine.finish(queued, events)
            except AwayError as error:
                log.warning("%s: what came of a command waits: %s", queued.incident, error)
                await asyncio.sleep(self._beat)

    async def _sweep(self) -> None:
        """Keep the lease, take over from the dead, find what was lost on the way."""
        try:
            async with asyncio.timeout(self._engine.lease):
                connection = await self._connected()
            async with connection:
                patience = self._engine.lease if self._was_away else 0.0
                replica, lease = self._engine.replica, self._engine.lease
                sweep = Sweep(connection, replica, lease, patience=patience)
                while not self._ended:
                    await self._look(sweep)
                    await asyncio.sleep(self._beat)
                await sweep.resign()
        except (*LOST, OSError, TimeoutError):
            self._was_away = True
            self._engine.away(self._engine.lease * 2)  # or until it answers again
            raise

    async def _look(self, sweep: Sweep) -> None:
        asked = self._came_round = time.monotonic()
        worker = self._worker.worker_id if self._worker is not None else None
        async with asyncio.timeout(self._engine.lease):
            age = await sweep.age_of(worker)
            leads = await sweep.lead()
            taken = await sweep.take_over(worker, {claim.job for claim in self._tasks})
            gone = await sweep.gone(tuple(self._tasks))
        self._engine.back()
        if leads:
            self._engine.lead(asked + self._engine.lease)
        if age is not None:
            self.sure_until = asked + self._engine.lease - age
        elif worker is not None and self._worker is not None:
            log.warning("this worker was struck off the list; another begins")
            self._worker.stop()  # type: ignore[no-untyped-call]
        self._tell(taken, worker)
        self._let_go(gone)
        for (incident, step), text in self._engine.progress.news().items():
            await sweep.tell(SAID, [self._engine.replica, incident, step, text])

    def _tell(self, taken: tuple[Taken, ...], own: int | None) -> None:
        for each in taken:
            if own is not None and each.worker == own:
                log.warning("%s: a command of ours is put back: its end was lost", each.incident)
                continue
            log.warning("%s: a command of a lost worker is taken over", each.incident)
            run = self._engine.run(each.incident)
            if run is not None and not run.ended and not self._is_told(run, each):
                self._engine.resume(run, taken=f"{each.worker}")

    def _is_told(self, run: Run, taken: Taken) -> bool:
        """Say whether nobody was away, or it was told since whoever had a command fell silent."""
        if taken.worker is None or taken.silent is None:
            return True
        last = self._engine.now() - timedelta(seconds=taken.silent)
        return run.resumed_at is not None and run.resumed_at > last

    def _let_go(self, gone: tuple[Claim, ...]) -> None:
        """Break off what others have taken over: it would be recorded nowhere."""
        for claim in gone:
            if claim in self._tasks:
                log.warning("%s: a command of ours was taken over by another", claim.incident)
                self._tasks[claim].cancel()

    async def _hear(self) -> None:
        """Tell the views of what other replicas commit."""
        async with await self._connected() as connection:
            await connection.execute(f"LISTEN {CHANGED}")
            await connection.execute(f"LISTEN {SAID}")
            for run in self._engine.runs():
                self._engine.hear(run.id)
            while not self._ended:
                async for notice in connection.notifies(timeout=self._engine.lease):
                    self._heard(notice.channel, notice.payload)
                await connection.execute("SELECT 1")

    def _heard(self, channel: str, payload: str) -> None:
        replica, incident, *said = json.loads(payload)
        if replica == self._engine.replica:
            return
        if channel == SAID:
            self._engine.progress.hear(incident, *said)
        else:
            self._engine.hear(incident)

    async def _connected(self) -> AsyncConnection[DictRow]:
        return await AsyncConnection.connect(self._conninfo, autocommit=True, row_factory=dict_row)

    def neglected(self, since: datetime) -> tuple[Queued, ...]:
        """Return the commands that were due at a time already and have not been begun."""
        return self._engine.due(since, begun=False)
