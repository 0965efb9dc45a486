"""Copied rows as they are captured, and the transactions that write them and put them back.

Called by `copy_rows`.  A marker row in the target, written in the same transaction, says that a
step's rows are there: a repeat finds it and changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.postgres import rows
from adapters.postgres.rows import Key, Rows, Shape
from adapters.postgres.sessions import Session
from adapters.postgres.statements import Statement
from adapters.values import fingerprint_of, listed
from flows.actions import Context, JsonObject, PermanentError

LARGEST = 2 * 1024 * 1024
"""Characters of a sealed capture: the journal keeps it."""

MARKERS = Statement(
    name="markers",
    text="""
SELECT pg_catalog.to_regclass('backout.copied_rows') IS NOT NULL,
       CASE WHEN pg_catalog.to_regclass('backout.copied_rows') IS NULL
            THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
            ELSE pg_catalog.has_schema_privilege('backout', 'USAGE')
                 AND pg_catalog.has_table_privilege('backout.copied_rows', 'SELECT')
                 AND pg_catalog.has_table_privilege('backout.copied_rows', 'INSERT')
                 AND pg_catalog.has_table_privilege('backout.copied_rows', 'UPDATE') END
""",
)
MAKE_SCHEMA = Statement(name="make_schema", text="CREATE SCHEMA IF NOT EXISTS backout")
MAKE_MARKERS = Statement(
    name="make_markers",
    text="""
CREATE TABLE IF NOT EXISTS backout.copied_rows (
    mark text PRIMARY KEY,
    checksum text NOT NULL,
    copied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    undone_at timestamptz)
""",
)
WRITE_MARKER = Statement(
    name="write_marker",
    text="""
INSERT INTO backout.copied_rows (mark, checksum) VALUES (%s, %s)
ON CONFLICT (mark) DO NOTHING RETURNING mark
""",
)
READ_MARKER = Statement(
    name="read_marker",
    text="SELECT checksum, undone_at IS NOT NULL FROM backout.copied_rows WHERE mark = %s",
)
UNDO_MARKER = Statement(
    name="undo_marker",
    text="UPDATE backout.copied_rows SET undone_at = pg_catalog.clock_timestamp() WHERE mark = %s",
)
DEFER = Statement(name="defer", text="SET CONSTRAINTS ALL DEFERRED")
CHECK = Statement(name="check", text="SET CONSTRAINTS ALL IMMEDIATE")
OWN_SESSIONS = Statement(
    name="own_sessions",
    text="""
SELECT count(*) FROM pg_catalog.pg_stat_activity
 WHERE datname = pg_catalog.current_database() AND application_name = %s
   AND pid <> pg_catalog.pg_backend_pid()
""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table's rows: what was there, and what is to be there."""

    shape: Shape
    before: Rows
    wanted: Rows

    @property
    def changed(self) -> Rows:
        """Return the wanted rows that are not there as they should be."""
        return {key: row for key, row in self.wanted.items() if self.before.get(key) != row}

    @property
    def keys(self) -> tuple[Key, ...]:
        """Return all keys."""
        return tuple(self.wanted)


Copy = tuple[Part, ...]


def checksum(copy: Copy) -> str:
    """Return a hash of all that is to be there."""
    return fingerprint_of({part.shape.table: rows.checksum(part.wanted) for part in copy})


def plain(copy: Copy) -> list[JsonObject]:
    """Return rows for a capture, tables in the order of writing."""
    return [
        {
            "table": part.shape.table,
            "before": _listed(part.before),
            "wanted": _listed(part.wanted),
        }
        for part in copy
    ]


def seal(copy: Copy, context: Context) -> str:
    """Seal rows, which are people's data; raise `PermanentError` where they are too many."""
    sealed = context.surroundings.vault.seal(plain(copy))
    if len(sealed) > LARGEST:
        raise PermanentError(
            f"The rows take {len(sealed) // 1024} KiB, and {LARGEST // 1024} can be captured: copy "
            "them in several steps."
        )
    return sealed


async def unseal(captured: JsonObject, session: Session, context: Context) -> Copy:
    """Return what was captured, in the tables as they are now."""
    return tuple(
        [
            Part(
                shape=await rows.shape(session, each["table"]),
                before=_mapped(each["before"]),
                wanted=_mapped(each["wanted"]),
            )
            for each in context.surroundings.vault.unseal(captured["rows"])
        ]
    )


async def require_markers(session: Session) -> None:
    """Raise `PermanentError` where the marker can't be written."""
    ((_, allowed),) = await session.ask(MARKERS)
    if not allowed:
        raise PermanentError(
            f"The role {session.identity.user} can't write the marker in {session.name}: GRANT "
            "CREATE on the database, or SELECT, INSERT, UPDATE on backout.copied_rows and USAGE on "
            "its schema, where they are there."
        )


async def write(session: Session, copy: Copy, context: Context) -> None:
    """Write the rows and the marker, unless the marker is there.

    Raises `PermanentError` where a row is not as it was captured, or not as it was written.
    """
    ((there, _),) = await session.ask(MARKERS)
    if not there:
        await session.ask(MAKE_SCHEMA)
        await session.ask(MAKE_MARKERS)
    if not await session.ask(WRITE_MARKER, context.mark, checksum(copy)):
        return
    await session.ask(DEFER)
    for part in copy:
        now = await rows.read(session, part.shape, part.keys, lock=True)
        if other := [key for key in part.keys if now.get(key) != part.before.get(key)]:
            raise PermanentError(_changed(part.shape, other))
    for part in copy:
        known = {key: row for key, row in part.changed.items() if key in part.before}
        await rows.write(session, part.shape, known)
        new = {key: row for key, row in part.changed.items() if key not in part.before}
        await rows.write(session, part.shape, new, new=True)
    await session.ask(CHECK)
    for part in copy:
        if await rows.read(session, part.shape, part.keys) != part.wanted:
            raise PermanentError(
                f"{part.shape.table} does not keep what is written to it, perhaps by a trigger: "
                "nothing was copied."
            )


async def put_back(session: Session, copy: Copy, context: Context) -> int:
    """Write the rows of before over those that were copied; return how many that were.

    Raises `PermanentError`, and does nothing, where a row is neither.
    """
    await session.ask(DEFER)
    gone: list[tuple[Shape, list[Key]]] = []
    number = 0
    for part in copy:
        now = await rows.read(session, part.shape, part.keys, lock=True)
        either = {k: (part.before.get(k), part.wanted.get(k)) for k in part.keys}
        if other := [key for key in part.keys if now.get(key) not in either[key]]:
            raise PermanentError(_changed(part.shape, other))
        back = [key for key in part.keys if now.get(key) != part.before.get(key)]
        number += len(back)
        known = {key: part.before[key] for key in back if key in part.before}
        await rows.write(session, part.shape, known)
        gone.append((part.shape, [key for key in back if key not in part.before]))
    for shape, keys in reversed(gone):  # what points at others goes before them
        if keys:
            await rows.delete(session, shape, keys)
    await session.ask(CHECK)
    if (await marker(session, context)) is not None:
        await session.ask(UNDO_MARKER, context.mark)
    return number


async def marker(session: Session, context: Context) -> tuple[str, bool] | None:
    """Return the marker's hash, and whether it was undone; None where there is none."""
    ((there, _),) = await session.ask(MARKERS)
    found = await session.ask(READ_MARKER, context.mark) if there else []
    return (found[0][0], found[0][1]) if found else None


async def at_work(session: Session, name: str) -> bool:
    """Say whether another session of this very step is there, which may yet commit."""
    ((number,),) = await session.ask(OWN_SESSIONS, name)
    return bool(number)


def _changed(shape: Shape, keys: Sequence[Key]) -> str:
    told = listed("/".join(key) for key in keys)
    return (
        f"Somebody has changed {shape.table} {told} since it was looked at. Nothing was done: look "
        "at these rows, then plan again."
    )


def _listed(found: Rows) -> list[list[list[str | None]]]:
    return [[list(key), list(row)] for key, row in found.items()]


def _mapped(kept: Sequence[Sequence[Sequence[str]]]) -> Rows:
    return {tuple(key): tuple(row) for key, row in kept}
