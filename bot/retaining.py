"""Removes by rule, once a day: incidents from the journal, and their evidence.

`BACKOUT_RETENTION` says what; nothing is removed without it.  Of several replicas the
leading one removes.  `backout audit prune` does the same at once, or only says it.
"""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from adapters.evidence import EvidenceStore
from bot.anchoring import OpenTables
from config import keeping
from config.keeping import Retention
from flows import codec, retention
from flows.actions import ActionError
from flows.engine import AwayError, Engine, JournalError
from flows.runs import Run
from flows.tables import Tables

log = logging.getLogger(__name__)
FIRST = 600.0
EVERY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What goes, or went: an incident, or its evidence (so many pieces), and by which rule."""

    incident: str
    what: str
    rule: str
    pieces: int = 0


class Retaining:
    """Removes for as long as the bot runs.  `removed` counts incidents, for metrics."""

    def __init__(
        self, engine: Engine, opened: OpenTables, rules: Retention, evidence: EvidenceStore
    ) -> None:
        self._engine = engine
        self._opened = opened
        self._rules = rules
        self._evidence = evidence
        self.removed = 0

    async def watch(self) -> None:
        """Remove what is due, once a day, until cancelled; not right at the start."""
        if self._rules == Retention():
            return
        await asyncio.sleep(FIRST)
        while True:
            await self.round()
            await asyncio.sleep(EVERY)

    async def round(self) -> None:
        """Remove what is due now, unless another replica does."""
        if not self._engine.leads:
            return
        try:
            gone = await asyncio.to_thread(self._prune, self._engine.now())
        except (ActionError, AwayError, JournalError, OSError, codec.CodecError) as error:
            log.warning("nothing more could be removed by rule today: %s", error)
            return
        except Exception:
            log.exception("nothing more could be removed by rule today")
            return
        self.removed += sum(each.what == "journal" for each in gone)

    def _prune(self, now: datetime) -> list[Removal]:
        with self._opened() as tables:
            return list(prune(tables, self._rules, self._evidence, now))


def prune(
    tables: Tables,
    rules: Retention,
    evidence: EvidenceStore,
    now: datetime,
    *,
    dry_run: bool = False,
) -> Iterator[Removal]:
    """Remove what the rules let go, and yield it; with `dry_run` only yield it."""
    runs = {run.id: run for run in _ended(tables)}
    if rules.journal is not None:
        for run in retention.due(runs.values(), rules.journal, now):
            if dry_run or retention.bury(tables, run, rules.journal, now):
                done = Removal(
                    incident=run.id, what="journal", rule=keeping.rule("journal", rules.journal)
                )
                _tell(done, dry_run=dry_run)
                yield done
            else:
                log.error("%s stays: its record is not whole; see `backout audit verify`", run.id)
    for incident in evidence.kept():
        rule = _evidence_rule(tables, rules, runs.get(incident), incident, now)
        count = len(evidence.pieces(incident))
        if rule and count:
            done = Removal(incident=incident, what="evidence", rule=rule, pieces=count)
            if not dry_run:
                evidence.forget(incident, f"Removed on {now:%Y-%m-%d} by the rule {rule}.\n")
            _tell(done, dry_run=dry_run)
            yield done


def _evidence_rule(
    tables: Tables, rules: Retention, run: Run | None, incident: str, now: datetime
) -> str:
    """Return the rule that lets an incident's evidence go, or nothing."""
    stone = tables.tombstone(incident)
    if stone is not None:
        return str(stone["rule"])
    if run is not None and rules.evidence and retention.outlived(run, rules.evidence, now):
        return keeping.rule("evidence", rules.evidence)
    return ""


def _ended(tables: Tables) -> Iterator[Run]:
    for incident in tables.incidents():
        shelf = tables.shelf(incident)
        if shelf and shelf["ended"]:
            yield codec.decode_run(shelf["snapshot"])


def _tell(done: Removal, *, dry_run: bool) -> None:
    if not dry_run:
        log.info("%s: the %s was removed by the rule %s", done.incident, done.what, done.rule)
