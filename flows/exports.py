"""Exports: a journal as JSON lines, and whether a file of them is whole, without the journal.

Called by `backout audit export` and `backout audit verify --file`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows import chains
from flows.anchors import Spot
from flows.auditing import JOURNAL, absent, of_tombstones
from flows.chains import Finding, Kind
from flows.plans import canonical
from flows.tables import Stored, Tables

TOMBSTONE = "tombstone"


def export(tables: Tables, wanted: Sequence[str] | None = None) -> Iterator[str]:
    """Yield JSON lines: each event, where each incident ends, and of all incidents how many.

    A reader of the events takes the lines that have a `seq`.
    """
    incidents = tuple(tables.every()) if wanted is None else wanted
    for incident in incidents:
        with tables.moment():
            rows = tables.rows(incident)
        for row in rows:
            parsed = {name: json.loads(row[name]) for name in ("actor", "body")}
            yield canonical(row | parsed)
        yield canonical({"incident": incident, "ends": len(rows)})
    if wanted is None:
        buried = tables.tombstones()
        yield from (canonical({TOMBSTONE: row}) for row in buried)
        yield canonical({"incidents": len(incidents), "tombstones": len(buried)})


@dataclass(slots=True)
class Export:
    """What a file of JSON lines holds, as far as it could be read."""

    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    tombstones: list[Stored] = field(default_factory=list)
    complete: dict[str, int] | None = None
    findings: list[Finding] = field(default_factory=list)

    def take(self, number: int, line: str) -> None:
        """Read a line."""
        match _parsed(line):
            case {"seq": _, "incident": str(incident), "actor": actor, "body": body} as row:
                texts = {"actor": canonical(actor), "body": canonical(body)}
                self.rows.setdefault(incident, []).append(row | texts)
            case {"incident": str(incident), "ends": int(ends)}:
                self.ends[incident] = ends
                self.rows.setdefault(incident, [])
            case {"tombstone": dict() as row}:
                self.tombstones.append(row)
            case {"incidents": int(), "tombstones": int()} as counts:
                self.complete = counts
            case _:
                why = f"line {number} is no line of an export"
                self.findings.append(
                    Finding(incident=JOURNAL, seq=None, kind=Kind.CHANGED, why=why)
                )

    def spots(self) -> dict[str, list[Spot]]:
        """Return every event's number, time and hash, as of a journal."""
        found = {
            str(row["incident"]): [Spot(seq=row["last"], at=row["ended"], hash=row["head"])]
            for row in self.tombstones
        }
        for incident, rows in self.rows.items():
            found[incident] = [Spot(seq=r["seq"], at=r["at"], hash=r["hash"]) for r in rows]
        return found


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def read_export(lines: Iterable[str]) -> Export:
    """Read an export."""
    found = Export()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found.take(number, line)
    return found


def verify_export(found: Export) -> Iterator[Finding]:
    """Yield what is wrong with an export: its chains, and whether it is all there."""
    yield from found.findings
    for incident, rows in found.rows.items():
        yield from chains.examine(incident, rows, found.ends.get(incident))
    if found.complete is None:
        return
    yield from of_tombstones(found.tombstones)
    yield from absent(found.rows, (str(row["incident"]) for row in found.tombstones))
    counts = {"incidents": len(found.rows), TOMBSTONE + "s": len(found.tombstones)}
    for what, count in counts.items():
        if found.complete[what] != count:
            why = f"the export had {found.complete[what]} {what}, and {count} are here"
            yield Finding(incident=JOURNAL, seq=None, kind=Kind.REMOVED, why=why)
