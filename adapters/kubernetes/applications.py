"""Objects of a manifest, applied by the server one by one, and brought back.

Called by `apply_manifest`.  An object that is there is written under its UID and resource version,
one that is not only where there is still none.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.kubernetes import differences, json_patches, owners, sealing
from adapters.kubernetes.cluster import Cluster, Patch
from adapters.kubernetes.differences import Difference
from adapters.kubernetes.errors import NotFoundError
from adapters.kubernetes.manifests import Item
from adapters.kubernetes.resources import SECRETS, Resource
from adapters.values import listed
from flows.actions import JsonObject, PermanentError, TransientError, Vault

NO_SCHEMA = re.compile(r"failed to create typed patch object|field not declared in schema")
NEVER_WRITTEN = "1"
"""A resource version that no object has: an apply under it only creates."""
Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is there now (None: nothing), and what would be after the manifest is applied."""

    item: Item
    now: Object | None = field(repr=False)
    then: Object = field(repr=False)
    differences: tuple[Difference, ...] = field(repr=False)

    @property
    def in_place(self) -> bool:
        """Say whether applying it would change nothing."""
        return self.now is not None and not self.differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What was there before, as the capture holds it; `uid` is empty where nothing was.

    `owners` are the entries of `managedFields`: names of fields, no values.
    """

    resource: Resource
    name: str
    uid: str
    differences: tuple[Difference, ...] = field(repr=False)
    owners: tuple[Object, ...] = field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it from the others: the resource and the name."""
        return self.resource.named, self.name

    def __str__(self) -> str:
        """Write the object as people name it."""
        return f"{self.resource.kind}/{self.name}"


async def drafts(
    cluster: Cluster, items: Iterable[Item], *, force: bool, mark: str
) -> tuple[Draft, ...]:
    """Try all objects without effect, side by side."""
    return tuple(await asyncio.gather(*(_draft(cluster, each, force, mark) for each in items)))


async def _draft(cluster: Cluster, item: Item, force: bool, mark: str) -> Draft:
    now = await cluster.find(item.resource, item.name)
    then = await send(cluster, item, _body(item, mark), force=force, dry_run=True)
    return Draft(
        item=item,
        now=now,
        then=then,
        differences=differences.between(now, then) if now else (),
    )


async def apply(cluster: Cluster, draft: Draft, *, force: bool, mark: str) -> None:
    """Write one object as it was drafted; raise `ConflictError` where it changed since."""
    body, now = _body(draft.item, mark), draft.now
    body["metadata"] |= (
        {
            "uid": now["metadata"].get("uid"),
            "resourceVersion": now["metadata"].get("resourceVersion"),
        }
        if now
        else {"resourceVersion": NEVER_WRITTEN}
    )
    await send(cluster, draft.item, body, force=force)


def _body(item: Item, mark: str) -> Object:
    metadata = item.body["metadata"]
    annotations = {**(metadata.get("annotations") or {}), differences.MARK: mark}
    return {**item.body, "metadata": {**metadata, "annotations": annotations}}


async def send(
    cluster: Cluster, item: Item, body: Object, *, force: bool, dry_run: bool = False
) -> Object:
    """Have the server apply an object; its refusals in words that fit a manifest."""
    try:
        return await cluster.patch(
            item.resource, item.name, body, kind=Patch.APPLY, force=force, dry_run=dry_run
        )
    except NotFoundError as error:
        raise PermanentError(
            f"The cluster can't apply {item}: it has no {item.resource.kind} of "
            f"{item.resource.version}, or no namespace {cluster.namespace}. {error}"
        ) from error
    except TransientError as error:
        if not NO_SCHEMA.search(str(error)):
            raise
        # The server says 500 to a misspelt field of an apply; trying again will not help.
        raise PermanentError(f"{item} does not fit its kind: {error}") from error


def marked(found: Object) -> str:
    """Return which step applied an object; empty where none did."""
    return str((found["metadata"].get("annotations") or {}).get(differences.MARK, ""))


def record(draft: Draft, vault: Vault) -> JsonObject:
    """Return what `undo` needs to know of an object; sealed where it may be secret."""
    resource = draft.item.resource
    secret = any(is_secret(draft, each) for each in draft.differences)
    found = [each.plain() for each in draft.differences]
    return {
        "base": resource.base,
        "plural": resource.plural,
        "kind": resource.kind,
        "namespaced": resource.namespaced,
        "name": draft.item.name,
        "uid": draft.now["metadata"].get("uid", "") if draft.now else "",
        "differences": sealing.keep(vault, found, secret=secret),
        "owners": owners.others(draft.now) if draft.differences else [],
    }


def recorded(captured: JsonObject, vault: Vault) -> tuple[Record, ...]:
    """Read the records of a capture back, in the manifest's order."""
    return tuple(
        Record(
            resource=Resource(
                base=each["base"],
                plural=each["plural"],
                kind=each["kind"],
                namespaced=each["namespaced"],
            ),
            name=each["name"],
            uid=each["uid"],
            differences=tuple(
                Difference.recorded(one) for one in sealing.recall(vault, each["differences"])
            ),
            owners=tuple(each["owners"]),
        )
        for each in captured.get("objects") or ()
    )


def is_secret(draft: Draft, difference: Difference) -> bool:
    """Say whether one of the two values of a field may be secret."""
    if draft.item.resource.named == SECRETS.named:
        return True
    name = differences.named(difference.path, draft.then, draft.now)
    states = (difference.before, difference.after)
    return any(_holds_secret(name, each) for each in states if each is not differences.ABSENT)


def _holds_secret(name: str, value: Any) -> bool:
    if isinstance(value, Mapping):
        own = value.get("name") if isinstance(value.get("name"), str) else None
        return any(
            _holds_secret(own if own and key == "value" else str(key), each)
            for key, each in value.items()
        )
    if isinstance(value, list):
        return any(_holds_secret(name, each) for each in value)
    return isinstance(value, str) and sealing.is_secret(name, value)


async def restore(cluster: Cluster, before: Record) -> bool:
    """Bring the fields of an object back, and give up owning them; say whether any had to be.

    Raises `PermanentError` where somebody else changed one of them since, or the object is another
    one; `ConflictError` where it changes at this moment.
    """
    if not before.differences:
        return False
    found = await cluster.find(before.resource, before.name)
    refuse_foreign(before, found)
    assert found is not None
    operations = differences.way_back(found, before.differences)
    if marked(found):
        operations.append(json_patches.remove(("metadata", "annotations", differences.MARK)))
    if operations:
        found = await cluster.patch(
            before.resource, before.name, [_unchanged(found), *operations], kind=Patch.JSON
        )
        if differences.way_back(found, before.differences):
            raise PermanentError(
                f"{before} did not become what it was: an admission webhook of the cluster writes "
                "it otherwise. Put it right by hand."
            )
    await _disown(cluster, before, found)
    return bool(operations)


def refuse_stale(before: Record, draft: Draft) -> None:
    """Raise `PermanentError` where applying it would change what the record does not hold."""
    refuse_foreign(before, draft.now)
    known = {each.path for each in before.differences}
    if others := [each for each in draft.differences if each.path not in known]:
        fields = listed(differences.shown(each.path, draft.then, draft.now) for each in others)
        raise PermanentError(
            f"{before} was changed by somebody else just now ({fields}), so that undo would not "
            "know what it was: it is left as it is. Make a new plan."
        )


def refuse_foreign(before: Record, found: Object | None) -> None:
    """Raise `PermanentError` where an object is no longer one that only this step changed."""
    if found is None or found["metadata"].get("uid") != before.uid:
        raise PermanentError(
            f"{before} is not the object any more that this step changed: somebody deleted or "
            "replaced it. Put it right by hand."
        )
    if others := differences.foreign(found, before.differences):
        fields = listed(differences.shown(each.path, found) for each in others)
        raise PermanentError(
            f"{before} was changed by somebody else since ({fields}): what is there is neither "
            "what this step wrote nor what was there before, so it is left as it is."
        )


def _unchanged(found: Object) -> Object:
    """Return the operation under which a patch is refused where the object changed meanwhile."""
    version = found["metadata"].get("resourceVersion")
    return json_patches.replace(("metadata", "resourceVersion"), version)


async def _disown(cluster: Cluster, before: Record, found: Object) -> None:
    """Give the fields back to whom they belonged, so that their next apply meets no conflict."""
    wanted = owners.given_back(found, before.owners)
    if wanted is None:
        return
    entry = json_patches.replace(("metadata", "managedFields"), wanted)
    await cluster.patch(before.resource, before.name, [_unchanged(found), entry], kind=Patch.JSON)


async def remove(cluster: Cluster, before: Record, mark: str) -> bool:
    """Delete an object that this step made; say whether it was still there.

    Raises `PermanentError` for one of its name that somebody else made.
    """
    found = await cluster.find(before.resource, before.name)
    if found is None or found["metadata"].get("deletionTimestamp"):
        return False
    if marked(found) != mark:
        raise PermanentError(
            f"{before} is there, but this step did not make it, so it is left: see whose it is."
        )
    await cluster.delete(before.resource, before.name, uid=found["metadata"]["uid"])
    return True
