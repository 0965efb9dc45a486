"""Deleting: on which conditions, and what becomes of the objects that the deleted one owns."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.estate.clock import stamp
from sandbox.estate.controllers.kubelet import Kubelet
from sandbox.estate.options import DeleteOptions
from sandbox.estate.reads import view
from sandbox.estate.resources import PODS, Resource
from sandbox.estate.routing import Call
from sandbox.estate.rules.kinds import rules_of
from sandbox.estate.selectors import Predicate
from sandbox.estate.statuses import conflict, not_found
from sandbox.estate.store import Store
from sandbox.estate.values import Object, clone

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_FINALIZERS = {"Foreground": FOREGROUND, "Orphan": ORPHAN}
_PRESERVED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background "
    "to remove them or set propagationPolicy=Orphan to suppress this warning"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What a deletion answers."""

    answer: Object
    warnings: list[str] = field(default_factory=list)


class Deletions:
    """Deletes objects for clients."""

    def __init__(self, store: Store, kubelet: Kubelet) -> None:
        self._store = store
        self._kubelet = kubelet

    def delete(self, call: Call, options: DeleteOptions) -> Deleted:
        """Delete one object."""
        item = self._store.get(call.resource, call.namespace, call.name)
        if item is None:
            raise not_found(call.resource, call.name)
        _check(call, item, options)
        rules = rules_of(call.resource)
        warnings = [] if options.policy or not rules.orphans else [_PRESERVED]
        if call.resource == PODS:
            return Deleted(answer=view(call, self._pod(item, options)))
        policy = options.policy or ("Orphan" if rules.orphans else "Background")
        finalizers = _finalizers(item, policy)
        if finalizers:
            left = _marked(item, finalizers)
            if not options.dry:
                left = self._store.put(call.resource, left)
            return Deleted(answer=view(call, left), warnings=warnings)
        if not options.dry:
            self._store.delete(call.resource, call.namespace, call.name)
        answer = view(call, item) if rules.returned else _success(call, item)
        return Deleted(answer=answer, warnings=warnings)

    def delete_all(self, call: Call, options: DeleteOptions, selected: Predicate) -> Object:
        """Delete all selected objects of a namespace, and return them as a list."""
        items = [item for item in self._store.list(call.resource, call.namespace) if selected(item)]
        for item in items:
            meta = item["metadata"]
            one = Call(
                verb="delete",
                resource=call.resource,
                namespace=meta.get("namespace", ""),
                name=meta["name"],
                subresource="",
            )
            self.delete(one, options)
        return {
            "kind": f"{call.resource.kind}List",
            "apiVersion": call.resource.api_version,
            "metadata": {"resourceVersion": str(self._store.version)},
            "items": [_bare(item) for item in items],
        }

    def _pod(self, pod: Object, options: DeleteOptions) -> Object:
        meta = pod["metadata"]
        if options.dry:
            return pod
        left = self._kubelet.terminate(meta["namespace"], meta["name"], grace=options.grace)
        return left or pod


class Collector:
    """Deletes what nobody owns any more, and finishes deletions that wait for it."""

    def __init__(self, store: Store, kubelet: Kubelet) -> None:
        self._store = store
        self._kubelet = kubelet

    def orphaned(self, owner: Object) -> None:
        """Delete what a deleted object owned, unless somebody else owns it, too."""
        for resource, item in self._store.dependents(owner):
            uid = owner["metadata"]["uid"]
            left = [ref for ref in item["metadata"]["ownerReferences"] if ref["uid"] != uid]
            if left:
                changed = clone(item)
                changed["metadata"]["ownerReferences"] = left
                self._store.put(resource, changed)
            else:
                self._remove(resource, item)

    def proceed(self, resource: Resource, namespace: str, name: str) -> None:
        """Take an object that is being deleted a step nearer to its end."""
        item = self._store.get(resource, namespace, name)
        if item is None or "deletionTimestamp" not in item["metadata"]:
            return
        finalizers = item["metadata"].get("finalizers") or []
        dependents = self._store.dependents(item)
        if ORPHAN in finalizers:
            self._let_go(item, dependents)
            self._finish(resource, item, ORPHAN)
        elif FOREGROUND in finalizers:
            for kind, child in dependents:
                self._remove(kind, child)
            if not self._store.dependents(item):
                self._finish(resource, item, FOREGROUND)

    def _remove(self, resource: Resource, item: Object) -> None:
        meta = item["metadata"]
        if resource == PODS:
            self._kubelet.terminate(meta["namespace"], meta["name"])
        else:
            self._store.delete(resource, meta.get("namespace", ""), meta["name"])

    def _let_go(self, owner: Object, dependents: list[tuple[Resource, Object]]) -> None:
        uid = owner["metadata"]["uid"]
        for kind, child in dependents:
            changed = clone(child)
            references = changed["metadata"].pop("ownerReferences")
            if left := [ref for ref in references if ref["uid"] != uid]:
                changed["metadata"]["ownerReferences"] = left
            self._store.put(kind, changed)

    def _finish(self, resource: Resource, item: Object, finalizer: str) -> None:
        meta = item["metadata"]
        left = [name for name in meta["finalizers"] if name != finalizer]
        if not left:
            self._store.delete(resource, meta.get("namespace", ""), meta["name"])
            return
        changed = clone(item)
        changed["metadata"]["finalizers"] = left
        self._store.put(resource, changed)


def _check(call: Call, item: Object, options: DeleteOptions) -> None:
    uid, version = item["metadata"]["uid"], item["metadata"]["resourceVersion"]
    if options.uid and options.uid != uid:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid})."
            " The object might have been deleted and then recreated"
        )
        raise conflict(call.resource, call.name, why, kind=call.resource.qualified_kind)
    if options.version and options.version != version:
        why = (
            f"the ResourceVersion in the precondition ({options.version}) does not match the "
            f"ResourceVersion in record ({version}). The object might have been modified"
        )
        raise conflict(call.resource, call.name, why, kind=call.resource.qualified_kind)


def _finalizers(item: Object, policy: str) -> list[str]:
    kept = [
        name
        for name in item["metadata"].get("finalizers") or []
        if name not in _FINALIZERS.values()
    ]
    return [*kept, _FINALIZERS[policy]] if policy in _FINALIZERS else kept


def _marked(item: Object, finalizers: list[str]) -> Object:
    left = clone(item)
    meta = left["metadata"]
    meta["finalizers"] = finalizers
    if "deletionTimestamp" not in meta:
        meta |= {"deletionTimestamp": stamp(), "deletionGracePeriodSeconds": 0}
        if "generation" in meta:
            meta["generation"] += 1
    return left


def _success(call: Call, item: Object) -> Object:
    details: Object = {"name": call.name}
    if call.resource.group:
        details["group"] = call.resource.group
    details |= {"kind": call.resource.plural, "uid": item["metadata"]["uid"]}
    success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return success | {"details": details}


def _bare(item: Object) -> Object:
    return {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
