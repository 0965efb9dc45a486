"""Anchors: what a whole journal was at one time, kept where the journal's writers can't change it.

A chain that was made anew from some event on holds in itself; it no longer holds what an anchor
says.  An anchor is one digest over the heads of all chains, and the heads that are news since the
anchor before it, so that a file of anchors also tells which incident was rewritten, and between
which two of them.

Pure.  `bot.anchoring` writes them, `backout audit verify --anchors` compares.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from flows.chains import Finding, Kind
from flows.plans import canonical

MARK = "backout-anchor"


class AnchorError(Exception):
    """A line that claims to be an anchor is none."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Head:
    """Where a chain ended: the number and the hash of its last event."""

    incident: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """All heads at one time (ISO 8601, UTC), as a digest, and those of them that were news."""

    at: str
    count: int
    digest: str
    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """An event of a chain as far as an anchor can name it."""

    seq: int
    at: str
    hash: str


Spots = Mapping[str, Sequence[Spot]]
"""The events of each incident in order; of one that a rule removed, its last."""


def digest_of(heads: Iterable[Head]) -> str:
    """Return one digest over heads, whatever order they come in."""
    plain = [[head.incident, head.seq, head.hash] for head in sorted(heads)]
    return sha256(canonical(plain).encode()).hexdigest()


def anchored(at: str, heads: Sequence[Head], before: Iterable[Head] = ()) -> Anchor:
    """Make an anchor of all heads, naming those that the anchor before it did not have."""
    known = set(before)
    news = tuple(head for head in sorted(heads) if head not in known)
    return Anchor(at=at, count=len(heads), digest=digest_of(heads), heads=news)


def shortened(anchor: Anchor, heads: Iterable[Head]) -> Anchor:
    """Name fewer heads: the digest is over all of them still."""
    return replace(anchor, heads=tuple(sorted(heads)))


def written(anchor: Anchor) -> str:
    """Write an anchor as one line of JSON."""
    heads = [[head.incident, head.seq, head.hash] for head in anchor.heads]
    parts = {"at": anchor.at, "count": anchor.count, "digest": anchor.digest, "heads": heads}
    return canonical({MARK: parts})


def read(lines: Iterable[str]) -> tuple[Anchor, ...]:
    """Read the anchors among some lines, oldest first; what a channel shows around them is skipped.

    Raises `AnchorError` for one that was damaged, with its line.
    """
    found = []
    for number, line in enumerate(lines, start=1):
        start, end = line.find(f'{{"{MARK}"'), line.rfind("}")
        if start >= 0:
            try:
                found.append(_anchor(json.loads(line[start : end + 1])[MARK]))
            except (ValueError, KeyError, TypeError) as error:
                raise AnchorError(
                    f"line {number} is no whole anchor: copy it again, from {{ to }}"
                ) from error
    return tuple(sorted(found, key=lambda anchor: anchor.at))


def _anchor(parts: Mapping[str, object]) -> Anchor:
    heads = parts["heads"]
    if not isinstance(heads, list):
        raise TypeError("no list of heads")
    return Anchor(
        at=str(parts["at"]),
        count=int(str(parts["count"])),
        digest=str(parts["digest"]),
        heads=tuple(Head(incident=str(i), seq=int(s), hash=str(h)) for i, s, h in heads),
    )


def compare(anchors: Sequence[Anchor], spots: Spots) -> tuple[Finding, ...]:
    """Return what anchors, oldest first, have seen and a journal has no longer, or otherwise."""
    found = dict(_rewritten(anchors, spots))
    rest = tuple(_digests(anchors, spots, found))
    return (*found.values(), *rest)


def _rewritten(anchors: Sequence[Anchor], spots: Spots) -> Iterator[tuple[str, Finding]]:
    seen: dict[str, list[tuple[str, Head]]] = {}
    for anchor in anchors:
        for head in anchor.heads:
            seen.setdefault(head.incident, []).append((anchor.at, head))
    for incident, heads in seen.items():
        finding = _of_incident(incident, heads, spots.get(incident, ()))
        if finding is not None:
            yield incident, finding


def _of_incident(
    incident: str, heads: Sequence[tuple[str, Head]], spots: Sequence[Spot]
) -> Finding | None:
    """Compare one incident; `spots` of a removed one begin with its last event."""
    there = {spot.seq: spot.hash for spot in spots}
    first = spots[0].seq if spots else 1
    wrong = [number for number, (_, head) in enumerate(heads) if not _holds(head, there, first)]
    if not wrong:
        return None
    if not spots:
        why = f"the whole incident is gone, which the anchor of {heads[-1][0]} has seen"
        return Finding(incident=incident, seq=None, kind=Kind.MISSING, why=why)
    at, head = heads[wrong[-1]]
    sound = [each for _, each in heads[: wrong[0]]]
    after = max((each.seq for each in sound), default=0)
    since = f"after {at}"
    if wrong[-1] + 1 < len(heads):
        since += f" and before {heads[wrong[-1] + 1][0]}"
    what = f"was rewritten between event {after + 1} and event {heads[wrong[0]][1].seq}"
    if head.seq not in there and head.seq >= first:
        what = f"lost its events from {len(spots) + 1} to {head.seq}"
    why = f"its record {what}, {since}: the anchor of then has another hash of event {head.seq}"
    return Finding(incident=incident, seq=after + 1, kind=Kind.REWRITTEN, why=why)


def _holds(head: Head, there: Mapping[int, str], first: int) -> bool:
    """Say whether a chain has a head still; what a rule has removed can't be asked any more."""
    return head.seq < first or there.get(head.seq) == head.hash


def _digests(
    anchors: Sequence[Anchor], spots: Spots, told: Mapping[str, Finding]
) -> Iterator[Finding]:
    """Check each digest; what an anchor does not name is taken as it was then, by the times."""
    known: dict[str, Head] = {}
    for anchor in anchors:
        known |= {head.incident: head for head in anchor.heads}
        if digest_of(known.values()) == anchor.digest:
            continue
        then = dict(_as_of(anchor.at, spots)) | known
        if digest_of(then.values()) != anchor.digest and not told:
            why = (
                f"the anchor of {anchor.at} saw {anchor.count} incidents, and not all of them are "
                "as they were then: some incident that it does not name was rewritten or removed "
                "after that time, or a line before it is missing here"
            )
            yield Finding(incident="journal", seq=None, kind=Kind.REWRITTEN, why=why)
            return


def _as_of(at: str, spots: Spots) -> Iterator[tuple[str, Head]]:
    for incident, events in spots.items():
        before = [spot for spot in events if spot.at <= at]
        if before:
            last = before[-1]
            yield incident, Head(incident=incident, seq=last.seq, hash=last.hash)
