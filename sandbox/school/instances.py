"""AIVO's primary and the instances that were restored beside it.

Called by `database`.  `restore`, `endpoint` and `forget` may be called from any thread and return
at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.school import seeds
from sandbox.school.clusters import Cluster, connected, conninfo
from sandbox.school.looks import Looks
from sandbox.school.processes import ServerError
from sandbox.school.programs import Programs
from sandbox.wall import Wall

PRIMARY = "aivo-prod-primary"


@dataclass(slots=True, kw_only=True)
class Instance:
    """One of them; `moment` is what it was restored to, None for the primary.

    `ready` once it takes writes; `problem` says why it never will.
    """

    cluster: Cluster
    looks: Looks
    moment: float | None = None
    ready: bool = False
    problem: str = ""
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Instances:
    """All clusters, in `folder`."""

    def __init__(
        self, folder: Path, programs: Programs, passwords: Mapping[str, str], wall: Wall
    ) -> None:
        self._folder = folder
        self._programs = programs
        self._passwords = passwords
        self._wall = wall
        self._loop = asyncio.get_running_loop()
        self._made = 0
        self._leaving: set[asyncio.Task[None]] = set()
        self.backed_up = 0.0
        self.primary = self._instance("primary")
        self.all: dict[str, Instance] = {PRIMARY: self.primary}

    async def start(self) -> None:
        """Make the primary, fill it, and back it up."""
        cluster = self.primary.cluster
        await asyncio.to_thread(cluster.create)
        await cluster.start()
        async with await connected(cluster.dsn(database="postgres")) as session:
            await session.execute(seeds.make_roles(dict(self._passwords)))
            await session.execute(seeds.MAKE_DATABASE)
        for statements in (seeds.MAKE_TABLES, seeds.RIGHTS, seeds.FILL):
            await cluster.execute(statements)
        await asyncio.to_thread(cluster.back_up, self._backup)
        self.backed_up = time.time()
        self.primary.ready = True

    async def stop(self) -> None:
        """Stop all; safe to call twice."""
        await self.forget_restored()
        await self.primary.looks.close()
        await self.primary.cluster.stop()

    def restore(self, name: str, moment: float | None) -> None:
        """Begin to restore the primary as it was at a moment, to a new instance.

        `moment` is in seconds since the epoch by the clock on the wall; None is the latest.  Raises
        ValueError for a name that is taken, and for a moment before there was a backup.
        """
        if name in self.all:
            raise ValueError(f"there is an instance {name} already")
        until = None if moment is None else self._wall.real(moment)
        if until is not None and until < self.backed_up:
            raise ValueError("there is no backup that is as old as that")
        self._made += 1
        made = self._instance(f"restored-{self._made}", password=self.primary.cluster.password)
        made.moment = self._wall.now() if moment is None else moment
        self.all[name] = made
        self._loop.call_soon_threadsafe(self._begin, made, until)

    def endpoint(self, name: str) -> tuple[str, int] | None:
        """Return where an instance is; None before it takes writes, and where there is none."""
        found = self.all.get(name)
        return ("127.0.0.1", found.cluster.port) if found and found.ready else None

    def forget(self, name: str) -> None:
        """Stop and remove a restored instance; the primary stays."""
        if name != PRIMARY and (found := self.all.pop(name, None)):
            found.ready = False
            self._loop.call_soon_threadsafe(self._leave, found)

    async def forget_restored(self) -> None:
        """Stop and remove all that were restored."""
        for name, _ in self.listed():
            self.forget(name)
        await asyncio.sleep(0)  # the calls that `forget` left to the loop
        while self._leaving:
            await asyncio.gather(*self._leaving, return_exceptions=True)

    def listed(self) -> tuple[tuple[str, Instance], ...]:
        """Return all with their names, as they are now: other threads add and remove some."""
        return tuple(self.all.items())

    def at(self, port: int) -> tuple[str, Instance]:
        """Return the instance with a port, else the primary, with its name."""
        for name, each in self.listed():
            if port and each.cluster.port == port:
                return name, each
        return PRIMARY, self.primary

    def dsn(self, role: str, port: int = 0) -> str:
        """Return a role's data source, by default for the primary."""
        return conninfo(port or self.primary.cluster.port, role, self._passwords[role])

    async def look(self) -> None:
        """Count in all of them."""
        for _, each in self.listed():
            if each.ready:
                await each.looks.again()

    async def mend(self) -> None:
        """Bring the primary back to the good rows, roles and rights."""
        cluster = self.primary.cluster
        await cluster.execute(seeds.UNDO_ROLES)
        await cluster.execute(seeds.END_SESSIONS)
        await cluster.execute(f"BEGIN; {seeds.EMPTY} {seeds.FILL} COMMIT")

    @property
    def _backup(self) -> Path:
        return self._folder / "backup"

    def _instance(self, folder: str, *, password: str = "") -> Instance:
        cluster = Cluster(
            folder=self._folder / folder,
            programs=self._programs,
            password=password or secrets.token_urlsafe(12),
        )
        return Instance(cluster=cluster, looks=Looks(cluster))

    def _begin(self, made: Instance, until: float | None) -> None:
        if any(each is made for _, each in self.listed()):
            made.task = asyncio.create_task(self._restored(made, until), name="restore")

    async def _restored(self, made: Instance, until: float | None) -> None:
        primary = self.primary.cluster
        try:
            newest = await primary.archived()
            # A moment after the last commit would never be reached.
            target = until if until is not None and until < newest else None
            await asyncio.to_thread(made.cluster.copy_of, self._backup, primary.archive, target)
            await made.cluster.start()
            made.ready = True
        except (ServerError, OSError) as error:
            made.problem = str(error)

    def _leave(self, made: Instance) -> None:
        task = asyncio.create_task(self._left(made), name="forget")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _left(self, made: Instance) -> None:
        if made.task is not None:
            made.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await made.task
        await made.looks.close()
        await made.cluster.stop()
        await asyncio.to_thread(shutil.rmtree, made.cluster.folder, ignore_errors=True)
