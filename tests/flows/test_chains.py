"""Chains: whatever was done to one is found, and named for what it was."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.chains import GENESIS, Kind, examine, seal

Row = dict[str, Any]
Rows = list[Row]


def chained(rows: Rows, start: int = 0) -> Rows:
    """Give rows their links and hashes anew, from a place on."""
    for number in range(start, len(rows)):
        rows[number]["prev"] = rows[number - 1]["hash"] if number else GENESIS
        rows[number]["hash"] = seal(rows[number])
    return rows


def record(length: int = 8) -> Rows:
    """Return a whole record."""
    return chained([made(number) for number in range(1, length + 1)])


def made(number: int) -> Row:
    """Return an event before it is chained."""
    return {
        "incident": "INC-1",
        "seq": number,
        "id": f"id-{number}",
        "at": f"2026-01-01T00:00:{number:02}+00:00",
        "actor": '{"id":"a"}',
        "kind": f"Kind{number}",
        "body": f'{{"n":{number}}}',
    }


def removed(rows: Rows, *numbers: int) -> Rows:
    """Return the rows without some."""
    return [row for row in rows if row["seq"] not in numbers]


def swapped(rows: Rows, one: int, two: int, *columns: str) -> Rows:
    """Exchange some columns of two rows, in their order by number."""
    a, b = rows[one - 1], rows[two - 1]
    for column in columns:
        a[column], b[column] = b[column], a[column]
    return sorted(rows, key=lambda row: int(row["seq"]))


def shifted(rows: Rows, start: int, by: int) -> Rows:
    """Renumber the rows from a number on."""
    for row in rows:
        if row["seq"] >= start:
            row["seq"] += by
    return rows


def inserted(rows: Rows, at: int, *, sealed: bool) -> Rows:
    """Put a row in, with or without a hash that fits, and renumber what comes after."""
    row = {**made(at), "kind": "Forged", "prev": rows[at - 2]["hash"] if at > 1 else GENESIS}
    row["hash"] = seal(row) if sealed else "f" * 64
    return sorted([*shifted(rows, at, 1), row], key=lambda each: int(each["seq"]))


CASES: list[tuple[str, Callable[[Rows], Rows], list[tuple[int | None, Kind]], str]] = [
    (
        "changed",
        lambda rows: [*rows[:2], {**rows[2], "body": "{}"}, *rows[3:]],
        [(3, Kind.CHANGED)],
        "event 3 (Kind3) was changed: its content no longer gives its hash",
    ),
    (
        "its hash changed",
        lambda rows: [*rows[:2], {**rows[2], "hash": "f" * 64}, *rows[3:]],
        [(3, Kind.CHANGED)],
        "event 3 (Kind3) was changed",
    ),
    (
        "changed and hashed anew",
        lambda rows: [
            *rows[:2],
            {**rows[2], "body": "{}", "hash": seal({**rows[2], "body": "{}"})},
            *rows[3:],
        ],
        [(3, Kind.REPLACED)],
        "event 3 (Kind3) was replaced: event 4 was recorded after another one",
    ),
    (
        "the first removed",
        lambda rows: removed(rows, 1),
        [(1, Kind.REMOVED)],
        "event 1 was removed: the record begins with event 2",
    ),
    (
        "one in the middle removed",
        lambda rows: removed(rows, 4),
        [(4, Kind.REMOVED)],
        "event 4 was removed: event 3 is followed by event 5",
    ),
    (
        "some in the middle removed",
        lambda rows: removed(rows, 4, 5),
        [(4, Kind.REMOVED)],
        "events 4 to 5 were removed: event 3 is followed by event 6",
    ),
    (
        "the last removed",
        lambda rows: removed(rows, 8),
        [(8, Kind.REMOVED)],
        "event 8 was removed: its state knows 8 events, and the record ends at 7",
    ),
    ("all removed", lambda rows: [], [(1, Kind.REMOVED)], "all of its events are gone"),
    (
        "one removed and the others renumbered",
        lambda rows: shifted(removed(rows, 4), 4, -1),
        [(4, Kind.REMOVED)],
        "event 4 was removed: event 3 is followed by event 5",
    ),
    (
        "two exchanged with all that they have",
        lambda rows: swapped(rows, 3, 6, "id", "at", "kind", "body", "prev", "hash"),
        [(3, Kind.MOVED), (6, Kind.MOVED)],
        "event 3 (Kind6) was moved: it was recorded as event 6",
    ),
    (
        "two exchanged but for their links",
        lambda rows: swapped(rows, 3, 4, "id", "at", "kind", "body"),
        [(3, Kind.MOVED), (4, Kind.MOVED)],
        "event 3 (Kind4) was moved: it was recorded as event 4",
    ),
    (
        "renumbered",
        lambda rows: swapped(rows, 3, 4, "seq"),
        [(3, Kind.MOVED), (4, Kind.MOVED)],
        "event 4 (Kind3) was moved: it was recorded as event 3",
    ),
    (
        "inserted without a hash",
        lambda rows: inserted(rows, 4, sealed=False),
        [(4, Kind.INSERTED)],
        "event 4 (Forged) was inserted: the event after it follows the one before it",
    ),
    (
        "inserted with a hash that fits",
        lambda rows: inserted(rows, 4, sealed=True),
        [(4, Kind.INSERTED)],
        "event 4 (Forged) was inserted",
    ),
    (
        "inserted at the beginning",
        lambda rows: inserted(rows, 1, sealed=True),
        [(1, Kind.INSERTED)],
        "event 1 (Forged) was inserted",
    ),
    (
        "added at the end",
        lambda rows: chained([*rows, made(9)], 8),
        [(9, Kind.INSERTED)],
        "event 9 (Kind9) was added: its state knows 8 events only",
    ),
    (
        "a number that is none",
        lambda rows: [*rows[:2], {**rows[2], "seq": "3"}, *rows[3:]],
        [(None, Kind.CHANGED), (3, Kind.REMOVED)],
        "event (Kind3) was changed: its number is '3'",
    ),
    (
        "a body that is no text",
        lambda rows: [*rows[:2], {**rows[2], "body": b"\xff"}, *rows[3:]],
        [(3, Kind.CHANGED)],
        "event 3 (Kind3) was changed",
    ),
]


@pytest.mark.parametrize(("case", "tamper", "found", "why"), CASES, ids=[each[0] for each in CASES])
def test_what_was_done_is_named(
    case: str, tamper: Callable[[Rows], Rows], found: list[tuple[int | None, Kind]], why: str
) -> None:
    """One finding for one deed, at its place, in a sentence."""
    findings = examine("INC-1", tamper(record()), 8)
    assert [(each.seq, each.kind) for each in findings] == found
    assert any(why in each.why for each in findings), [each.why for each in findings]
    assert all(each.incident == "INC-1" for each in findings)


def test_an_untouched_chain_has_no_findings() -> None:
    """Whole, empty and short ones."""
    assert examine("INC-1", record(), 8) == ()
    assert examine("INC-1", record()) == ()
    assert examine("INC-1", [], 0) == ()


def test_a_chain_made_anew_from_a_place_on_holds() -> None:
    """What only an anchor shows: nobody should think that the chain alone could."""
    rows = record()
    rows[2]["body"] = "{}"
    assert examine("INC-1", chained(rows, 2), 8) == ()


COLUMNS = ("incident", "seq", "id", "at", "actor", "kind", "body", "prev", "hash")


@st.composite
def tampered(draw: st.DrawFn) -> tuple[Rows, int]:
    """Draw a record to which one thing was done, and how long it was."""
    length = draw(st.integers(1, 12))
    rows = record(length)
    places = st.integers(1, length)
    match draw(st.sampled_from(["change", "remove", "swap", "insert", "duplicate"])):
        case "change":
            row, column = rows[draw(places) - 1], draw(st.sampled_from(COLUMNS))
            was = row[column]
            texts = st.text(max_size=70) | st.integers() | st.none() | st.binary(max_size=3)
            row[column] = draw(texts.filter(lambda new: new != was))
        case "remove":
            rows = removed(rows, draw(places))
        case "swap":
            one, two = draw(places), draw(places.map(lambda number: number))
            columns = draw(st.sampled_from([COLUMNS[1:2], COLUMNS[2:7], COLUMNS[2:]]))
            before = [dict(row) for row in rows]
            rows = swapped(rows, one, two, *columns)
            if rows == before:  # one and the same
                rows[one - 1]["body"] = "{}"
        case "insert":
            rows = inserted(rows, draw(st.integers(1, length + 1)), sealed=draw(st.booleans()))
        case _:
            rows.insert(draw(st.integers(0, length)), dict(rows[draw(places) - 1]))
    return rows, length


@given(tampered())
def test_any_single_deed_is_found(case: tuple[Rows, int]) -> None:
    """Whatever one thing is done to whichever row, the record is no longer whole."""
    rows, length = case
    assert examine("INC-1", rows, length)


@given(st.integers(1, 12), st.data())
def test_any_changed_content_is_found_at_its_place(length: int, data: st.DataObject) -> None:
    """A change of what an event says is named with the event's number."""
    rows = record(length)
    row = data.draw(st.sampled_from(rows))
    column = data.draw(st.sampled_from(("id", "at", "actor", "kind", "body")))
    row[column] = data.draw(st.text(max_size=20).filter(lambda text: text != row[column]))
    findings = examine("INC-1", rows, length)
    assert [(each.seq, each.kind) for each in findings] == [(row["seq"], Kind.CHANGED)]


@given(st.integers(2, 30), st.data())
def test_removed_stretches_are_named_with_their_numbers(length: int, data: st.DataObject) -> None:
    """Which are gone can be read off the finding, wherever they stood."""
    first = data.draw(st.integers(1, length))
    last = data.draw(st.integers(first, length))
    gone = range(first, last + 1)
    findings = examine("INC-1", removed(record(length), *gone), length)
    assert [(each.seq, each.kind) for each in findings] == [(first, Kind.REMOVED)]
