"""Who may write in a database: the roles' default for it, and sessions that began before.

A role's default in a database wins over every wider one, and counts for new sessions only: those of
before are ended.  Called by `set_read_only` and `clear_read_only`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.postgres import endings, roles, sessions, statements
from adapters.postgres.places import Place
from adapters.postgres.roles import Client
from adapters.postgres.sessions import Session
from adapters.postgres.statements import Statement, quoted
from adapters.values import listed
from flows.actions import Context, JsonObject, PermanentError

ON, OFF = "on", "off"
TRUE = {"on", "true", "yes", "1", "t", "y"}
Value = str | None
Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A role's default in this database, None where it has none; `wider` counts then."""

    role: str
    own: Value
    wider: str
    alterable: bool

    @property
    def read_only(self) -> bool:
        """Say whether its new sessions are read-only."""
        return (self.own or self.wider) == ON


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is moved, in which database, from what to what."""

    place: Place
    identity: tuple[str, str]
    before: Values
    wanted: Values

    def plain(self) -> JsonObject:
        """Return what is captured."""
        return {
            "database": self.place.name,
            **({"host": self.place.host} if self.place.host else {}),
            "identity": list(self.identity),
            "before": dict(self.before),
            "wanted": dict(self.wanted),
        }

    @property
    def reversed(self) -> "Record":
        """Return the way back."""
        return Record(
            place=self.place,
            identity=self.identity,
            before=self.wanted,
            wanted=self.before,
        )


def read(captured: JsonObject) -> Record:
    """Return a record that was captured."""
    system, database = captured["identity"]
    return Record(
        place=Place(name=captured["database"], host=captured.get("host")),
        identity=(system, database),
        before=captured["before"],
        wanted=captured["wanted"],
    )


async def settings(session: Session, names: Sequence[str]) -> tuple[Setting, ...]:
    """Return the roles' defaults; raise `PermanentError` where a role is not there."""
    await roles.find(session, names)
    return tuple(
        Setting(role=role, own=_normal(own), wider=_normal(wider) or OFF, alterable=alterable)
        for role, own, wider, alterable in await session.ask(statements.WRITING, list(names))
    )


def require_rights(session: Session, found: Sequence[Setting]) -> None:
    """Raise `PermanentError` where we may not set a role's default."""
    if kept := [each.role for each in found if not each.alterable]:
        raise PermanentError(
            f"The role {session.identity.user} may not set defaults of {listed(kept)}: it needs "
            "CREATEROLE, and from PostgreSQL 16 on the ADMIN OPTION on them "
            f"(GRANT {kept[0]} TO {session.identity.user} WITH ADMIN TRUE, INHERIT FALSE)."
        )


def disputed(record: Record, found: Sequence[Setting]) -> list[str]:
    """Name the roles whose default is neither the one of before nor the one that is wanted."""
    return [
        f"{each.role} is {told(each.own)}"
        for each in found
        if each.own not in (record.before[each.role], record.wanted[each.role])
    ]


async def move(context: Context, record: Record, way: str) -> None:
    """Set what is wanted, then end every session that began before that.

    The moment is kept as evidence, so that a look afterwards knows which sessions are too old.
    Raises `PermanentError` where somebody else has set something since.
    """
    store, name = context.surroundings.evidence, _name(context, way)
    async with sessions.opened(context, record.place, writes=True) as session:
        sessions.require_same(session, record.identity)
        found = await settings(session, list(record.wanted))
        if others := disputed(record, found):
            raise PermanentError(
                f"Somebody has set another default since: {listed(others)}. Nothing was done; "
                "look who may write, then plan again."
            )
        changing = [each.role for each in found if each.own != record.wanted[each.role]]
        for role in changing:
            await session.ask(_altered(role, session.identity.database, record.wanted[role]))
    if await store.find(name) is None:
        async with sessions.opened(context, record.place) as session:
            ((now,),) = await session.ask(statements.NOW)
        await store.put(name, json.dumps({"since": now}).encode())
    elif changing:
        raise PermanentError(
            f"Somebody has changed the defaults of {listed(changing)} while this step was at it: "
            "they are set again, and the sessions of in between were left. Plan again."
        )
    async with sessions.opened(context, record.place, writes=True) as session:

        async def left() -> list[Client]:
            return await old(context, session, list(record.wanted), way) or []

        await endings.end(session, left, context)


async def old(
    context: Context, session: Session, names: Sequence[str], way: str
) -> list[Client] | None:
    """Return the sessions from before the change; None where the change did not come that far."""
    store, name = context.surroundings.evidence, _name(context, way)
    if await store.find(name) is None:
        return None
    since = json.loads(await store.read(name))["since"]
    await session.ask(statements.FORGET)
    rows = await session.ask(statements.OLD_SESSIONS, list(names), since)
    return [roles.client(row) for row in rows]


def told(value: Value) -> str:
    """Say a default in words."""
    return {ON: "read-only", OFF: "set to write", None: "not set"}.get(value, str(value))


def _normal(value: Any) -> Value:
    if value is None:
        return None
    return ON if str(value).lower() in TRUE else OFF


def _altered(role: str, database: str, value: Value) -> Statement:
    change = "RESET" if value is None else "SET"
    to = "" if value is None else f" = {ON if value == ON else OFF}"
    where = f"ALTER ROLE {quoted(role)} IN DATABASE {quoted(database)}"
    text = f"{where} {change} default_transaction_read_only{to}"
    return Statement(name=f"{change.lower()} {role}{to}", text=text)


def _name(context: Context, way: str) -> str:
    return f"{context.mark}/{context.key.rpartition('/')[2]}/{way}.json"
