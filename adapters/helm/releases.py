"""Histories of releases: what Helm lists, and which revision was the last good one.  Pure.

Called by `helm.history` and `helm.rollback`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

ROLLBACK = re.compile(r"^Rollback to (\d+)$")
FAILED_ROLLBACK = re.compile(r"^(?:Rollback|Release) \".*\" failed\b")
FAILED = re.compile(r"\bfailed\b", re.IGNORECASE)
PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback", "uninstalling"})
WORKED = frozenset({"superseded", "deployed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One line of `helm history`.  `updated` is None where Helm gives no time.

    `target` is what a rollback returned to; Helm 3 tells it in the description only.
    """

    number: int
    status: str
    chart: str
    version: str
    description: str
    updated: datetime | None
    target: int | None = None

    @property
    def deployed(self) -> bool:
        """Say whether Helm regards it as running."""
        return self.status == "deployed"

    @property
    def pending(self) -> bool:
        """Say whether a Helm command is at work on it, or was when it ended."""
        return self.status in PENDING

    @property
    def label(self) -> str:
        """Return the app's version, or the chart where the chart names none."""
        return self.version or self.chart


def parse(entries: Sequence[Any]) -> tuple[Revision, ...]:
    """Read the JSON of `helm history`, oldest first."""
    found = (
        Revision(
            number=int(each["revision"]),
            status=str(each.get("status", "")).lower(),
            chart=str(each.get("chart", "")),
            version=str(each.get("app_version") or ""),
            description=str(each.get("description", "")),
            updated=_time(str(each.get("updated", ""))),
            target=_target(each),
        )
        for each in entries
    )
    return tuple(sorted(found, key=lambda revision: revision.number))


def _target(entry: Mapping[str, Any]) -> int | None:
    if told := entry.get("rollback_revision"):
        return int(told)
    found = ROLLBACK.match(str(entry.get("description", "")))
    return int(found[1]) if found else None


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.year < 2000:
        return None  # Go's zero time
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def content(history: Sequence[Revision], number: int) -> int:
    """Return the revision whose manifests this one carries.

    A successful `Rollback to N` carries those of N, which may itself be a rollback.
    """
    by_number = {revision.number: revision for revision in history}
    while number in by_number:
        target = by_number[number].target
        if target is None or target >= number:
            break
        number = target
    return number


def rejected(history: Sequence[Revision]) -> frozenset[int]:
    """Return the contents that somebody rolled back from, and never returned to.

    A rollback from the content C to an older content T says that everything after T, up to C, was
    not wanted: a person who goes back past a revision did not trust it either.  A rollback to a
    *newer* content (which is how a rollback is undone) takes the verdict on that content back.
    A failed rollback no longer tells its target, so it speaks against what it left only.
    """
    bad: set[int] = set()
    for before, revision in pairwise(history):
        left = content(history, before.number)
        if FAILED_ROLLBACK.match(revision.description):
            bad.add(left)
        elif revision.target is not None:
            target = content(history, revision.number)
            bad |= set(range(target + 1, left + 1))
            bad.discard(target)
    return frozenset(bad)


def broken(history: Sequence[Revision], at: datetime) -> frozenset[int]:
    """Return the contents that can't be good: what ran when it broke, and all that came since.

    A rollback that somebody made meanwhile carries something older, which this says nothing of.
    """
    before = [each for each in history if each.updated is None or each.updated <= at]
    if not before:
        return frozenset()
    ran = content(history, before[-1].number)
    return frozenset(n for each in history if (n := content(history, each.number)) >= ran)


def last_good(history: Sequence[Revision], broken_at: datetime | None = None) -> Revision | None:
    """Return the newest revision below the current one that is worth returning to, or None.

    With `broken_at`, what ran then does not count as good, nor does a hotfix on top of it.

    It must have worked (superseded or deployed, and no word of failure: a rollback that fails
    marks the failed upgrade before it as superseded), carry something else than the current
    revision does, and not have been rejected by an earlier rollback.  So after "bad, rolled back",
    the bad one is not chosen again, which is what a bare `helm rollback` would do.

    Where that revision is itself a rollback, the one whose manifests it carries is returned if Helm
    still keeps it: its age and the time it ran tell people more.
    """
    if not history:
        return None
    by_number = {revision.number: revision for revision in history}
    running = content(history, history[-1].number)
    bad = rejected(history) | (broken(history, broken_at) if broken_at else frozenset())
    for revision in reversed(history[:-1]):
        carried = content(history, revision.number)
        if _worked(revision) and carried != running and carried not in bad:
            first = by_number.get(carried, revision)
            return first if _worked(first) else revision
    return None


def _worked(revision: Revision) -> bool:
    return revision.status in WORKED and not FAILED.search(revision.description)


def ran_for(history: Sequence[Revision], number: int) -> float | None:
    """Return how many seconds a revision ran until the next one began, or None."""
    numbers = [revision.number for revision in history]
    at = numbers.index(number)
    if at + 1 == len(history):
        return None
    began, ended = history[at].updated, history[at + 1].updated
    return (ended - began).total_seconds() if began and ended else None


def returned_to(history: Sequence[Revision], target: int) -> bool:
    """Say whether the newest revision is deployed and carries what the target carries."""
    if not history:
        return False
    newest = history[-1]
    same = content(history, newest.number) == content(history, target)
    return newest.deployed and same


def kept(history: Sequence[Revision]) -> str:
    """Write which revisions Helm keeps: `38 to 43`."""
    if not history:
        return ""
    first, last = history[0].number, history[-1].number
    return f"revision {first}" if first == last else f"revisions {first} to {last}"
