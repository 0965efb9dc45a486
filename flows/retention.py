"""Retention: what is kept for how long, and what is removed by that rule and no other way.

Nothing is removed unless a rule says so.  `journal=400d` removes incidents that ended longer ago,
unless a review of theirs is still owed; each leaves a tombstone, chained like events are, so that
removal by rule can be told from tampering.  `evidence=90d` removes what is kept as evidence.
`bot.retaining` asks; this module decides, removes from the journal and writes tombstones.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from config import keeping
from flows import chains
from flows.runs import Run
from flows.tables import Tables


def outlived(run: Run, kept: timedelta | None, now: datetime) -> bool:
    """Say whether a rule lets a run go: ended long enough ago, and no review owed."""
    if kept is None or run.ended_at is None or not run.ended:
        return False
    owing = run.debt is not None and run.debt.paid_at is None
    return not owing and now - max(run.ended_at, run.updated_at) >= kept


def due(runs: Iterable[Run], kept: timedelta | None, now: datetime) -> Iterator[Run]:
    """Yield the runs that a rule lets go, oldest first."""
    return (run for run in runs if outlived(run, kept, now))


def bury(tables: Tables, run: Run, kept: timedelta, now: datetime) -> bool:
    """Remove an incident and leave its tombstone, in one transaction; False where it is gone.

    What is not whole is not removed: it would take its own proof along.
    """
    with tables.transaction():
        tables.declaring()
        rows, before = tables.rows(run.id), tables.tombstones()
        if not rows or tables.tombstone(run.id) is not None:
            return False
        if chains.examine(run.id, rows, run.seq):
            return False
        stone: dict[str, Any] = {
            "seq": before[-1]["seq"] + 1 if before else 1,
            "incident": run.id,
            "last": rows[-1]["seq"],
            "head": rows[-1]["hash"],
            "ended": max(filter(None, (run.ended_at, run.updated_at))).isoformat(),
            "at": now.isoformat(),
            "rule": keeping.rule("journal", kept),
            "prev": before[-1]["hash"] if before else chains.GENESIS,
        }
        tables.bury(stone | {"hash": chains.seal(stone)})
    return True


def rule_objection(stone: Mapping[str, Any]) -> str:
    """Say why a tombstone's own rule could not have removed its incident then, or nothing."""
    try:
        kept = keeping.retention(str(stone["rule"])).journal
        age = datetime.fromisoformat(stone["at"]) - datetime.fromisoformat(stone["ended"])
    except (ValueError, TypeError):
        return "tombstone can't be read"
    if kept is None or age < kept:
        return f"tombstone names a rule ({stone['rule']}) that would not have removed it"
    return ""
