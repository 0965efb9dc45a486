"""Hash chains: rows in, findings out.

Each row holds the hash of the one before it and of itself, so a chain that was tampered with says
where.  A row whose content gives its hash under another number was moved; one that gives none was
changed; one that nothing follows, while the next follows the one before it, was put in.  What a
chain can't show is that it was made anew as a whole: `flows.anchors` is for that.

Pure.  Used for the events of an incident and for the tombstones, by whoever writes and verifies.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from typing import Any

from flows.plans import canonical

GENESIS = "0" * 64
SEARCHED = 50  # rows that are looked for elsewhere in a chain; of more, only that they changed

Row = Mapping[str, Any]
"""At least `seq`, `kind`, `prev` and `hash`; all but `hash` is what the hash is made of."""


class Kind(StrEnum):
    """What was done to a record."""

    CHANGED = "changed"
    REMOVED = "removed"
    MOVED = "moved"
    INSERTED = "inserted"
    REPLACED = "replaced"
    REWRITTEN = "rewritten"
    STATE = "state"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong with a record: where, what, and a sentence."""

    incident: str
    seq: int | None
    kind: Kind
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A row with the number that it was recorded under; None where its content gives no hash."""

    row: Row
    origin: int | None
    noun: str

    @property
    def seq(self) -> int:
        """The number that it has now."""
        seq: int = self.row["seq"]
        return seq

    @property
    def named(self) -> str:
        """The row for people."""
        return f"{self.noun} {self.seq} ({_what(self.row)})"


def _what(row: Row) -> str:
    return str(row.get("kind") or row["incident"])


def seal(row: Row) -> str:
    """Return the hash of a row's content, its own `hash` aside."""
    content = {name: value for name, value in row.items() if name != "hash"}
    return sha256(canonical(content).encode(errors="surrogatepass")).hexdigest()


def examine(
    incident: str, rows: Iterable[Row], last: int | None = None, *, noun: str = "event"
) -> tuple[Finding, ...]:
    """Return everything that is wrong with a chain, given in its order.

    `last` is the number that its last row must have, where that is known; `noun` is what people
    call its rows.
    """
    given = tuple(rows)
    if _whole(given, last):
        return ()
    numbered = [row for row in given if _is_number(row["seq"])]
    strange = [_strange(row, noun) for row in given if not _is_number(row["seq"])]
    found = [*strange, *_Examination(numbered, last, noun).findings()]
    if not found:
        found = [(None, Kind.CHANGED, f"the chain of its {noun}s does not hold")]
    return tuple(
        Finding(incident=incident, seq=seq, kind=kind, why=why) for seq, kind, why in found
    )


_Found = tuple[int | None, Kind, str]


def _strange(row: Row, noun: str) -> _Found:
    why = f"{noun} ({_what(row)}) was changed: its number is {row['seq']!r}"
    return None, Kind.CHANGED, why


def _is_number(seq: object) -> bool:
    return isinstance(seq, int) and not isinstance(seq, bool)


def _whole(rows: Sequence[Row], last: int | None) -> bool:
    prev = GENESIS
    for expected, row in enumerate(rows, start=1):
        if row["seq"] != expected or row["prev"] != prev or not intact(row):
            return False
        prev = row["hash"]
    return last is None or last == len(rows)


def intact(row: Row) -> bool:
    """Say whether a row's content gives its hash."""
    try:
        return bool(seal(row) == row["hash"])
    except TypeError:  # something that is not JSON stands where a text was
        return False


class _Examination:
    """One look at one chain that does not hold."""

    def __init__(self, rows: Sequence[Row], last: int | None, noun: str) -> None:
        self._last = last
        self._noun = noun
        self._links = _origins(rows, noun)
        self._inserted = tuple(_inserted(self._links))
        put_in = {id(link.row) for link in self._inserted}
        self._kept = tuple(link for link in self._links if id(link.row) not in put_in)
        self._changed = tuple(link for link in self._kept if link.origin is None)
        self._known = tuple(link for link in self._kept if link.origin is not None)

    def findings(self) -> Iterator[_Found]:
        """Yield what is wrong, in the order in which people want to read it."""
        yield from self._put_in()
        yield from self._altered()
        yield from self._taken_out()
        yield from self._moved()
        yield from self._replaced()
        yield from self._beyond_the_end()

    def _put_in(self) -> Iterator[_Found]:
        for link in self._inserted:
            why = f"{link.named} was inserted: the {self._noun} after it follows the one before it"
            yield link.seq, Kind.INSERTED, why

    def _altered(self) -> Iterator[_Found]:
        for link in self._changed:
            why = f"{link.named} was changed: its content no longer gives its hash"
            yield link.seq, Kind.CHANGED, why

    def _holes(self) -> list[int]:
        """Return the numbers under which nothing is there, not even something changed."""
        there = {link.origin for link in self._known} | {link.seq for link in self._changed}
        end = max([self._last or 0, *(number for number in there if number)], default=0)
        return [number for number in range(1, end + 1) if number not in there]

    def _taken_out(self) -> Iterator[_Found]:
        for first, last in _stretches(self._holes()):
            noun = self._noun
            what = f"{noun} {first} was" if first == last else f"{noun}s {first} to {last} were"
            if not self._kept:
                why = f"all of its {noun}s are gone"
            elif self._last is not None and last == self._last:
                why = f"{what} removed: its state knows {self._last} {noun}s, and the record ends"
                why += f" at {first - 1}"
            else:
                before = (
                    "the record begins with" if first == 1 else f"{noun} {first - 1} is followed by"
                )
                why = f"{what} removed: {before} {noun} {last + 1}"
            yield first, Kind.REMOVED, why

    def _moved(self) -> Iterator[_Found]:
        origins = [link.origin or 0 for link in self._known]
        moved = [link for link in self._known if link.origin != link.seq]
        if all(a < b for a, b in pairwise(origins)):
            if moved and not self._inserted and not self._holes():
                why = f"its {self._noun}s were renumbered from {moved[0].named} on"
                yield moved[0].seq, Kind.MOVED, why
            return
        for link in moved:
            why = f"{link.named} was moved: it was recorded as {self._noun} {link.origin}"
            yield link.seq, Kind.MOVED, why

    def _replaced(self) -> Iterator[_Found]:
        if self._inserted or any(link.origin != link.seq for link in self._kept):
            return
        for link in self._kept[:1]:
            if link.seq == 1 and link.row["prev"] != GENESIS:
                why = f"{link.named} was replaced: it claims that another came before it"
                yield 1, Kind.REPLACED, why
        for one, two in pairwise(self._kept):
            if two.seq == one.seq + 1 and two.row["prev"] != one.row["hash"]:
                after = f"{self._noun} {two.seq} was recorded after another one"
                why = f"{one.named} was replaced: {after}"
                yield one.seq, Kind.REPLACED, why

    def _beyond_the_end(self) -> Iterator[_Found]:
        """What was added at the end; a number that was only shifted is told of elsewhere."""
        for link in self._kept if self._last is not None else ():
            if (link.origin or link.seq) > (self._last or 0):
                why = f"{link.named} was added: its state knows {self._last} {self._noun}s only"
                yield link.seq, Kind.INSERTED, why


def _stretches(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of each unbroken stretch of rising numbers."""
    known = set(numbers)
    for first in numbers:
        if first - 1 not in known:
            last = first
            while last + 1 in known:
                last += 1
            yield first, last


def _origins(rows: Sequence[Row], noun: str) -> tuple[Link, ...]:
    """Find the number under which each row was recorded."""
    left = SEARCHED
    links = []
    for row in rows:
        origin = row["seq"] if intact(row) else None
        if origin is None and left:
            left -= 1
            origin = _elsewhere(row, rows)
        links.append(Link(row=row, origin=origin, noun=noun))
    return tuple(links)


def _elsewhere(row: Row, rows: Sequence[Row]) -> int | None:
    """Return the number under which a row's content gives its hash, or some other row's."""
    for number in range(1, len(rows) + 2):
        if intact({**row, "seq": number}):
            return number
    for other in rows:
        taken = {**row, **{name: other[name] for name in ("seq", "prev", "hash")}}
        if other is not row and intact(taken):
            seq: int = other["seq"]
            return seq
    return None


def _inserted(links: Sequence[Link]) -> Iterator[Link]:
    """Yield the rows that nothing follows, while a later row follows the one before them."""
    followed = {link.row["prev"]: number for number, link in enumerate(links)}  # where last
    expected = GENESIS
    for number, link in enumerate(links):
        later = followed.get(expected, -1) > number
        if later and link.row["hash"] not in followed:
            yield link
        else:
            expected = link.row["hash"]
