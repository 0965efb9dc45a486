"""Migrations of the journal's schema, both ways, in SQLite and in PostgreSQL.

A SQLite journal is migrated where it is opened: one process has it.  A shared one is migrated by
`backout migrate` only, and a replica asks `require` before it starts.  Each migration there says
which is the oldest version of Backout that it `serves`: what is new comes first, what is old goes
a version later, and in between old and new replicas run side by side.

yoyo and the drivers are imported when there is something to do: a start does not pay for them.
"""

import glob
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.engine import AwayError, JournalError

if TYPE_CHECKING:
    from flows.migrations.backends import Backend

FOLDER = Path(__file__).parent / "migrations"
ROLLBACK = ".rollback.sql"
QUEUE = "queue"
DROPPED = re.compile(r"^DROP TABLE (\w+);$", re.MULTILINE)
OWN = ("schema_version", "queue_versions")
Store = str | Path
"""The address of a PostgreSQL database, or the path of a SQLite file."""


class MigrationError(JournalError):
    """The schema is not the one that is needed, or can't be had.  The message says what to do."""


class UnreachableError(MigrationError, AwayError):
    """The database does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step of a migration, up or down; `queue` is procrastinate's own."""

    name: str
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a store has, of what this Backout knows.

    `strange` was applied by a newer one; `queue` are procrastinate's changes that are missing.
    """

    version: int
    applied: tuple[str, ...]
    missing: tuple[str, ...]
    strange: tuple[str, ...]
    queue: tuple[str, ...] = ()


def known(store: Store) -> tuple[str, ...]:
    """Return the names of all migrations for a kind of store, oldest first."""
    names = (each.name for each in _folder(store).glob("*.sql"))
    return tuple(sorted(each.removesuffix(".sql") for each in names if not each.endswith(ROLLBACK)))


def latest(store: Store) -> int:
    """Return the version that this Backout works with."""
    return version_of(known(store)[-1])


def version_of(name: str) -> int:
    """Return the number of a migration."""
    return int(name.partition("_")[0])


def missing(store: Store) -> tuple[str, ...]:
    """Return the names of what is still to be applied."""
    now = standing(store)
    return (*now.missing, *now.queue)


def standing(store: Store) -> Standing:
    """Look what a store has, and change nothing."""
    names = known(store)
    if isinstance(store, Path) and not store.exists():
        return Standing(version=0, applied=(), missing=names, strange=())
    with _opened(store) as backend:
        return _standing(backend, names)


def moves(store: Store, to: int | None = None) -> tuple[Move, ...]:
    """Return what `migrate` would do, in order."""
    return _moves(standing(store), known(store), to)


def migrate(store: Store, to: int | None = None, *, lose: bool = False) -> tuple[Move, ...]:
    """Bring a store to a version, the latest one unless told; return what was done, in order.

    Going down refuses to lose rows unless told to.  Whoever migrates a SQLite file has its folder
    for itself.  Raises `MigrationError`, which names what stands in the way.
    """
    names = known(store)
    with _opened(store) as backend, backend.lock():
        backend.prepare()
        asked = _moves(_standing(backend, names), names, to)
        if not lose:
            _refuse_losses(backend, store, asked)
        if asked:
            _adopt(backend, store)
        for move in asked:
            _perform(backend, store, move)
        if not _standing(backend, names).applied:
            backend.clear()
    return asked


def require(url: str) -> None:
    """Refuse a shared database that this Backout can't work with, in one short look.

    Raises `MigrationError` that says what to do.
    """
    from flows.migrations import backends, queues

    with backends.told(), backends.connected(url) as connection:
        if connection.execute("SELECT to_regclass('schema_version')").fetchone()[0] is None:
            raise MigrationError(
                "the database of BACKOUT_DATABASE_URL has no tables of Backout yet: run "
                "`backout migrate` once"
            )
        version, serves = connection.execute("TABLE schema_version").fetchone()
        _refuse_version(version, serves, latest(url))
        if queues.missing(connection):
            raise MigrationError(
                "the queue's tables are older than this procrastinate: run `backout migrate`"
            )


def _refuse_version(version: int, serves: int, mine: int) -> None:
    if version < mine:
        raise MigrationError(
            f"the database has schema {version}, this Backout needs {mine}: run `backout migrate`, "
            "then start again"
        )
    if serves > mine:
        raise MigrationError(
            f"the database has schema {version}, which serves a Backout that knows {serves} or "
            f"later; this one knows {mine}: start the newer version again"
        )


def _standing(backend: "Backend", names: Sequence[str]) -> Standing:
    applied = backend.applied(names)
    return Standing(
        version=max((version_of(name) for name in applied), default=0),
        applied=applied,
        missing=tuple(name for name in names if name not in applied),
        strange=tuple(name for name in applied if name not in names),
        queue=backend.queue_missing(),
    )


def _moves(now: Standing, names: Sequence[str], to: int | None) -> tuple[Move, ...]:
    newest = version_of(names[-1])
    target = newest if to is None else to
    if not 0 <= target <= newest:
        raise MigrationError(
            f"there is no version {target}: this Backout knows 0 (nothing) to {newest}"
        )
    if now.strange:
        raise MigrationError(
            f"the journal has schema {now.version}, this Backout knows {newest}: migrate with "
            "the newer version"
        )
    down = [each for each in reversed(now.applied) if version_of(each) > target]
    up = [each for each in now.missing if version_of(each) <= target]
    found = [Move(name=name, up=False) for name in down] + [Move(name=name, up=True) for name in up]
    if target and now.queue:
        found.append(Move(name=QUEUE, up=True))
    return tuple(found)


def _perform(backend: "Backend", store: Store, move: Move) -> None:
    """Do one migration and note it, all in one transaction."""
    with backend.transaction():
        if move.name == QUEUE:
            backend.queue_bring()
            return
        if not move.up and version_of(move.name) == 1:
            backend.queue_remove()
        file = _files(store)[move.name]
        file.process_steps(backend, "apply" if move.up else "rollback")
        if move.up:
            backend.mark_one(file)
        else:
            backend.unmark_one(file)


def _adopt(backend: "Backend", store: Store) -> None:
    """Note what a journal has that was made before its migrations were noted."""
    if backend.noted():
        return
    there = backend.applied(known(store))
    backend.ensure_internal_schema_updated()
    backend.mark_migrations([_files(store)[name] for name in there])


def _files(store: Store) -> dict[str, Any]:
    from yoyo.migrations import read_migrations

    return {each.id: each for each in read_migrations(glob.escape(str(_folder(store))))}


def _refuse_losses(backend: "Backend", store: Store, asked: Sequence[Move]) -> None:
    lost: list[str] = []
    for move in asked:
        if not move.up:
            text = (_folder(store) / f"{move.name}{ROLLBACK}").read_text(encoding="utf-8")
            for table in DROPPED.findall(text):
                rows = backend.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 from our own files
                if rows and table not in OWN:
                    lost.append(f"{table} ({rows})")
    if lost:
        raise MigrationError(
            f"going down would lose what is in {', '.join(lost)}: make a backup, then say --yes"
        )


def _folder(store: Store) -> Path:
    return FOLDER / ("sqlite" if isinstance(store, Path) else "postgres")


@contextmanager
def _opened(store: Store) -> Iterator["Backend"]:
    from flows.migrations.backends import Postgres, Sqlite, told

    with told(), Sqlite(str(store)) if isinstance(store, Path) else Postgres(store) as backend:
        yield backend
