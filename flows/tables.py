"""What both journals give to whoever looks after them: the stored rows as they are, and removal.

Mixed into `flows.journal.Journal` and `flows.shared.journal.SharedJournal`, so that
`flows.auditing` and `flows.retention` know neither.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

Stored = dict[str, Any]

ROWS = "SELECT * FROM events WHERE incident = {} ORDER BY seq"
SHELF = "SELECT * FROM runs WHERE incident = {}"
SHELVED = "SELECT incident FROM runs ORDER BY number"
CHAINED = "SELECT DISTINCT incident FROM events"
SPOTS = "SELECT seq, at, hash FROM events WHERE incident = {} ORDER BY seq"
HEADS = """
SELECT incident, seq, hash FROM events
WHERE (incident, seq) IN (SELECT incident, max(seq) FROM events GROUP BY incident)
"""
NEXT_NUMBER = """
SELECT coalesce(max(number), 0) + 1 AS number FROM (
    SELECT number FROM runs
    UNION ALL SELECT CAST(substr(incident, 5) AS INTEGER) AS number FROM tombstones
) AS given
"""
TOMBSTONES = "SELECT * FROM tombstones ORDER BY seq"
TOMBSTONE_OF = "SELECT * FROM tombstones WHERE incident = {}"
BURY = (
    "INSERT INTO tombstones (seq, incident, last, head, ended, at, rule, prev, hash)"
    " VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {})"
)
BURIED = ("seq", "incident", "last", "head", "ended", "at", "rule", "prev", "hash")
FORGET = (
    "DELETE FROM events WHERE incident = {}",
    "DELETE FROM runs WHERE incident = {}",
    "DELETE FROM deliveries WHERE ':' || replace(key, '/', ':') || ':' LIKE '%:' || {} || ':%'",
)


class Tables(ABC):
    """The stored rows of a journal.  `mark` is how its SQL writes a value's place."""

    mark: str

    @abstractmethod
    def moment(self) -> AbstractContextManager[None]:
        """Have every look within see the same moment, whatever others write meanwhile."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """Commit all that is written within, or nothing."""

    @abstractmethod
    def declaring(self) -> None:
        """Within a transaction: let nobody else give out or take back numbers until it ends."""

    @abstractmethod
    def drop_commands(self, incident: str) -> None:
        """Within a transaction: take what waits for an incident off the queue."""

    @abstractmethod
    def _all(self, sql: str, *values: object) -> list[Stored]:
        """Return the rows of a query."""

    @abstractmethod
    def _do(self, sql: str, values: Any) -> None:
        """Execute a statement."""

    def rows(self, incident: str) -> list[Stored]:
        """Return an incident's events as they are stored, in order."""
        return self._all(self._sql(ROWS), incident)

    def shelf(self, incident: str) -> Stored | None:
        """Return an incident's state as it is stored, or None."""
        found = self._all(self._sql(SHELF), incident)
        return found[0] if found else None

    def shelved(self) -> tuple[str, ...]:
        """Return the incidents that have a state, oldest first."""
        return tuple(row["incident"] for row in self._all(SHELVED))

    def chained(self) -> frozenset[str]:
        """Return the incidents that have events."""
        return frozenset(row["incident"] for row in self._all(CHAINED))

    def spots(self, incident: str) -> list[Stored]:
        """Return number, time and hash of an incident's events, in order."""
        return self._all(self._sql(SPOTS), incident)

    def heads(self) -> list[Stored]:
        """Return incident, number and hash of the last event of every incident."""
        return self._all(HEADS)

    def tombstones(self) -> list[Stored]:
        """Return what is left of removed incidents, in the order of their removal."""
        return self._all(TOMBSTONES) if self._has_tombstones() else []

    def tombstone(self, incident: str) -> Stored | None:
        """Return what is left of one, or None."""
        found = self._all(self._sql(TOMBSTONE_OF), incident) if self._has_tombstones() else []
        return found[0] if found else None

    def bury(self, tombstone: Mapping[str, Any]) -> None:
        """Within a transaction: remove an incident, and keep its tombstone."""
        incident = str(tombstone["incident"])
        self.drop_commands(incident)
        for sql in FORGET:
            self._do(self._sql(sql), (incident,))
        self._do(self._sql(BURY), tuple(tombstone[name] for name in BURIED))

    def _has_tombstones(self) -> bool:
        """Say whether the schema is new enough; a journal that is only read may be older."""
        return True

    def _sql(self, sql: str) -> str:
        if self.mark == "%s":
            sql = sql.replace("%", "%%")
        return sql.replace("{}", self.mark)

    def every(self) -> Iterator[str]:
        """Yield every incident that there is anything of, oldest first."""
        yield from sorted({*self.shelved(), *self.chained()}, key=order)


def order(incident: str) -> tuple[int, str]:
    """Return what sorts incidents by their number; what has none comes last."""
    number = incident.removeprefix("INC-")
    return (int(number), "") if number.isdecimal() else (10**12, incident)
