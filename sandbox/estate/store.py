"""The cluster's objects, with resource versions and the log that watches read.

Objects that the store holds are never changed in place: a writer clones, changes, and puts.
Readers (the API, the controllers, traffic) may therefore keep what they got.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from sandbox.estate.clock import stamp
from sandbox.estate.resources import RESOURCES, Resource
from sandbox.estate.values import Object, clone

_LOG_LENGTH = 5000

_Key = tuple[Resource, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry of the watch log."""

    version: int
    type: str  # ADDED, MODIFIED, DELETED
    resource: Resource
    object: Object


class Store:
    """All objects, by kind, namespace and name; the versions of a kind are one."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._objects: dict[str, dict[tuple[str, str], Object]] = {}
        self._children: dict[str, set[_Key]] = {}
        self._version = 1000
        self._log: deque[Change] = deque(maxlen=_LOG_LENGTH)
        self._listeners: list[Callable[[Change], None]] = []
        self._news = asyncio.Event()
        self.closed = False

    @property
    def version(self) -> int:
        """The version of the newest change."""
        return self._version

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Have `listener` called after each change, at once."""
        self._listeners.append(listener)

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return one object, not to be changed."""
        return self._kind(resource).get((namespace, name))

    def children(self, resource: Resource, owner: Object) -> list[Object]:
        """Return the objects of a kind that this one owns, in the order of their names."""
        return [item for kind, item in self.dependents(owner) if kind == resource]

    def dependents(self, owner: Object) -> list[tuple[Resource, Object]]:
        """Return all objects that this one owns, with their kinds, in the order of their names."""
        keys = self._children.get(owner["metadata"]["uid"], set())
        ordered = sorted(keys, key=lambda key: (key[0].qualified, *key[1:]))
        return [(kind, self._kind(kind)[place, name]) for kind, place, name in ordered]

    def list(self, resource: Resource, namespace: str = "") -> list[Object]:
        """Return objects in the order of their names, of one namespace or of all."""
        found = sorted(self._kind(resource).items())
        return [item for (space, _), item in found if not namespace or space == namespace]

    def put(self, resource: Resource, item: Object) -> Object:
        """Store a new or changed object and return it as stored."""
        item = clone(item)
        meta = item.setdefault("metadata", {})
        key = (str(meta.get("namespace", "")), str(meta["name"]))
        old = self._kind(resource).get(key)
        item["apiVersion"], item["kind"] = resource.api_version, resource.kind
        self._identify(meta, old)
        meta.setdefault("creationTimestamp", stamp())
        self._version += 1
        meta["resourceVersion"] = str(self._version)
        self._kind(resource)[key] = item
        for uid in _owners(old) if old else ():
            self._children[uid].discard((resource, *key))
        for uid in _owners(item):
            self._children.setdefault(uid, set()).add((resource, *key))
        self._announce("MODIFIED" if old else "ADDED", resource, item)
        return item

    def delete(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Remove an object and return what it was."""
        old = self._kind(resource).pop((namespace, name), None)
        if old is None:
            return None
        for uid in _owners(old):
            self._children[uid].discard((resource, namespace, name))
        self._version += 1
        last = clone(old)
        last["metadata"]["resourceVersion"] = str(self._version)
        self._announce("DELETED", resource, last)
        return old

    def clear(self) -> None:
        """Remove every object, telling watchers."""
        for resource in RESOURCES:
            for namespace, name in list(self._kind(resource)):
                self.delete(resource, namespace, name)

    def since(self, version: int) -> Iterator[Change]:
        """Yield the changes after a version, oldest first."""
        yield from [change for change in self._log if change.version > version]

    def remembers(self, version: int) -> bool:
        """Tell whether the log still reaches back to a version."""
        return not self._log or version >= self._log[0].version - 1

    async def changed(self, longest: float) -> None:
        """Wait for the next change, but no longer than this many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._news.wait()

    def close(self) -> None:
        """End all watches."""
        self.closed = True
        self._news.set()

    def uid(self) -> str:
        """Return a new identifier, the same ones for the same seed."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _identify(self, meta: Object, old: Object | None) -> None:
        if old:
            meta["uid"] = old["metadata"]["uid"]
            return
        meta.setdefault("uid", self.uid())

    def _kind(self, resource: Resource) -> dict[tuple[str, str], Object]:
        return self._objects.setdefault(resource.qualified, {})

    def _announce(self, kind: str, resource: Resource, item: Object) -> None:
        change = Change(version=self._version, type=kind, resource=resource, object=item)
        self._log.append(change)
        news, self._news = self._news, asyncio.Event()
        news.set()
        for listener in self._listeners:
            listener(change)


def _owners(item: Object) -> list[str]:
    return [reference["uid"] for reference in item["metadata"].get("ownerReferences") or []]
