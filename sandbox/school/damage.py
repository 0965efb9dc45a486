"""How rows come to be wrong: by statements that the application is allowed to send.

Called by `database` for its scenarios; a second time changes nothing.
"""

from __future__ import annotations

import psycopg

from sandbox.school import seeds


async def corrupt(dsn: str) -> None:
    """Overwrite most grades at once."""
    async with await _session(dsn, "grade-import") as session:
        await session.execute(seeds.CORRUPT_GRADES)


async def change_some(dsn: str) -> None:
    """Change the grades and assessments that are known to be damaged."""
    async with await _session(dsn, "assessment-service") as session, session.transaction():
        await session.execute(seeds.CHANGE_GRADES, {"keys": list(seeds.DAMAGED_GRADES)})
        await session.execute(seeds.CHANGE_ASSESSMENTS, {"keys": list(seeds.DAMAGED_ASSESSMENTS)})


async def _session(dsn: str, name: str) -> psycopg.AsyncConnection:
    # A client that says so itself writes although its role's default is to read.
    options = "-c default_transaction_read_only=off -c statement_timeout=10s"
    return await psycopg.AsyncConnection.connect(
        dsn, autocommit=True, application_name=name, options=options
    )
