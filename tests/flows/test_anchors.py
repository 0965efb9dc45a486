"""Anchors: a chain that was made anew holds, and is found out all the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.anchors import (
    Anchor,
    AnchorError,
    Head,
    Spot,
    anchored,
    compare,
    digest_of,
    read,
    written,
)
from flows.chains import Kind

Journal = dict[str, list[Spot]]


def at(minute: int) -> str:
    """Return a time."""
    return f"2026-01-01T{minute // 60:02}:{minute % 60:02}:00+00:00"


def told(incident: str, *, until: int, tale: str = "", start: int = 0) -> list[Spot]:
    """Return an incident of so many events, one a minute; a tale makes other hashes."""
    return [
        Spot(seq=number, at=at(start + number), hash=f"{incident}-{number}-{tale}")
        for number in range(1, until + 1)
    ]


def heads(journal: Journal) -> tuple[Head, ...]:
    """Return where its chains end."""
    return tuple(
        Head(incident=incident, seq=spots[-1].seq, hash=spots[-1].hash)
        for incident, spots in journal.items()
    )


def history() -> tuple[Journal, tuple[Anchor, ...]]:
    """Return a journal of two incidents, and the three anchors of its time."""
    early: Journal = {"INC-1": told("INC-1", until=5)}
    later: Journal = {"INC-1": told("INC-1", until=8), "INC-2": told("INC-2", until=3, start=20)}
    now: Journal = {"INC-1": told("INC-1", until=8), "INC-2": told("INC-2", until=9, start=20)}
    first = anchored(at(6), heads(early))
    second = anchored(at(24), heads(later), heads(early))
    third = anchored(at(40), heads(now), heads(later))
    return now, (first, second, third)


def test_a_journal_that_only_grew_is_what_it_was() -> None:
    """New events and new incidents are no objection."""
    now, anchors = history()
    assert compare(anchors, now) == ()
    now["INC-2"] = told("INC-2", until=12, start=20)
    now["INC-3"] = told("INC-3", until=2, start=50)
    assert compare(anchors, now) == ()


def test_a_rewritten_chain_is_named_with_where_and_since_when() -> None:
    """Between which events, and after which anchor."""
    now, anchors = history()
    now["INC-1"] = [*told("INC-1", until=5), *told("INC-1", until=8, tale="forged")[5:]]
    (found,) = compare(anchors, now)
    assert (found.incident, found.seq, found.kind) == ("INC-1", 6, Kind.REWRITTEN)
    assert "was rewritten between event 6 and event 8" in found.why
    assert f"after {at(24)}" in found.why


def test_a_rewriting_between_two_anchors_is_dated_from_both_sides() -> None:
    """An anchor that fits the new record was written after it was forged."""
    now, anchors = history()
    forged: Journal = {**now, "INC-2": told("INC-2", until=9, start=20, tale="forged")}
    late = anchored(at(60), heads(forged), heads(now))
    (found,) = compare((*anchors, late), forged)
    assert f"after {at(40)} and before {at(60)}" in found.why


def test_removed_events_and_removed_incidents_are_told_apart() -> None:
    """The end of a chain cut off, the last incident gone as if it had never been."""
    now, anchors = history()
    now["INC-2"] = told("INC-2", until=2, start=20)
    (found,) = compare(anchors, now)
    assert "lost its events from 3 to 9" in found.why
    del now["INC-2"]
    (found,) = compare(anchors, now)
    assert found.kind is Kind.MISSING
    assert f"the whole incident is gone, which the anchor of {at(40)} has seen" in found.why


def test_one_line_alone_proves_all_incidents() -> None:
    """The digest is over every head: also of incidents that the line does not name."""
    now, (_, _, third) = history()
    alone = Anchor(at=third.at, count=third.count, digest=third.digest, heads=())
    assert compare((alone,), now) == ()
    now["INC-1"] = told("INC-1", until=8, tale="forged")
    (found,) = compare((alone,), now)
    assert found.incident == "journal"
    assert f"the anchor of {at(40)} saw 2 incidents" in found.why


def test_what_a_rule_removed_is_as_it_was_anchored() -> None:
    """A tombstone keeps the last event's hash; one with another hash is found."""
    now, anchors = history()
    now["INC-1"] = now["INC-1"][-1:]
    assert compare(anchors, now) == ()
    now["INC-1"] = told("INC-1", until=8, tale="forged")[-1:]
    (found,) = compare(anchors, now)
    assert found.incident == "INC-1"


def test_anchors_are_read_out_of_whatever_was_around_them() -> None:
    """A file of them, or lines copied from a channel, in any order."""
    _, anchors = history()
    lines = ["Anchor of the journal: 2 incidents.", "10:42", ""]
    lines += [f"```{written(anchor)}```" for anchor in reversed(anchors)]
    assert read(lines) == anchors


@pytest.mark.parametrize("cut", [3, 30, 100])
def test_a_damaged_anchor_is_refused_with_its_line(cut: int) -> None:
    """Better no comparison than a wrong one."""
    _, (first, *_) = history()
    line = written(first)
    with pytest.raises(AnchorError, match="line 2 is no whole anchor"):
        read(["", line[:-cut] + "}"])


@given(st.data())
def test_whatever_was_rewritten_is_found(data: st.DataObject) -> None:
    """Any journal, any one event of the past made anew with all that follow it."""
    incidents = data.draw(st.integers(1, 5))
    now: Journal = {
        f"INC-{n}": told(f"INC-{n}", until=data.draw(st.integers(1, 9)), start=n * 10)
        for n in range(1, incidents + 1)
    }
    anchor = anchored(at(500), heads(now))
    shown: Any = data.draw(st.sampled_from([anchor.heads, anchor.heads[:1], ()]))
    anchor = Anchor(at=anchor.at, count=anchor.count, digest=anchor.digest, heads=shown)
    assert compare((anchor,), now) == ()
    victim = data.draw(st.sampled_from(sorted(now)))
    start = data.draw(st.integers(0, len(now[victim]) - 1))
    forged = [Spot(seq=s.seq, at=s.at, hash=f"{s.hash}!") for s in now[victim][start:]]
    assert compare((anchor,), {**now, victim: [*now[victim][:start], *forged]})
    rest = {name: spots for name, spots in now.items() if name != victim}
    assert compare((anchor,), rest)


def test_a_digest_knows_no_order() -> None:
    """The same heads give the same digest."""
    some = heads(history()[0])
    assert digest_of(some) == digest_of(reversed(some))
