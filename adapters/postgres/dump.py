"""`postgres.dump`: keep a database as it is now, before it is changed."""

import asyncio
from typing import Any, ClassVar

from pydantic import Field

from adapters.postgres import archives, programs, sessions, statements
from adapters.postgres.archives import Archive
from adapters.postgres.places import DatabaseInputs
from adapters.postgres.sessions import Session
from adapters.postgres.tables import Tables
from adapters.values import count, fingerprint_of, listed
from config.models.base import Model
from config.models.systems import System
from flows.actions import (
    ONE_REQUEST,
    Action,
    Change,
    Context,
    Effect,
    Holds,
    JsonObject,
    PermanentError,
    Permission,
    Preview,
    Refuted,
    Verdict,
)

CHUNK = 1024 * 1024
TELL = 0.5
LOCK_WAIT = "10s"


class PostgresDumpInputs(DatabaseInputs):
    """What is dumped."""

    tables: Tables = Field(
        default=(), description="`schema.table`, only these; left out: the whole database."
    )
    largest: int = Field(
        default=2048, ge=1, le=16_384, description="MiB at which the dump is given up."
    )


class PostgresDumpOutput(Model):
    """The dump, in the evidence of the incident."""

    name: str = Field(description="Its manifest, which names the parts in order.")
    sha256: str = Field(description="Of all parts put behind one another.")
    size: int = Field(description="Bytes.")
    entries: int = Field(description="Entries that pg_restore --list shows.")
    parts: tuple[str, ...] = Field(
        description="Evidence that, put behind one another, pg_restore reads."
    )


class PostgresDump(Action):
    """Dump a database, or some of its tables, to the evidence of the incident.

    pg_dump's custom format, at one moment of the database, with writes going on.  The archive is
    hashed, listed by pg_restore and kept in parts of at most 32 MiB; the manifest is written last,
    so that a dump that broke off is none.  A repeat finds the manifest and dumps nothing.  Like the
    database, it holds personal data and secrets; only the owner of the evidence can read it.

    Effect: changes, but nothing in the database; it reads all of it, and no table can be altered
    meanwhile.  Units: bytes.  Errors: permanent where pg_dump is missing or older than the server,
    a table can't be read, or the dump gets too large; transient where the connection breaks or a
    table is locked for 10 s.  Not undoable: evidence is never deleted.
    """

    uses: ClassVar[str] = "postgres.dump"
    effect: ClassVar[Effect] = Effect.CHANGES
    settle: ClassVar[float | None] = ONE_REQUEST
    Inputs: ClassVar[type[Model]] = PostgresDumpInputs
    Output: ClassVar[type[Model]] = PostgresDumpOutput
    example: ClassVar[JsonObject] = {"database": "main", "tables": ["public.grades"]}

    def permissions(self, inputs: PostgresDumpInputs, system: System) -> tuple[Permission, ...]:
        """Return nothing: what it needs are rights inside the database."""
        return ()

    async def preview(self, inputs: PostgresDumpInputs, context: Context) -> Preview:
        """Say how much it is, once it is clear that all of it can be read."""
        async with sessions.opened(context, inputs.place) as session:
            size, tables = await _readable(inputs, session)
            identity, major = session.identity.lasting, session.identity.version // 10_000
            warnings = sessions.unpinned(context, session)
        await programs.find("pg_dump", major)
        await programs.find("pg_restore", major)
        kept = await archives.find(context, inputs.database)
        what = listed(inputs.tables) if inputs.tables else "all of it"
        told = f"{what}: {count(tables, 'table')}, {_bytes(size)} with indexes"
        if size > inputs.largest * 1024**2:
            much = (
                f"It takes {_bytes(size)} in the database; the dump, which is compressed, is given "
                f"up at {inputs.largest} MiB (`largest`)."
            )
            warnings = (*warnings, much)
        return Preview(
            summary=f"Dump {inputs.place} to the evidence ({told})",
            fingerprint=fingerprint_of([identity, inputs.tables]),
            changes=(Change(subject=f"dump of {inputs.place}", before=None, after=told),),
            in_place=kept is not None,
            touches=0,
            warnings=warnings,
        )

    async def capture(self, inputs: PostgresDumpInputs, context: Context) -> JsonObject:
        """Record which database is meant, and its size."""
        async with sessions.opened(context, inputs.place) as session:
            size, _ = await _readable(inputs, session)
            return {"identity": list(session.identity.lasting), "size": size}

    async def apply(
        self, inputs: PostgresDumpInputs, captured: JsonObject, context: Context
    ) -> None:
        """Dump, unless this step has done so; list what was dumped; write the manifest."""
        if await archives.find(context, inputs.database) is not None:
            return
        async with sessions.opened(context, inputs.place) as session:
            sessions.require_same(session, captured["identity"])
            major = session.identity.version // 10_000
        archive = Archive(
            context=context, database=inputs.database, largest=inputs.largest * 1024**2
        )
        await _fill(archive, inputs, await programs.find("pg_dump", major), captured)
        lister = await programs.find("pg_restore", major)
        entries = await programs.entries_of(lister, archives.content(context, archive.parts))
        if not entries:
            raise PermanentError(f"The dump of {inputs.place} lists nothing.")
        await archives.finish(archive, entries)

    async def verify(
        self, inputs: PostgresDumpInputs, captured: JsonObject, context: Context
    ) -> Verdict:
        """Read the dump again, and compare its hash."""
        found = await archives.find(context, inputs.database)
        if found is None:
            return Refuted(why=f"there is no whole dump of {inputs.place}")
        again = await archives.hashed(context, found.parts)
        if again != found.sha256:
            return Refuted(why=f"the dump {found.name} is not what was kept: its hash differs")
        told = f"{_bytes(found.size)}, {count(found.entries, 'listed object')}"
        return Holds(
            summary=f"{inputs.place} is dumped to {found.name} ({told})", output=found.plain()
        )


async def _readable(inputs: PostgresDumpInputs, session: Session) -> tuple[int, int]:
    """Return bytes and tables; raise `PermanentError` where something can't be read."""
    names = list(inputs.tables)
    ((size, tables, hidden),) = await session.ask(statements.SIZE, names, names)
    if hidden:
        raise PermanentError(
            f"The role {session.identity.user} may not read {listed(hidden)} in "
            f"{session.name}: GRANT SELECT on it, or pg_read_all_data, to dump it."
        )
    if tables < len(names) or not tables:
        raise PermanentError(
            f"{session.name} does not have all of {listed(names) or 'any tables'}: there would be "
            "nothing to dump."
        )
    return size, tables


async def _fill(
    archive: Archive, inputs: PostgresDumpInputs, program: str, captured: JsonObject
) -> None:
    context = archive.context
    parameters = await sessions.parameters(context, inputs.place)
    line = [
        program,
        "--format=custom",
        "--no-password",
        f"--lock-wait-timeout={LOCK_WAIT}",
        f"--dbname={programs.connection(parameters)}",
        *(f"--table={_exact(each)}" for each in inputs.tables),
    ]
    async with programs.running(line, programs.environment(parameters)) as process:
        said = asyncio.ensure_future(process.stderr.read(programs.SAID))
        try:
            while chunk := await _next(process, archive, captured["size"]):
                await archive.add(chunk)
            if await process.wait() != 0:
                text = (await said).decode(errors="replace")
                raise programs.failure(text, str(inputs.place))
        finally:
            said.cancel()
            await asyncio.gather(said, return_exceptions=True)
    await archive.end()


async def _next(process: Any, archive: Archive, size: int) -> bytes:
    """Wait for the next piece; a hold ends the waiting."""
    reading = asyncio.ensure_future(process.stdout.read(CHUNK))
    try:
        while not reading.done():
            await asyncio.wait({reading}, timeout=TELL)
            told = f"{_bytes(archive.size)} kept, of {_bytes(size)} in the database"
            await archive.context.progress(told)
            await archive.context.pause(0)
        return bytes(reading.result())
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _exact(table: str) -> str:
    """Write a name as pg_dump's pattern that means nothing else."""
    return ".".join('"{}"'.format(each.replace('"', '""')) for each in table.split("."))


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
