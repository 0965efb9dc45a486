"""The queue's own tables beside the journal's: procrastinate's schema, at its installed version.

procrastinate brings one file for a new database and one a change since.  Which changes a
database has is kept in `queue_versions`, so that a newer procrastinate finds what it must apply.
Called by `flows.migrating` within its transactions.
"""

from pathlib import Path
from typing import Any

REMOVE = r"""
DO $$
DECLARE
    found RECORD;
BEGIN
    FOR found IN
        SELECT format('TABLE %I', tablename) AS what FROM pg_tables
        WHERE schemaname = current_schema AND tablename LIKE 'procrastinate\_%'
    LOOP
        EXECUTE 'DROP ' || found.what || ' CASCADE';
    END LOOP;
    FOR found IN
        SELECT format('FUNCTION %s', p.oid::regprocedure) AS what FROM pg_proc AS p
        JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = current_schema AND p.proname LIKE 'procrastinate\_%'
    LOOP
        EXECUTE 'DROP ' || found.what || ' CASCADE';
    END LOOP;
    FOR found IN
        SELECT format('TYPE %s', t.oid::regtype) AS what FROM pg_type AS t
        JOIN pg_namespace AS n ON n.oid = t.typnamespace
        WHERE n.nspname = current_schema AND t.typname LIKE 'procrastinate\_%'
            AND t.typtype IN ('c', 'e')
    LOOP
        EXECUTE 'DROP ' || found.what || ' CASCADE';
    END LOOP;
END
$$
"""


def files() -> tuple[Path, ...]:
    """Return the installed procrastinate's files, one a change, in order."""
    from procrastinate.schema import SchemaManager

    return tuple(sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql")))


def names() -> tuple[str, ...]:
    """Return the names of all changes that the installed procrastinate brings."""
    return tuple(each.stem for each in files())


def missing(connection: Any) -> tuple[str, ...]:
    """Return the names of the queue's changes that this database has not."""
    there = {row[0] for row in connection.execute("SELECT name FROM queue_versions").fetchall()}
    return tuple(name for name in names() if name not in there)


def bring(connection: Any) -> None:
    """Make the queue's tables, or apply the changes that they have not."""
    from procrastinate.schema import SchemaManager

    wanted = missing(connection)
    brought = {each.stem: each for each in files()}
    if len(wanted) == len(brought):
        connection.execute(SchemaManager.get_schema())
    else:
        for name in wanted:
            connection.execute(brought[name].read_text(encoding="utf-8"))
    for name in wanted:
        connection.execute("INSERT INTO queue_versions VALUES (%s)", (name,))


def remove(connection: Any) -> None:
    """Drop everything of the queue's."""
    connection.execute(REMOVE)
    connection.execute("DELETE FROM queue_versions")
