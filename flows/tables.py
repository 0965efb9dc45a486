"""What both journals do alike: events in their chains, what is looked up, removal by rule.

The base of `flows.journal.Journal` and `flows.shared.journal.SharedJournal`, so that
`flows.auditing` and `flows.retention` know neither.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from flows import codec
from flows.chains import GENESIS, seal
from flows.engine import Delivery
from flows.events import Recorded

Stored = dict[str, Any]

ADD_EVENT = """
INSERT INTO events (incident, seq, id, at, actor, kind, body, prev, hash)
VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {})
"""
LAST_HASH = "SELECT hash FROM events WHERE incident = {} ORDER BY seq DESC LIMIT 1"
INCIDENT_OF_EVENT = "SELECT incident FROM events WHERE id = {}"
INCIDENTS = "SELECT incident FROM runs ORDER BY number"
OPEN_ON = "SELECT incident FROM runs WHERE system = {} AND NOT ended"
OF_CHANNEL = "SELECT incident FROM runs WHERE channel = {} ORDER BY number DESC LIMIT 1"
DELIVERY = "SELECT key, channel, ts FROM deliveries WHERE key = {}"
KEEP_DELIVERY = """
INSERT INTO deliveries (key, channel, ts) VALUES ({}, {}, {})
ON CONFLICT (key) DO UPDATE SET channel = excluded.channel, ts = excluded.ts
"""

ROWS = "SELECT * FROM events WHERE incident = {} ORDER BY seq"
SHELF = "SELECT * FROM runs WHERE incident = {}"
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

    # What an engine records and looks up

    def append(self, incident: str, event_id: str, recorded: Recorded) -> None:
        """Add an event to its incident's chain."""
        row = {
            "incident": incident,
            "seq": recorded.seq,
            "id": event_id,
            "at": recorded.at.isoformat(),
            "actor": codec.encode(recorded.actor),
            "kind": type(recorded.event).__name__,
            "body": codec.encode(recorded.event),
            "prev": self._one(self._sql(LAST_HASH), incident).get("hash", GENESIS),
        }
        self._do(self._sql(ADD_EVENT), (*row.values(), seal(row)))

    def incident_of_event(self, event_id: str) -> str | None:
        """Return the incident that has recorded this event id, or None."""
        return self._one(self._sql(INCIDENT_OF_EVENT), event_id).get("incident")

    def events(self, incident: str) -> tuple[Recorded, ...]:
        """Return an incident's events in order."""
        return tuple(codec.recorded(row) for row in self.rows(incident))

    def incidents(self) -> tuple[str, ...]:
        """Return the ids of all incidents that have a state, oldest first."""
        return tuple(row["incident"] for row in self._all(INCIDENTS))

    def open_on(self, system: str) -> str | None:
        """Return the incident that is open on a system, or None."""
        return self._one(self._sql(OPEN_ON), system).get("incident")

    def of_channel(self, channel: str) -> str | None:
        """Return the newest incident of a channel, or None."""
        return self._one(self._sql(OF_CHANNEL), channel).get("incident")

    def next_id(self) -> str:
        """Return the id of the next incident; that of a removed one is not given again."""
        return f"INC-{self._one(NEXT_NUMBER)['number']}"

    def delivery(self, key: str) -> Delivery | None:
        """Return where a keyed message went, or None."""
        row = self._one(self._sql(DELIVERY), key)
        return Delivery(**row) if row else None

    def keep_delivery(self, delivery: Delivery) -> None:
        """Remember where a keyed message went."""
        self._do(self._sql(KEEP_DELIVERY), (delivery.key, delivery.channel, delivery.ts))

    # What is looked after

    def rows(self, incident: str) -> list[Stored]:
        """Return an incident's events as they are stored, in order."""
        return self._all(self._sql(ROWS), incident)

    def shelf(self, incident: str) -> Stored | None:
        """Return an incident's state as it is stored, or None."""
        return self._one(self._sql(SHELF), incident) or None

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
        if not self._has_tombstones():
            return None
        return self._one(self._sql(TOMBSTONE_OF), incident) or None

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

    def every(self) -> Iterator[str]:
        """Yield every incident that there is anything of, oldest first."""
        yield from sorted({*self.incidents(), *self.chained()}, key=order)

    def _one(self, sql: str, *values: object) -> Stored:
        """Return the first row of a query, empty where there is none."""
        return next(iter(self._all(sql, *values)), {})

    def _sql(self, sql: str) -> str:
        return _marked(sql, self.mark)


@cache
def _marked(sql: str, mark: str) -> str:
    if mark == "%s":
        sql = sql.replace("%", "%%")
    return sql.replace("{}", mark)


def order(incident: str) -> tuple[int, str]:
    """Return what sorts incidents by their number; what has none comes last."""
    number = incident.removeprefix("INC-")
    return (int(number), "") if number.isdecimal() else (10**12, incident)
