"""Which engine runs: one process on a folder, or a replica on a shared database.

Called by `bot.wiring`, tests and benchmarks.  What PostgreSQL needs is imported only where it is
asked for: it is an extra.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from config.settings import Settings
from flows import migrating
from flows.driver import Driver
from flows.embedded import EmbeddedEngine
from flows.engine import JournalError, Perform
from flows.journal import Journal

if TYPE_CHECKING:
    from flows.shared.driver import SharedDriver
    from flows.shared.engine import SharedEngine
    from flows.shared.journal import SharedJournal

AnyEngine: TypeAlias = "EmbeddedEngine | SharedEngine"
AnyDriver: TypeAlias = "Driver | SharedDriver"
AnyJournal: TypeAlias = "Journal | SharedJournal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the journal is: in `folder`, or at `url`, where others share it.

    `lease` is how many seconds without a sign of life of a replica make others take over.
    """

    folder: Path
    url: str | None = None
    lease: float | None = None


def place_of(settings: Settings) -> Place:
    """Return where the settings have the journal."""
    url = settings.database_url
    return Place(
        folder=settings.data, url=url.get_secret_value() if url else None, lease=settings.lease
    )


def open_engine(
    place: Place, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AnyEngine:
    """Open the journal for writing.

    Raises `BusyError` for a folder that another process drives, `JournalError` for a journal that
    can't be used as it is, and `AwayError` for a database that does not answer.
    """
    if place.url is None:
        return EmbeddedEngine(place.folder, clock=clock)
    with _extra():
        from flows.shared import engine
    return engine.SharedEngine(place.url, clock=clock, lease=place.lease or engine.LEASE)


def open_driver(engine: AnyEngine, perform: Perform) -> AnyDriver:
    """Return what performs an engine's commands."""
    if isinstance(engine, EmbeddedEngine):
        return Driver(engine, perform)
    from flows.shared.driver import SharedDriver

    return SharedDriver(engine, perform)


@contextmanager
def journal(place: Place, *, write: bool = False) -> Iterator[AnyJournal]:
    """Open the journal beside a running bot, for reading, or for short transactions.

    Raises `JournalError` and `AwayError` as `open_engine` does, but never `BusyError`.
    """
    if place.url is None:
        found: AnyJournal = Journal.open(place.folder) if write else Journal.read(place.folder)
    else:
        with _extra():
            from flows.shared import connections, journal
        migrating.require(place.url)
        found = journal.SharedJournal(connections.Line(place.url))
    try:
        yield found
    finally:
        found.close()


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise JournalError(
            f"a shared database needs {error.name}: install backout with the extra `postgres`"
        ) from error
