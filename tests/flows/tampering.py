"""Deeds on a stored journal, in SQL that both stores understand, and what must be said of each.

The journal holds INC-1 and nothing else; `{last}` stands for the number of its last event.
"""

from dataclasses import dataclass

from flows.chains import Kind

COLUMNS = ("id", "at", "actor", "kind", "body", "prev", "hash")


FORGED = """
INSERT INTO events (incident, seq, id, at, actor, kind, body, prev, hash)
SELECT incident, 4, 'forged', at, actor, 'NoteAdded', '{{}}', hash, 'f00' FROM events WHERE seq = 3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody does who can write the tables, and what the audit says of it."""

    name: str
    statements: tuple[str, ...]
    kind: Kind
    seq: int | None
    why: str


def move(old: str, new: str) -> str:
    """Renumber events."""
    return f"UPDATE events SET seq = {new} WHERE incident = 'INC-1' AND {old}"  # noqa: S608 tests


DEEDS = (
    Deed(
        name="what was said is changed",
        statements=("UPDATE events SET body = replace(body, 'checkout', 'nothing') WHERE seq = 1",),
        kind=Kind.CHANGED,
        seq=1,
        why="event 1 (IncidentDeclared) was changed: its content no longer gives its hash",
    ),
    Deed(
        name="when it was is changed",
        statements=("UPDATE events SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 3",),
        kind=Kind.CHANGED,
        seq=3,
        why="its content no longer gives its hash",
    ),
    Deed(
        name="who it was is changed",
        statements=('UPDATE events SET actor = replace(actor, \'"id":"\', \'"id":"x\')',),
        kind=Kind.CHANGED,
        seq=None,
        why="its content no longer gives its hash",
    ),
    Deed(
        name="its link is changed",
        statements=("UPDATE events SET prev = hash WHERE seq = 4",),
        kind=Kind.CHANGED,
        seq=4,
        why="its content no longer gives its hash",
    ),
    Deed(
        name="the first is removed",
        statements=("DELETE FROM events WHERE seq = 1",),
        kind=Kind.REMOVED,
        seq=1,
        why="event 1 was removed: the record begins with event 2",
    ),
    Deed(
        name="one in the middle is removed",
        statements=("DELETE FROM events WHERE seq = 4",),
        kind=Kind.REMOVED,
        seq=4,
        why="event 4 was removed: event 3 is followed by event 5",
    ),
    Deed(
        name="one is removed and the others renumbered",
        statements=(
            "DELETE FROM events WHERE seq = 4",
            move("seq > 4", "seq + 1000"),
            move("seq > 1000", "seq - 1001"),
        ),
        kind=Kind.REMOVED,
        seq=4,
        why="event 4 was removed: event 3 is followed by event 5",
    ),
    Deed(
        name="the last is removed",
        statements=("DELETE FROM events WHERE seq = {last}",),
        kind=Kind.REMOVED,
        seq=None,
        why="its state knows {last} events, and the record ends at",
    ),
    Deed(
        name="all events are removed",
        statements=("DELETE FROM events",),
        kind=Kind.REMOVED,
        seq=1,
        why="all of its events are gone",
    ),
    Deed(
        name="two are exchanged",
        statements=(move("seq = 3", "1003"), move("seq = 5", "3"), move("seq = 1003", "5")),
        kind=Kind.MOVED,
        seq=3,
        why="was moved: it was recorded as event 5",
    ),
    Deed(
        name="one is inserted",
        statements=(
            move("seq > 3", "seq + 1000"),
            move("seq > 1000", "seq - 999"),
            FORGED,
        ),
        kind=Kind.INSERTED,
        seq=4,
        why="event 4 (NoteAdded) was inserted: the event after it follows the one before it",
    ),
    Deed(
        name="the state is changed",
        statements=("UPDATE runs SET snapshot = replace(snapshot, 'checkout', 'nothing')",),
        kind=Kind.STATE,
        seq=None,
        why="its events fold to another one",
    ),
    Deed(
        name="what the engine looks for is changed",
        statements=("UPDATE runs SET system = 'other', channel = 'C9'",),
        kind=Kind.STATE,
        seq=None,
        why="system, channel is not what its snapshot says",
    ),
    Deed(
        name="the state is no state any more",
        statements=("UPDATE runs SET snapshot = '[]'",),
        kind=Kind.STATE,
        seq=None,
        why="its state can't be read",
    ),
    Deed(
        name="the state is removed",
        statements=("DELETE FROM runs",),
        kind=Kind.STATE,
        seq=None,
        why="it has events, and its state is gone",
    ),
    Deed(
        name="the whole incident is renamed",
        statements=(
            "UPDATE events SET incident = 'INC-2'",
            "UPDATE runs SET incident = 'INC-2', number = 2",
        ),
        kind=Kind.MISSING,
        seq=None,
        why="the whole incident is gone, and no rule has removed it",
    ),
)
