"""How controllers write: through the registry like everybody, under a name of their own."""

from __future__ import annotations

from sandbox.estate.bodies import completed
from sandbox.estate.registry import Registry, Write
from sandbox.estate.resources import STATUS, Resource
from sandbox.estate.statuses import ApiStatusError
from sandbox.estate.store import Store
from sandbox.estate.values import Object, clone

MANAGER = "kube-controller-manager"


class Author:
    """Writes for one manager. Objects that it gets may be kept, and are not changed."""

    def __init__(self, store: Store, registry: Registry, name: str = MANAGER) -> None:
        self.store = store
        self._registry = registry
        self._name = name

    def create(self, resource: Resource, item: Object) -> Object:
        """Store a new object, with everything that the server fills in."""
        made = completed(resource, clone(item))
        return self._registry.create(resource, made, Write(manager=self._name))

    def update(self, resource: Resource, old: Object, new: Object) -> Object:
        """Store a changed object."""
        return self._registry.change(resource, old, new, Write(manager=self._name))

    def update_status(self, resource: Resource, old: Object, new: Object) -> Object:
        """Store an object with a changed status; annotations may change along with it."""
        write = Write(manager=self._name, subresource=STATUS)
        return self._registry.change(resource, old, new, write)

    def set_status(self, resource: Resource, old: Object, status: Object) -> Object:
        """Store an object with another status."""
        if status == old.get("status"):
            return old
        return self.update_status(resource, old, old | {"status": status})

    def ensure(self, resource: Resource, item: Object) -> None:
        """Create an object unless there is one of this name."""
        meta = item["metadata"]
        if self.store.get(resource, meta.get("namespace", ""), meta["name"]) is None:
            try:
                self.create(resource, item)
            except ApiStatusError:  # as real controllers do: the next change makes it try again
                return
