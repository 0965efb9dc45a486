"""What the API server does with an object between reading and storing it.

Clients' writes come through `writes`, the controllers' own through `controllers.authors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.estate.clock import stamp
from sandbox.estate.controllers.templates import suffix
from sandbox.estate.objects import ownership
from sandbox.estate.objects.comparing import blank
from sandbox.estate.objects.ownership import Claims, Writer
from sandbox.estate.objects.shapes import Struct, shape_of
from sandbox.estate.resources import STATUS, Resource
from sandbox.estate.rules.causes import Causes
from sandbox.estate.rules.kinds import Rules, rules_of
from sandbox.estate.rules.names import check_meta
from sandbox.estate.statuses import already_exists, conflict, invalid
from sandbox.estate.store import Store
from sandbox.estate.values import Object, clone

_STATUS_STEP = "f:status"
_SERVER_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
    "selfLink",
)
_LONGEST_PREFIX = 58


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """How something is written: by whom, through which subresource, and whether for real."""

    manager: str
    subresource: str = ""
    dry: bool = False


class Registry:
    """Creates and changes objects; all that is wrong with one is found before it is stored."""

    def __init__(self, store: Store, random: Random) -> None:
        self._store = store
        self._random = random

    def create(self, resource: Resource, item: Object, write: Write) -> Object:
        """Store a new object, complete but for what only the server gives."""
        shape = shape_of(resource)
        by = writer_of(resource, write)
        live = blank(shape) | {"metadata": {}}
        claims = ownership.updated(live, item, shape, {}, by)
        return self.create_claimed(resource, item, claims, write)

    def create_claimed(
        self, resource: Resource, item: Object, claims: Claims, write: Write
    ) -> Object:
        """Store a new object whose owners are known."""
        rules = rules_of(resource)
        item = self._born(resource, clone(item), rules)
        meta = item["metadata"]
        rules.prepare(item)
        causes = Causes()
        check_meta(meta, rules.form, causes)
        rules.check(item, causes)
        if causes.found:
            raise invalid(resource, meta.get("name", ""), causes.found)
        if self._store.get(resource, meta.get("namespace", ""), meta["name"]):
            raise already_exists(resource, meta["name"])
        meta["managedFields"] = ownership.written(claims)
        return item if write.dry else self._store.put(resource, item)

    def change(self, resource: Resource, old: Object, new: Object, write: Write) -> Object:
        """Store a changed object; the same one again if nothing changed."""
        if new == old:  # most writes of controllers: nothing has to be looked at for them
            return old
        source = old if write.subresource or "managedFields" not in new["metadata"] else new
        claims = ownership.updated(
            old, new, shape_of(resource), ownership.read(source), writer_of(resource, write)
        )
        return self.change_claimed(resource, old, new, claims, write)

    def change_claimed(
        self, resource: Resource, old: Object, new: Object, claims: Claims, write: Write
    ) -> Object:
        """Store a changed object whose owners are known."""
        self._check_version(resource, old, new)
        rules = rules_of(resource)
        causes = Causes()
        changed = _kept(resource, clone(new), old, rules, write.subresource, causes)
        if write.subresource != STATUS:
            _check_change(changed, old, rules, causes)
        if causes.found:
            raise invalid(resource, old["metadata"]["name"], causes.found)
        changed["metadata"]["managedFields"] = ownership.written(claims)
        if not claims:
            del changed["metadata"]["managedFields"]
        if same(old, changed):
            return old
        return changed if write.dry else self._store.put(resource, changed)

    def _check_version(self, resource: Resource, old: Object, new: Object) -> None:
        asked = new["metadata"].get("resourceVersion", "")
        if asked and asked != old["metadata"]["resourceVersion"]:
            raise conflict(resource, old["metadata"]["name"])

    def _born(self, resource: Resource, item: Object, rules: Rules) -> Object:
        meta = item["metadata"]
        for name in (*_SERVER_FIELDS[:-2], "resourceVersion", "generation", "managedFields"):
            meta.pop(name, None)
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"][:_LONGEST_PREFIX] + suffix(self._random)
        meta |= {"uid": self._store.uid(), "creationTimestamp": stamp()}
        if rules.counted:
            meta["generation"] = 1
        if STATUS in resource.subresources or resource.custom:
            item.pop("status", None)
            item |= _blank_status(shape_of(resource))
        item["apiVersion"], item["kind"] = resource.api_version, resource.kind
        return item


def writer_of(resource: Resource, write: Write) -> Writer:
    """Return who writes, and what this way of writing can't set."""
    ignores: tuple[str, ...] = ()
    if write.subresource == STATUS:
        ignores = ("f:spec",)
    elif STATUS in resource.subresources or resource.custom:
        ignores = (_STATUS_STEP,)
    return ownership.writer(
        write.manager, resource.api_version, subresource=write.subresource, ignores=ignores
    )


def same(old: Object, new: Object) -> bool:
    """Tell whether a write changes anything; times of `managedFields` alone don't count."""
    return _comparable(old) == _comparable(new)


def _comparable(item: Object) -> Object:
    meta = {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}
    if "managedFields" in meta:
        meta["managedFields"] = [
            {key: value for key, value in entry.items() if key != "time"}
            for entry in meta["managedFields"]
        ]
    rest = {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
    return rest | {"metadata": meta}


def _blank_status(shape: Struct) -> Object:
    status = shape.fields["status"]
    if not status.always or not isinstance(status.shape, Struct):
        return {}
    return {"status": blank(status.shape)}


def _kept(
    resource: Resource, new: Object, old: Object, rules: Rules, subresource: str, causes: Causes
) -> Object:
    before, meta = old["metadata"], new["metadata"]
    if meta.get("uid", before["uid"]) != before["uid"]:
        for _ in range(2):
            causes.immutable("metadata.uid", meta["uid"], before["uid"])
    meta |= {key: before[key] for key in ("name", "namespace") if key in before}
    for name in (*_SERVER_FIELDS, "generation"):
        meta.pop(name, None)
        if name in before:
            meta[name] = before[name]
    kept = ("spec",) if subresource == STATUS else ("status",)
    for name in kept if STATUS in resource.subresources or resource.custom else ():
        new.pop(name, None)
        if name in old:
            new[name] = old[name]
    if subresource != STATUS:
        rules.keep(new, old)
        _count(new, old, rules)
    new["apiVersion"], new["kind"] = resource.api_version, resource.kind
    return new


def _count(new: Object, old: Object, rules: Rules) -> None:
    if not rules.counted:
        return
    changed = _counted_parts(new) != _counted_parts(old)
    if rules.counts_annotations:
        changed |= _annotations(new) != _annotations(old)
    before = int(old["metadata"].get("generation", 1))
    new["metadata"]["generation"] = before + changed


def _counted_parts(item: Object) -> Object:
    return {
        key: value
        for key, value in item.items()
        if key not in ("metadata", "status", "kind", "apiVersion")
    }


def _annotations(item: Object) -> Any:
    return item["metadata"].get("annotations") or {}


def _check_change(new: Object, old: Object, rules: Rules, causes: Causes) -> None:
    check_meta(new["metadata"], rules.form, causes)
    if rules.change_first:
        rules.check_change(new, old, causes)
        rules.check(new, causes)
    else:
        rules.check(new, causes)
        rules.check_change(new, old, causes)
