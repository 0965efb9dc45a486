"""A session with one of a system's databases: one transaction, bounded, known by name.

Called by every action here.  A session lasts for one verb: transactions can't be shared by steps
that run side by side, and a connection that is kept would count as one of the others' sessions.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from adapters.postgres import drivers, errors, places, statements
from adapters.postgres.drivers import ConnectError, LostError, Parameters, Row, ServerError, Wire
from adapters.postgres.places import Place
from adapters.postgres.statements import Statement
from adapters.values import listed, step_key
from config.models.connections import DatabaseConnection
from flows.actions import Context, PermanentError

READ_SECONDS = 10.0
WRITE_SECONDS = 10.0
LOCK_SECONDS = 3.0
LONGEST_NAME = 63
PREFIX = "backout "
"""How the names of our own sessions begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which database answers, who we are there, and whether it takes writes."""

    user: str
    database: str
    system: str
    number: int
    standby: bool
    version: int
    started: str

    @property
    def lasting(self) -> tuple[str, str]:
        """Return what tells the database from others, also after a restart."""
        return self.system, self.database


@dataclass(slots=True, kw_only=True)
class Session:
    """One transaction.  `lasting` once a lost answer leaves the outcome open."""

    place: Place
    wire: Wire
    identity: Identity
    lasting: bool = False

    @property
    def name(self) -> str:
        """Return the database's name for people, with its host where that was given."""
        return str(self.place)

    async def ask(self, statement: Statement, *values: Any) -> list[Row]:
        """Run a statement of ours."""
        if statement.lasting:
            self.lasting = True
        return await self.wire.rows(statement.commented, values)

    async def ask_foreign(self, text: str) -> list[Row]:
        """Run one statement that people wrote; a second one behind it is refused."""
        return await self.wire.rows(text, prepared=True)


@asynccontextmanager
async def opened(
    context: Context, place: Place, *, writes: bool = False, seconds: float = READ_SECONDS
) -> AsyncIterator[Session]:
    """Begin a transaction in a database of the system, and commit it at the end of the block.

    Reads see one moment.  `seconds` bounds each statement.  Raises `PermanentError` where the
    database is not the pinned one, is a standby though we want to write, or refuses, and where its
    connection does not allow the place's host;
    `TransientError` where nothing was changed; `UnknownOutcomeError` where that can't be said.
    """
    connection = found(context, place.name)
    try:
        wire = await drivers.connect(await parameters(context, place))
    except ConnectError as error:
        raise errors.of_connecting(error, place) from None
    wire.seconds = seconds
    session: Session | None = None
    user = "that Backout uses"
    try:
        await wire.rows(statements.BEGIN_WRITE if writes else statements.BEGIN_READ)
        limits = (round(seconds * 1000), round(LOCK_SECONDS * 1000), round(seconds * 2000))
        await wire.rows(statements.LIMITS.commented, [f"{each}ms" for each in limits])
        identity = _identity(await wire.rows(statements.IDENTITY.commented))
        user = identity.user
        _require(identity, connection, place, writes=writes)
        session = Session(place=place, wire=wire, identity=identity)
        yield session
        session.lasting = session.lasting or writes
        await wire.rows(statements.COMMIT)
    except (ServerError, LostError) as error:
        lasting = session is not None and session.lasting
        raise errors.of_asking(error, str(place), user, lasting=lasting) from error
    finally:
        await wire.close()


def found(context: Context, name: str) -> DatabaseConnection:
    """Return how a database is reached; raise `PermanentError` where the system has none."""
    databases = context.system.connections.databases
    if name not in databases:
        there = listed(sorted(databases)) or "none"
        raise PermanentError(
            f"{context.system.title} has no database {name}: add it to connections.databases of "
            f"system.yaml (there: {there})."
        )
    return databases[name]


async def parameters(context: Context, place: Place) -> Parameters:
    """Return what libpq needs to connect, the password included.

    Raises `PermanentError` where there is no such database, its DSN is none, or its connection does
    not allow the place's host.
    """
    connection = found(context, place.name)
    try:
        parts = await drivers.parsed(context.surroundings.secret(connection.dsn))
    except ValueError:
        raise PermanentError(
            f"What connections.databases.{place.name}.dsn refers to is no libpq URI "
            "(postgresql://user:password@host:5432/database)."
        ) from None
    parts = places.at(place, connection, parts)
    return {**parts, "application_name": application_name(context)}


def application_name(context: Context) -> str:
    """Return the name that our sessions carry in pg_stat_activity: `backout INC-7/dump`."""
    return f"{PREFIX}{step_key(context.key)}"[:LONGEST_NAME]


def _identity(rows: Sequence[Row]) -> Identity:
    user, database, system, number, standby, version, started = rows[0]
    return Identity(
        user=user,
        database=database,
        system=system,
        number=number,
        standby=standby,
        version=version,
        started=started,
    )


def _require(
    identity: Identity, connection: DatabaseConnection, place: Place, *, writes: bool
) -> None:
    pinned = connection.system_identifier
    if pinned is not None and pinned != identity.system:
        raise PermanentError(
            f"The database {place} is another one than system.yaml says: its system_identifier is "
            f"{identity.system}, pinned is {pinned}. Nothing was done; check the DSN."
        )
    if writes and identity.standby:
        raise PermanentError(
            f"The database {place} is a standby, which takes no changes: let its DSN lead to the "
            "primary."
        )


def unpinned(context: Context, session: Session) -> tuple[str, ...]:
    """Warn where nothing tells this database from another behind the same address."""
    if found(context, session.place.name).system_identifier is not None:
        return ()
    number = f'system_identifier: "{session.identity.system}"'
    return (f"The database {session.place.name} is not pinned: add {number} to its connection.",)


def require_same(session: Session, captured: Sequence[str]) -> None:
    """Raise `PermanentError` where this is not the database that was captured."""
    if tuple(captured) != session.identity.lasting:
        raise PermanentError(
            f"The database {session.name} is another one than when the step began "
            f"({' / '.join(session.identity.lasting)} instead of {' / '.join(captured)}): nothing "
            "was done."
        )
