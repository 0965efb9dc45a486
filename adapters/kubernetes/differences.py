"""Two states of one object compared, field by field, and the way back.  Pure.

Called by `apply_manifest`.  What the API server and controllers write by themselves is left out,
so that a difference is always somebody's doing.  An empty map is no map: so the API keeps them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from adapters.kubernetes import json_patches
from adapters.kubernetes.json_patches import Operation, Part

Json = Any
Path = tuple[Part, ...]
MARK = "backout.dev/applied-by"
"""The annotation that says which step applied an object."""
WRITTEN_BY_SERVER = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
WRITTEN_BY_CONTROLLERS = frozenset({MARK, "deployment.kubernetes.io/revision"})


class Absent(Enum):
    """Stands for a field that is not there, because null is a value."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field; `before` or `after` is `ABSENT` where there is none."""

    path: Path
    before: Json
    after: Json

    def plain(self) -> dict[str, Json]:
        """Return it as a capture holds it."""
        found: dict[str, Json] = {"path": list(self.path)}
        found |= {} if self.before is ABSENT else {"before": self.before}
        return found | ({} if self.after is ABSENT else {"after": self.after})

    @classmethod
    def recorded(cls, given: Mapping[str, Json]) -> "Difference":
        """Read it back."""
        return cls(
            path=tuple(given["path"]),
            before=given.get("before", ABSENT),
            after=given.get("after", ABSENT),
        )


def between(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[Difference, ...]:
    """Return the fields in which two states of an object differ, in a fixed order."""
    return tuple(_between((), _own(before), _own(after)))


def _own(found: Mapping[str, Json]) -> dict[str, Json]:
    """Return an object without what is not its authors' doing."""
    metadata = {
        key: value
        for key, value in (found.get("metadata") or {}).items()
        if key not in WRITTEN_BY_SERVER
    }
    if isinstance(annotations := metadata.get("annotations"), Mapping):
        kept = {k: v for k, v in annotations.items() if k not in WRITTEN_BY_CONTROLLERS}
        metadata["annotations"] = kept
    rest = {key: value for key, value in found.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": metadata}


def _between(path: Path, before: Json, after: Json) -> Iterator[Difference]:
    if _is_map(before) and _is_map(after):
        old, new = _map(before), _map(after)
        for key in sorted(old.keys() | new.keys()):
            yield from _between((*path, key), old.get(key, ABSENT), new.get(key, ABSENT))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _between((*path, index), one, other)
    elif before != after:
        yield Difference(path=path, before=before, after=after)


def _is_map(value: Json) -> bool:
    return value is ABSENT or isinstance(value, Mapping)


def _map(value: Json) -> Mapping[str, Json]:
    return {} if value is ABSENT else value


def value_at(found: Json, path: Sequence[Part]) -> Json:
    """Return what is at a path, or `ABSENT`."""
    for part in path:
        known = isinstance(found, Mapping) and part in found
        if not known and not (isinstance(found, list) and part in range(len(found))):
            return ABSENT
        found = found[part]
    return found


def foreign(found: Json, differences: Iterable[Difference]) -> tuple[Difference, ...]:
    """Return the fields that are neither as before nor as after: somebody else changed them.

    They come with what is there now as `after`.
    """
    return tuple(
        Difference(path=each.path, before=each.before, after=now)
        for each in differences
        if not _same(now := value_at(found, each.path), each.before) and not _same(now, each.after)
    )


def _same(one: Json, other: Json) -> bool:
    return one == other or (one in (ABSENT, {}) and other in (ABSENT, {}))


def way_back(found: Json, differences: Iterable[Difference]) -> list[Operation]:
    """Return the operations that bring every field back to what it was before.

    Empty where all are.  The last come first, so that indices of lists stay right.
    """
    operations: list[Operation] = []
    made: set[Path] = set()
    for each in reversed(tuple(differences)):
        now = value_at(found, each.path)
        if _same(now, each.before):
            continue
        if each.before is ABSENT:
            operations.append(json_patches.remove(each.path))
            continue
        for length in range(1, len(each.path)):
            parent = each.path[:length]
            if parent not in made and value_at(found, parent) is ABSENT:
                made.add(parent)
                operations.append(json_patches.add(parent, {}))
        write = json_patches.add if now is ABSENT else json_patches.replace
        operations.append(write(each.path, each.before))
    return operations


def shown(path: Sequence[Part], *states: Json) -> str:
    """Write a path as people read it: `spec.template.spec.containers[checkout].image`.

    Items of lists are named by the first of the states that has them.
    """
    written = ""
    for length, part in enumerate(path):
        if isinstance(part, int):
            written += f"[{_item(path[: length + 1], states) or part}]"
        elif "." in part or "/" in part:
            written += f"[{part}]"
        else:
            written += f".{part}" if written else part
    return written


def named(path: Sequence[Part], *states: Json) -> str:
    """Return the name that says what a field holds: of a variable, or of an entry."""
    if path and path[-1] == "value":
        return _item(path[:-1], states) or str(path[-1])
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "")


def _item(path: Sequence[Part], states: Sequence[Json]) -> str:
    for state in states:
        found = value_at(state, path)
        if isinstance(found, Mapping) and isinstance(found.get("name"), str):
            return str(found["name"])
    return ""
