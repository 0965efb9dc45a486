"""Who owns which field: `metadata.managedFields`, kept as the API server keeps it.

Every write goes through `updated`, a server-side apply through `applied`. Both work on objects
without `managedFields` and return the managers, which `written` turns into JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox.estate.clock import stamp
from sandbox.estate.objects.comparing import blank, compare, fields_of
from sandbox.estate.objects.merging import merge, with_parents, without
from sandbox.estate.objects.paths import NOTHING, Path, Paths, from_fields, shown, to_fields
from sandbox.estate.objects.shapes import Struct
from sandbox.estate.values import Object

APPLY = "Apply"
UPDATE = "Update"
_MOST_UPDATERS = 10
_SERVER_OWNED: Paths = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """Who wrote, and through what: an apply, or updates of one version and subresource."""

    name: str
    operation: str
    version: str = ""  # of updates only: applies of all versions are one manager's
    subresource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The fields that a manager owns, in an API version, since its last change."""

    fields: Paths
    version: str
    time: str


Claims = Mapping[Manager, Claim]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes now; `ignores` are first steps that this way of writing can't set."""

    manager: Manager
    version: str
    ignores: tuple[str, ...] = ()

    def minded(self, paths: Paths) -> Paths:
        """Return the paths without what is ignored."""
        if not self.ignores:
            return paths
        return frozenset(path for path in paths if path[0] not in self.ignores)


class ApplyConflictError(Exception):
    """Other managers own fields that an apply would change: pairs of manager and path."""

    def __init__(self, conflicts: list[tuple[Manager, Path]]) -> None:
        super().__init__(f"{len(conflicts)} conflicts")
        self.conflicts = conflicts


def writer(
    name: str,
    version: str,
    *,
    operation: str = UPDATE,
    subresource: str = "",
    ignores: tuple[str, ...] = (),
) -> Writer:
    """Return who writes with an API version."""
    of = version if operation == UPDATE else ""
    manager = Manager(name=name, operation=operation, version=of, subresource=subresource)
    return Writer(manager=manager, version=version, ignores=ignores)


def read(item: Object) -> Claims:
    """Read an object's `managedFields`."""
    found: dict[Manager, Claim] = {}
    for entry in item["metadata"].get("managedFields") or []:
        applies = entry["operation"] == APPLY
        manager = Manager(
            name=entry["manager"],
            operation=entry["operation"],
            version="" if applies else entry["apiVersion"],
            subresource=entry.get("subresource", ""),
        )
        found[manager] = Claim(
            fields=from_fields(entry["fieldsV1"]),
            version=entry["apiVersion"],
            time=entry.get("time", ""),
        )
    return found


def written(claims: Claims) -> list[Object]:
    """Return `managedFields`, applies first, then the oldest update."""
    entries = []
    for manager, claim in sorted(claims.items(), key=_order):
        entry: Object = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": claim.version,
            **({"time": claim.time} if claim.time else {}),
            "fieldsType": "FieldsV1",
            "fieldsV1": to_fields(claim.fields),
        }
        if manager.subresource:
            entry["subresource"] = manager.subresource
        entries.append(entry)
    return entries


def updated(old: Object, new: Object, shape: Struct, claims: Claims, by: Writer) -> Claims:
    """Return the claims after an update: what was changed is the writer's from now on.

    An object that was stored without claims gets none by updates.
    """
    if not claims and "uid" in old["metadata"]:
        return {}
    difference = compare(_bare(old), _bare(new), shape)
    touched = by.minded(difference.added | difference.modified) - _SERVER_OWNED
    lost = touched | by.minded(difference.removed)
    result = _taken(claims, lost)
    if touched:
        before = result.get(by.manager)
        fields = touched | (before.fields if before else NOTHING)
        result[by.manager] = Claim(fields=fields, version=by.version, time=stamp())
    return _capped(result)


def applied(
    live: Object, config: Object, shape: Struct, claims: Claims, by: Writer, *, force: bool
) -> tuple[Object, Claims]:
    """Return the object and claims after a server-side apply; `ApplyConflictError` if refused."""
    if not claims and "uid" in live["metadata"]:
        first = writer("before-first-apply", by.version, ignores=by.ignores)
        claims = updated(blank(shape), live, shape, claims, first)
    live, config = _bare(live), _bare(config)
    merged = merge(live, config, shape)
    last = claims.get(by.manager)
    fields = by.minded(fields_of(config, shape))
    mine = Claim(fields=fields - _SERVER_OWNED, version=by.version, time=stamp())
    if last and last.fields:
        owned = frozenset().union(
            fields, *(claim.fields for who, claim in claims.items() if who != by.manager)
        )
        merged = _pruned(merged, last.fields, owned, shape)
    difference = compare(live, merged, shape)
    changed = by.minded(difference.added | difference.modified)
    others = {who: claim for who, claim in claims.items() if who != by.manager}
    conflicts = [
        (who, path) for who, claim in others.items() for path in sorted(claim.fields & changed)
    ]
    if conflicts and not force:
        raise ApplyConflictError(conflicts)
    result = _taken(others, changed | by.minded(difference.removed))
    if mine.fields:
        result[by.manager] = mine
    return merged, result


def told(conflicts: list[tuple[Manager, Path]]) -> str:
    """Return the message about conflicts."""
    if len(conflicts) == 1:
        who, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {named(who)}: {shown(path)}"
    lines = []
    for who in sorted({who for who, _ in conflicts}, key=named):
        lines.append(f"conflicts with {named(who)}:")
        lines += [f"- {shown(path)}" for other, path in conflicts if other == who]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def named(manager: Manager) -> str:
    """Return a manager as messages name it."""
    text = f'"{manager.name}"'
    if manager.subresource:
        text += f' with subresource "{manager.subresource}"'
    return f"{text} using {manager.version}" if manager.operation == UPDATE else text


def _pruned(merged: Object, last: Paths, owned: Paths, shape: Struct) -> Object:
    """Take out what the applier set before, sets no more, and nobody else owns."""
    everything = with_parents(fields_of(merged, shape), shape)
    last, owned = with_parents(last, shape), with_parents(owned, shape)
    first = with_parents(fields_of(without(merged, last, shape), shape), shape)
    second = without(merged, everything - (first | owned), shape)
    kept = with_parents(fields_of(second, shape), shape)
    return without(merged, (everything - kept) & last, shape)


def _taken(claims: Claims, paths: Paths) -> dict[Manager, Claim]:
    left = {who: replace(claim, fields=claim.fields - paths) for who, claim in claims.items()}
    return {who: claim for who, claim in left.items() if claim.fields}


def _capped(claims: dict[Manager, Claim]) -> dict[Manager, Claim]:
    """Merge the oldest updaters into one, as the real server does beyond ten."""
    updaters = sorted(
        (
            item
            for item in claims.items()
            if item[0].operation == UPDATE and not item[0].subresource
        ),
        key=lambda item: item[1].time,
    )
    surplus = len(updaters) - _MOST_UPDATERS
    if surplus <= 0:
        return claims
    for who, claim in updaters[: surplus + 1]:
        bucket = Manager(name="ancient-changes", operation=UPDATE, version=claim.version)
        before = claims.get(bucket)
        fields = claim.fields | (before.fields if before else NOTHING)
        del claims[who]
        claims[bucket] = Claim(fields=fields, version=claim.version, time=claim.time)
    return claims


def _bare(item: Object) -> Object:
    meta = item.get("metadata") or {}
    return item | {"metadata": {k: v for k, v in meta.items() if k != "managedFields"}}


def _order(entry: tuple[Manager, Claim]) -> tuple[str, str, str, str, str]:
    manager, claim = entry
    return (manager.operation, claim.time, manager.name, claim.version, manager.subresource)
