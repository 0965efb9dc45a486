"""Is the record whole?  Every chain, every state, every incident of a journal.

Called by `backout audit verify`.  `Tables` is whichever journal there is; what is wrong with a
chain `flows.chains` says.
"""

from collections.abc import Iterable, Iterator, Sequence

from flows import chains, codec
from flows.anchors import Head, Spot
from flows.chains import Finding, Kind
from flows.decisions import NotDeclaredError
from flows.replay import replay
from flows.retention import rule_objection
from flows.runs import Run
from flows.tables import Stored, Tables, order

JOURNAL = "journal"


def verify(tables: Tables, wanted: Sequence[str] | None = None) -> Iterator[Finding]:
    """Yield what is wrong with the incidents asked for; with none, also with the whole."""
    if wanted is None:
        with tables.moment():
            wanted, buried = tuple(tables.every()), tables.tombstones()
        yield from of_tombstones(buried)
        yield from absent(wanted, [row["incident"] for row in buried])
    for incident in wanted:
        with tables.moment():
            found = tuple(_of_incident(tables, incident))
        yield from found


def absent(there: Iterable[str], buried: Iterable[str]) -> Iterator[Finding]:
    """Yield the incidents whose numbers are missing: they are given without a gap."""
    known = {*there, *buried}
    for number in range(1, max((order(each)[0] for each in known), default=0)):
        incident = f"INC-{number}"
        if incident not in known and number < 10**12:
            why = "the whole incident is gone, and no rule has removed it"
            yield Finding(incident=incident, seq=None, kind=Kind.MISSING, why=why)


def of_tombstones(rows: Sequence[Stored]) -> Iterator[Finding]:
    """Yield what is wrong with the tombstones themselves."""
    yield from chains.examine("tombstones", rows, noun="tombstone")
    for row in rows:
        objection = rule_objection(row)
        if objection:
            yield Finding(
                incident=row["incident"], seq=None, kind=Kind.CHANGED, why=f"its {objection}"
            )


def _of_incident(tables: Tables, incident: str) -> Iterator[Finding]:
    rows, shelf = tables.rows(incident), tables.shelf(incident)
    if not rows and shelf is None:
        return  # removed by a rule since the incidents were listed
    if tables.tombstone(incident) is not None:
        why = "a tombstone says that a rule has removed it, and it is there"
        yield Finding(incident=incident, seq=None, kind=Kind.STATE, why=why)
    run, objection = _run(shelf)
    found = chains.examine(incident, rows, run.seq if run else None)
    yield from found
    objection = objection or (_shelf_objection(run, shelf) if run and shelf else "")
    if not (objection or found) and run:
        objection = _fold_objection(rows, run)
    if objection:
        yield Finding(incident=incident, seq=None, kind=Kind.STATE, why=objection)


def _run(shelf: Stored | None) -> tuple[Run | None, str]:
    if shelf is None:
        return None, "it has events, and its state is gone"
    try:
        return codec.decode_run(shelf["snapshot"]), ""
    except (codec.CodecError, ValueError, TypeError, AttributeError, KeyError) as error:
        return None, f"its state can't be read: {_brief(error)}"


def _shelf_objection(run: Run, shelf: Stored) -> str:
    """Compare what the engine looks for with what the state itself says."""
    says = {
        "incident": run.id,
        "number": order(run.id)[0],
        "system": run.system,
        "channel": run.channel,
        "state": str(run.state),
        "ended": run.ended,
    }
    if "seq" in shelf:
        says["seq"] = run.seq
    wrong = [name for name, value in says.items() if shelf[name] != value]
    return (
        f"its state was changed: {', '.join(wrong)} is not what its snapshot says" if wrong else ""
    )


def _fold_objection(rows: Sequence[Stored], run: Run) -> str:
    try:
        folded = replay(codec.recorded(row) for row in rows)
    except (codec.CodecError, ValueError, NotDeclaredError) as error:
        return f"its events can't be read: {_brief(error)}"
    if codec.encode(folded) != codec.encode(run):
        return "its state was changed: its events fold to another one"
    return ""


def _brief(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def spots_of(tables: Tables) -> dict[str, list[Spot]]:
    """Return every event's number, time and hash, and of removed incidents the last one's."""
    with tables.moment():
        found = {
            row["incident"]: [Spot(seq=row["last"], at=row["ended"], hash=row["head"])]
            for row in tables.tombstones()
        }
        for incident in tables.every():
            found[incident] = [Spot(**row) for row in tables.spots(incident)]
    return found


def heads_of(tables: Tables) -> tuple[Head, ...]:
    """Return the head of every chain, of removed incidents the one that their tombstone keeps."""
    with tables.moment():
        live = [Head(**row) for row in tables.heads()]
        buried = [
            Head(incident=row["incident"], seq=row["last"], hash=row["head"])
            for row in tables.tombstones()
        ]
    return tuple(sorted([*live, *buried]))
