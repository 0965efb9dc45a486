"""Records of how many pods ran before a change, and putting back what is recorded.

Called by `kubernetes.scale` (which makes them, and undoes by them) and `kubernetes.restore_scale`.
A record is a capture: written once, so that a second attempt never records what the first set.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes import scaling
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.errors import ChangedError
from adapters.kubernetes.resources import CRONJOBS, SCALED_OBJECTS
from adapters.kubernetes.scaling import COUNTED, Setting, Value
from adapters.kubernetes.workloads import Workload
from adapters.values import count, listed
from flows.actions import JsonObject, PermanentError

Seen = Mapping[Workload, Setting]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One setting: what it was `before`, and what a step `sets`.

    `about` is the workload that a ScaledObject scales; else the object itself.
    """

    whose: Workload
    about: Workload
    before: Value
    sets: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a step changes, and the HorizontalPodAutoscalers that watch its workloads."""

    entries: tuple[Entry, ...]
    autoscalers: tuple[Mapping[str, Any], ...] = ()

    @property
    def counts(self) -> tuple[Entry, ...]:
        """Return the entries that count pods."""
        return tuple(each for each in self.entries if each.whose.kind in COUNTED)

    @property
    def moved(self) -> frozenset[str]:
        """Return the workloads whose count may be moved by an autoscaler, as people write them."""
        paused = (str(e.about) for e in self.entries if e.whose.kind == SCALED_OBJECTS.kind)
        return frozenset({*paused, *(str(each["target"]) for each in self.autoscalers)})

    def only(self, names: Collection[Workload]) -> "Record":
        """Return the part about these workloads; raise `PermanentError` for one not recorded."""
        recorded = [each.whose for each in self.counts]
        if missing := [str(each) for each in names if each not in recorded]:
            raise PermanentError(
                f"{listed(missing)} is not in the record, which holds {listed(map(str, recorded))}."
            )
        return Record(
            entries=tuple(each for each in self.entries if each.about in names),
            autoscalers=self.autoscalers,
        )

    def plain(self) -> JsonObject:
        """Return it as it stands in the journal."""
        return {
            "settings": [
                {
                    "kind": each.whose.kind,
                    "name": each.whose.name,
                    "of": {"kind": each.about.kind, "name": each.about.name},
                    "before": each.before,
                    "set": each.sets,
                }
                for each in self.entries
            ],
            "autoscalers": [dict(each) for each in self.autoscalers],
        }


def read(captured: JsonObject) -> Record:
    """Read a capture back."""
    return Record(
        entries=tuple(
            Entry(
                whose=Workload(kind=each["kind"], name=each["name"]),
                about=Workload(kind=each["of"]["kind"], name=each["of"]["name"]),
                before=each["before"],
                sets=each["set"],
            )
            for each in captured.get("settings") or ()
        ),
        autoscalers=tuple(captured.get("autoscalers") or ()),
    )


def entry(each: Setting, sets: Value) -> Entry:
    """Record one setting as it is."""
    is_pause = each.whose.kind == SCALED_OBJECTS.kind
    about = scaling.target(each.found) if is_pause else each.whose
    return Entry(whose=each.whose, about=about, before=each.now, sets=sets)


async def look(cluster: Cluster, record: Record, *, by_name: bool) -> Seen:
    """Read the recorded settings as they are now; what is gone is left out.

    `by_name` asks for each workload, for rights on those objects alone; else they are listed.
    """
    counts = [each.whose for each in record.counts]
    found = list(await _counts(cluster, counts, by_name=by_name))
    kinds = {each.whose.kind for each in record.entries}
    if CRONJOBS.kind in kinds:
        found += await scaling.of_all(cluster, [CRONJOBS.kind], {})
    if SCALED_OBJECTS.kind in kinds:
        found += await scaling.pauses(cluster, {each.about for each in record.entries})
    wanted = {each.whose for each in record.entries}
    return {each.whose: each for each in found if each.whose in wanted}


async def _counts(
    cluster: Cluster, wanted: Sequence[Workload], *, by_name: bool
) -> tuple[Setting, ...]:
    if by_name:
        return await scaling.of_names(cluster, wanted, lenient=True)
    return await scaling.of_all(cluster, dict.fromkeys(w.kind for w in wanted), {})


async def set_all(cluster: Cluster, record: Record, seen: Seen, *, dry_run: bool = False) -> None:
    """Set what a step sets, one after the other: what failed is then known by name.

    Raises `ChangedError`, with nothing changed, where something is neither as recorded nor as set.
    """
    if other := (*_gone(record, seen), *_foreign(record, seen)):
        raise ChangedError(
            f"{'; '.join(other)}. Nothing was changed: see who changed it, then make a new plan."
        )
    for each in _ordered(record, scaling.STOPPING):
        moved = str(each.whose) in record.moved
        await scaling.put(cluster, seen[each.whose], each.sets, moved=moved, dry_run=dry_run)


async def put_back(cluster: Cluster, record: Record, seen: Seen, *, dry_run: bool = False) -> None:
    """Set everything to what it was before; repeatable.

    Raises `ChangedError` for what somebody else changed since, after the rest was put back: a
    disputed workload is no reason to keep the others down.
    """
    other = (*_gone(record, seen), *_foreign(record, seen))
    mine = [e for e in _ordered(record, scaling.STARTING) if e.whose in seen]
    for each in mine:
        now = seen[each.whose]
        # An autoscaler that has moved the count on since is not interfered with.
        is_left = now.now != each.sets and _is_back(each, now, record.moved)
        if not is_left and _is_ours(each, now, record.moved):
            await scaling.put(
                cluster, now, each.before, moved=str(each.whose) in record.moved, dry_run=dry_run
            )
    if other:
        raise ChangedError(
            f"{'; '.join(other)}. The rest is put back: settle this by hand, then go on."
        )


async def told(cluster: Cluster, record: Record, *, by_name: bool) -> str:
    """Look, and write `scaled web to 3 pods, cronjob/mail on schedule; 2 of 3 pods ready`."""
    seen = await look(cluster, record, by_name=by_name)
    counts = [seen[each.whose] for each in record.counts if each.whose in seen]
    others = [seen[e.whose] for e in record.entries if e.whose in seen and e not in record.counts]
    said = [f"{each.whose} to {each.told(each.now)}" for each in counts]
    said += [f"{each.whose} {each.told(each.now)}" for each in others]
    wanted = sum(int(each.now or 0) for each in counts)
    ready = min(sum(each.ready for each in counts), wanted)
    return f"scaled {listed(said)}; {ready} of {count(wanted, 'pod')} ready so far"


def reversed_from(record: Record, seen: Seen) -> Record:
    """Record what putting a record back changes: from what is there now to what it holds."""
    check(record, seen)
    return Record(
        entries=tuple(
            Entry(whose=each.whose, about=each.about, before=seen[each.whose].now, sets=each.before)
            for each in record.entries
        ),
        autoscalers=record.autoscalers,
    )


def not_back(record: Record, seen: Seen) -> tuple[str, ...]:
    """Say what is not as recorded.  A count that an autoscaler moves may be another one, not 0."""
    return tuple(
        f"{each.whose} is {seen[each.whose].state(seen[each.whose].now)}"
        if each.whose in seen
        else f"{each.whose} is gone"
        for each in record.entries
        if each.whose not in seen or not _is_back(each, seen[each.whose], record.moved)
    )


def _is_back(each: Entry, now: Setting, moved: Collection[str]) -> bool:
    if now.now == each.before:
        return True
    is_moved = each.whose.kind in COUNTED and str(each.whose) in moved
    return is_moved and bool(now.now) and bool(each.before)


def check(record: Record, seen: Seen) -> None:
    """Raise `ChangedError` where something is neither as recorded nor as it was set."""
    if other := (*_gone(record, seen), *_foreign(record, seen)):
        raise ChangedError(f"{'; '.join(other)}: settle this by hand first, or skip the step.")


def _ordered(record: Record, kinds: Sequence[str]) -> list[Entry]:
    return sorted(record.entries, key=lambda each: (kinds.index(each.whose.kind), each.whose.name))


def _is_ours(each: Entry, now: Setting, moved: Collection[str]) -> bool:
    is_moved = each.whose.kind in COUNTED and str(each.whose) in moved
    return is_moved or now.now in (each.before, each.sets)


def _gone(record: Record, seen: Seen) -> Iterable[str]:
    if gone := [str(each.whose) for each in record.entries if each.whose not in seen]:
        yield f"{listed(gone)} is gone"


def _foreign(record: Record, seen: Seen) -> Iterable[str]:
    for each in record.entries:
        now = seen.get(each.whose)
        if now is None or _is_ours(each, now, record.moved):
            continue
        yield (
            f"{each.whose} is {now.state(now.now)}, neither {now.told(each.before)} as recorded "
            f"nor {now.told(each.sets)} as set"
        )
