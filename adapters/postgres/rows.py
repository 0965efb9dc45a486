"""Rows of one table by their keys, as texts: read, compared, written.

Called by `copy_rows`.  Every value travels as PostgreSQL's own text, which loses nothing: no float,
no time zone and no type of a driver comes in between.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.postgres.sessions import Session
from adapters.postgres.statements import Statement, quoted
from adapters.postgres.tables import parts
from adapters.values import listed
from flows.actions import PermanentError

Value = str | None
Key = tuple[str, ...]
Values = tuple[Value, ...]
Rows = Mapping[Key, Values]

COLUMNS = Statement(
    name="columns",
    text="""
SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
       coalesce(a.attnum = ANY(i.indkey), false), a.attgenerated <> '',
       pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       pg_catalog.has_table_privilege(c.oid, 'INSERT')
           AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')
           AND pg_catalog.has_table_privilege(c.oid, 'DELETE')
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisprimary
 WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
   AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column that is copied."""

    name: str
    type: str
    key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A table's columns, without generated ones, and what we may do with it."""

    table: str
    columns: tuple[Column, ...]
    readable: bool
    writable: bool

    @property
    def keys(self) -> tuple[Column, ...]:
        """Return the columns of the primary key."""
        return tuple(each for each in self.columns if each.key)

    @property
    def quoted(self) -> str:
        """Return the table's name for a statement."""
        return quoted(*parts(self.table))

    def key_of(self, row: Values) -> Key:
        """Return a row's primary key."""
        pairs = zip(self.columns, row, strict=True)
        return tuple(str(value) for column, value in pairs if column.key)


async def shape(session: Session, table: str) -> Shape:
    """Return a table's shape; raise `PermanentError` where its rows can't be copied."""
    found = await session.ask(COLUMNS, *parts(table))
    if not found:
        raise PermanentError(f"{session.name} has no table {table}.")
    columns = tuple(
        Column(name=name, type=kind, key=key)
        for name, kind, key, generated, _, _ in found
        if not generated
    )
    made = Shape(table=table, columns=columns, readable=found[0][4], writable=found[0][5])
    if not made.keys:
        raise PermanentError(
            f"{table} in {session.name} has no primary key, by which a row could be told again."
        )
    return made


def require_alike(source: Shape, target: Shape, names: tuple[str, str]) -> None:
    """Raise `PermanentError` where the two tables differ in what is copied."""
    theirs, ours = ({(c.name, c.type, c.key) for c in s.columns} for s in (source, target))
    if theirs != ours:
        odd = sorted({name for name, _, _ in theirs ^ ours})
        raise PermanentError(
            f"{target.table} is not the same in {names[0]} and {names[1]}: {listed(odd)} differs. "
            "Bring both to the same version of the schema first."
        )


async def read(session: Session, table: Shape, keys: Sequence[Key], *, lock: bool = False) -> Rows:
    """Return the rows that are there, by key; with `lock` nobody changes them until the commit."""
    chosen = ", ".join(f"t.{quoted(each.name)}::text" for each in table.columns)
    text = (
        f"SELECT {chosen} FROM {table.quoted} AS t JOIN {_given(table)} "  # noqa: S608  # quoted
        f"ON {_same(table)}{' FOR UPDATE OF t' if lock else ''}"
    )
    name = f"{'lock' if lock else 'rows'} {table.table}"
    found = await session.ask(Statement(name=name, text=text), *_columns_of(keys, len(table.keys)))
    return {table.key_of(row): row for row in found}


async def write(session: Session, table: Shape, rows: Rows, *, new: bool = False) -> None:
    """Write rows whole: over those that are there, or as `new` ones, which must not be there."""
    every = [quoted(each.name) for each in table.columns]
    rest = [quoted(each.name) for each in table.columns if not each.key]
    casts = ", ".join(f"%s::{each.type.replace('%', '%%')}" for each in table.columns)
    on = ", ".join(quoted(each.name) for each in table.keys)
    change = ", ".join(f"{each} = EXCLUDED.{each}" for each in rest)
    over = f"ON CONFLICT ({on}) DO {f'UPDATE SET {change}' if rest else 'NOTHING'}"
    text = (
        f"INSERT INTO {table.quoted} ({', '.join(every)}) OVERRIDING SYSTEM VALUE "  # noqa: S608
        f"VALUES ({casts}) {'' if new else over}"
    )
    statement = Statement(name=f"{'insert' if new else 'upsert'} {table.table}", text=text)
    for row in rows.values():
        await session.ask(statement, *row)


async def delete(session: Session, table: Shape, keys: Sequence[Key]) -> None:
    """Delete rows."""
    text = f"DELETE FROM {table.quoted} AS t USING {_given(table)} WHERE {_same(table)}"  # noqa: S608
    statement = Statement(name=f"delete {table.table}", text=text)
    await session.ask(statement, *_columns_of(keys, len(table.keys)))


def checksum(rows: Rows) -> str:
    """Return a hash of rows, whatever their order."""
    plain = [[list(key), list(row)] for key, row in sorted(rows.items())]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


def _given(table: Shape) -> str:
    """Write the wanted keys as a table: one list of values a column."""
    lists = ", ".join("pg_catalog.unnest(%s::text[])" for _ in table.keys)
    names = ", ".join(f"k{number}" for number, _ in enumerate(table.keys))
    return f"ROWS FROM ({lists}) AS w({names})"


def _same(table: Shape) -> str:
    """Compare as the column's type does, so that the primary key's index finds the rows."""
    return " AND ".join(
        f"t.{quoted(each.name)} = w.k{number}::{each.type.replace('%', '%%')}"
        for number, each in enumerate(table.keys)
    )


def _columns_of(keys: Sequence[Key], width: int) -> list[list[str]]:
    return [[key[number] for key in keys] for number in range(width)]
