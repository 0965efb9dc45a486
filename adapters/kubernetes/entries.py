"""Entries of ConfigMaps and Secrets, and changes of them that overwrite nothing unseen.

An entry is its field (`data`, or `binaryData` of a ConfigMap) and its text; Secrets and binary
fields are base64, as the API server sends them.  Called by the actions on ConfigMaps and Secrets.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any

from pydantic import Field

from adapters.kubernetes import json_patches
from adapters.kubernetes.cluster import Cluster, Patch
from adapters.kubernetes.errors import NotFoundError
from adapters.kubernetes.resources import CONFIGMAPS, SECRETS, Resource
from adapters.values import listed
from flows.actions import PermanentError

KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
Name = Annotated[
    str, Field(pattern=r"^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$", min_length=1, max_length=253)
]
"""Name of a ConfigMap or Secret."""
Key = Annotated[str, Field(pattern=rf"^{KEY.pattern}$")]
"""Name of an entry."""
DATA = "data"
BINARY = "binaryData"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which `kubectl apply` keeps everything, values of Secrets included."""
KINDS: Mapping[str, Resource] = {each.kind: each for each in (CONFIGMAPS, SECRETS)}

Object = dict[str, Any]
Entry = tuple[str, str]
Entries = Mapping[str, Entry | None]


class Stage(Enum):
    """Which state of an edit an object is in."""

    BEFORE = "before"
    AFTER = "after"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change of entries of one object; None stands for "is not there".

    With `exact` the object has no entries but these.  `applied` is the annotation `APPLIED`, where
    the edit removes it.
    """

    resource: Resource
    name: str
    before: Entries
    after: Entries
    exact: bool = False
    applied: str | None = field(default=None, repr=False)
    restores: bool = False

    @property
    def changed(self) -> tuple[str, ...]:
        """Return the keys whose entries are to be others, sorted."""
        return tuple(sorted(k for k in self.after if self.after[k] != self.before[k]))

    def reversed(self) -> "Edit":
        """Return the edit that puts everything back."""
        return Edit(
            resource=self.resource,
            name=self.name,
            before=self.after,
            after=self.before,
            exact=self.exact,
            applied=self.applied,
            restores=not self.restores,
        )

    def stage(self, found: Object) -> Stage:
        """Say which of its states an object is in."""
        there = of(found)
        if self.exact and not there.keys() <= self.after.keys():
            return Stage.OTHER
        now = {key: there.get(key) for key in self.after}
        if now == self.after:
            return Stage.AFTER
        return Stage.BEFORE if now == self.before else Stage.OTHER

    def plain(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kind": self.resource.kind,
            "name": self.name,
            "before": {key: list(entry) if entry else None for key, entry in self.before.items()},
            "after": {key: list(entry) if entry else None for key, entry in self.after.items()},
            "exact": self.exact,
            "applied": self.applied,
        }


def restored(plain: Mapping[str, Any]) -> Edit:
    """Read `Edit.plain` back."""
    return Edit(
        resource=KINDS[plain["kind"]],
        name=plain["name"],
        before=_entries(plain["before"]),
        after=_entries(plain["after"]),
        exact=plain["exact"],
        applied=plain["applied"],
    )


def _entries(plain: Mapping[str, Any]) -> Entries:
    return {key: (entry[0], entry[1]) if entry else None for key, entry in plain.items()}


def is_key(text: Any) -> bool:
    """Say whether a ConfigMap or Secret takes this as the name of an entry."""
    return isinstance(text, str) and KEY.fullmatch(text) is not None


def of(found: Object) -> dict[str, Entry]:
    """Return the entries of an object."""
    return {
        key: (part, value)
        for part in (DATA, BINARY)
        for key, value in (found.get(part) or {}).items()
    }


def text_of(resource: Resource, entry: Entry) -> str:
    """Return what an entry says; bytes that are no text are told by their number."""
    part, value = entry
    if resource is CONFIGMAPS and part == DATA:
        return value
    content = base64.b64decode(value)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return f"({len(content)} bytes)"


def encoded(text: str) -> Entry:
    """Return the entry of a Secret that says this."""
    return (DATA, base64.b64encode(text.encode()).decode())


async def read(cluster: Cluster, resource: Resource, name: str) -> Object:
    """Return an object whose entries may be changed.

    Raises `PermanentError` where there is none, or where it is immutable.
    """
    try:
        found = await cluster.read(resource, name)
    except NotFoundError as error:
        raise PermanentError(
            f"There is no {resource.kind} {name} in namespace {cluster.namespace}: compare the "
            f"name with `kubectl -n {cluster.namespace} get {resource.plural}`."
        ) from error
    if found.get("immutable"):
        raise PermanentError(
            f"{resource.kind} {name} is immutable: make another one with the new values, and "
            "point its consumers to that."
        )
    return found


def edit(
    resource: Resource,
    found: Object,
    after: Entries,
    *,
    exact: bool = False,
    forget_applied: bool = False,
) -> Edit:
    """Return the change of what is there now to `after`; with `exact` all else is removed."""
    there = of(found)
    wanted = {**(dict.fromkeys(there) if exact else {}), **after}
    annotations = found["metadata"].get("annotations") or {}
    return Edit(
        resource=resource,
        name=str(found["metadata"]["name"]),
        before={key: there.get(key) for key in wanted},
        after=wanted,
        exact=exact,
        applied=annotations.get(APPLIED) if forget_applied else None,
    )


async def attempt(cluster: Cluster, each: Edit, found: Object) -> None:
    """Try a change without effect, so that the cluster may refuse it early."""
    if each.changed:
        await _write(cluster, each, found, dry_run=True)


async def make(cluster: Cluster, edits: Iterable[Edit]) -> None:
    """Make the changes that are not made yet, in their order.

    Raises `PermanentError`, before anything is written, where an object is in neither of its
    states: somebody else changed it.
    """
    every = tuple(edits)
    found = [await cluster.read(each.resource, each.name) for each in every]
    stages = [each.stage(now) for each, now in zip(every, found, strict=True)]
    for each, now, stage in zip(every, found, stages, strict=True):
        if stage is Stage.OTHER:
            raise PermanentError(foreign(each, now))
    for each, now, stage in zip(every, found, stages, strict=True):
        if stage is Stage.BEFORE:
            await _write(cluster, each, now)


def foreign(each: Edit, found: Object) -> str:
    """Say which entries are neither what was there before nor what the step sets."""
    there = of(found)
    keys = [k for k in each.after if there.get(k) not in (each.before[k], each.after[k])]
    if each.exact:
        keys += [key for key in there if key not in each.after]
    which = f"{listed(sorted(keys))} of " if keys else "entries of "
    rest = (
        "It is left as it is: compare, and put it back by hand."
        if each.restores
        else "Nothing was changed: see who did it, then make a new plan."
    )
    return f"Somebody else changed {which}{each.resource.kind} {each.name} meanwhile. {rest}"


async def _write(cluster: Cluster, each: Edit, found: Object, *, dry_run: bool = False) -> None:
    if each.exact:
        await cluster.put(each.resource, each.name, _whole(each, found), dry_run=dry_run)
        return
    operations = _operations(each, found)
    await cluster.patch(each.resource, each.name, operations, kind=Patch.JSON, dry_run=dry_run)


def _whole(each: Edit, found: Object) -> Object:
    """Return the object with just these entries; its resource version makes the write safe."""
    parts: dict[str, dict[str, str]] = {}
    for key, entry in each.after.items():
        if entry is not None:
            parts.setdefault(entry[0], {})[key] = entry[1]
    return {**{k: v for k, v in found.items() if k not in (DATA, BINARY)}, **parts}


def _operations(each: Edit, found: Object) -> list[json_patches.Operation]:
    """Return a patch that tests every entry before it changes any."""
    tests: list[json_patches.Operation] = []
    changes: list[json_patches.Operation] = []
    missing = {part for part in (DATA, BINARY) if not found.get(part)}
    for part in sorted(missing & {entry[0] for entry in each.after.values() if entry}):
        tests.append(json_patches.test((part,), found.get(part)))
        changes.append(json_patches.add((part,), {}))
    for key in each.changed:
        before, after = each.before[key], each.after[key]
        if before:
            tests.append(json_patches.test((before[0], key), before[1]))
        elif after and after[0] not in missing:
            tests.append(json_patches.test((after[0], key), None))
        if before and (after is None or after[0] != before[0]):
            changes.append(json_patches.remove((before[0], key)))
        if after:
            changes.append(json_patches.add((after[0], key), after[1]))
    return [*tests, *changes, *_annotation(each, found)]


def _annotation(each: Edit, found: Object) -> list[json_patches.Operation]:
    """Take away, or put back, the annotation in which the old values stand."""
    if each.applied is None:
        return []
    there = found["metadata"].get("annotations") or {}
    path = ("metadata", "annotations", APPLIED)
    if not each.restores:
        return [json_patches.remove(path)] if APPLIED in there else []
    if there:
        return [json_patches.add(path, each.applied)]
    return [json_patches.add(path[:-1], {APPLIED: each.applied})]
