"""Foreign keys from the catalog, and rows that point at nothing.

Called by `integrity_check` and `copy_rows`.  A validated constraint can be broken all the same: by
a corrupt index, by triggers that were off while rows were loaded, by a restore of single tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.postgres.sessions import Session
from adapters.postgres.statements import Statement, quoted

# Of a partitioned table only the constraint of the whole: it covers its partitions' own.
FOREIGN_KEYS = Statement(
    name="foreign_keys",
    text="""
SELECT c.conname::text, c.convalidated, c.confmatchtype = 'f',
       n.nspname::text, t.relname::text, t.relkind = 'p',
       fn.nspname::text, ft.relname::text, ft.relkind = 'p',
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY k(n, i)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n
              ORDER BY k.i),
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(c.confkey) WITH ORDINALITY k(n, i)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n
              ORDER BY k.i)
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_catalog.pg_class ft ON ft.oid = c.confrelid
  JOIN pg_catalog.pg_namespace fn ON fn.oid = ft.relnamespace
 WHERE c.contype = 'f' AND c.conparentid = 0
 ORDER BY n.nspname, t.relname, c.conname
""",
)

UNPROVEN = Statement(
    name="unproven",
    text="""
SELECT n.nspname || '.' || t.relname || ': ' || c.conname
  FROM pg_catalog.pg_constraint c
  JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
 WHERE NOT c.convalidated
UNION ALL
SELECT n.nspname || '.' || t.relname || ': index ' || x.relname || ' (invalid)'
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
 WHERE NOT i.indisvalid
 ORDER BY 1
""",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """One constraint: `columns` of a table point at `others` of another."""

    name: str
    validated: bool
    full: bool
    schema: str
    table: str
    partitioned: bool
    other_schema: str
    other_table: str
    other_partitioned: bool
    columns: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def child(self) -> str:
        """Return the table that points: `public.grades`."""
        return f"{self.schema}.{self.table}"

    @property
    def parent(self) -> str:
        """Return the table that is pointed at."""
        return f"{self.other_schema}.{self.other_table}"

    def __str__(self) -> str:
        """Write `public.grades: grades_user_fk`."""
        return f"{self.child}: {self.name}"


async def all_of(session: Session) -> tuple[ForeignKey, ...]:
    """Return every foreign key of the database."""
    return tuple(
        ForeignKey(
            name=row[0],
            validated=row[1],
            full=row[2],
            schema=row[3],
            table=row[4],
            partitioned=row[5],
            other_schema=row[6],
            other_table=row[7],
            other_partitioned=row[8],
            columns=tuple(row[9]),
            others=tuple(row[10]),
        )
        for row in await session.ask(FOREIGN_KEYS)
    )


async def orphans(session: Session, key: ForeignKey) -> int:
    """Count the rows that point at nothing."""
    ((number,),) = await session.ask(anti_join(key))
    return int(number)


def anti_join(key: ForeignKey) -> Statement:
    """Write the query: rows with a whole key that no row of the other table has.

    A key that is partly NULL points at nothing and is allowed, but with MATCH FULL.
    """
    child = _source(key.schema, key.table, "c", only=not key.partitioned)
    parent = _source(key.other_schema, key.other_table, "p", only=not key.other_partitioned)
    pairs = zip(key.columns, key.others, strict=True)
    same = " AND ".join(f"p.{quoted(other)} = c.{quoted(own)}" for own, other in pairs)
    given = [f"c.{quoted(each)} IS NOT NULL" for each in key.columns]
    there = f"({(' OR ' if key.full else ' AND ').join(given)})"
    text = (
        f"SELECT count(*) FROM {child} WHERE {there} "  # noqa: S608  # names are quoted
        f"AND NOT EXISTS (SELECT 1 FROM {parent} WHERE {same})"
    )
    return Statement(name=f"orphans {key}", text=text)


def _source(schema: str, table: str, alias: str, *, only: bool) -> str:
    return f"{'ONLY ' if only else ''}{quoted(schema, table)} AS {alias}"


async def unproven(session: Session) -> Sequence[str]:
    """Name the constraints that nobody has validated, and invalid indexes."""
    return [name for (name,) in await session.ask(UNPROVEN)]


async def rows_of(session: Session, schema: str, table: str) -> int:
    """Count a table's rows."""
    text = f"SELECT count(*) FROM {quoted(schema, table)}"  # noqa: S608  # names are quoted
    ((number,),) = await session.ask(Statement(name=f"count {schema}.{table}", text=text))
    return int(number)
