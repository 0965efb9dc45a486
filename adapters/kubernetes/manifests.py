"""Manifests that a step applies: where they come from, and what may stand in them.

Called by `apply_manifest`.  Asks nothing of the cluster, so that the rights are known without one.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import Field

from adapters import files
from adapters.kubernetes import documents, kinds
from adapters.kubernetes.resources import Resource
from config.models.base import Model
from config.models.systems import System
from flows.actions import ANY, PermanentError

MOST = 100
SCHEME = "sha256:"
NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.:]*")
"""Names as objects may have them: RBAC takes colons, and nobody a slash."""
Object = dict[str, Any]


class KindOfObjects(Model):
    """A kind that not every cluster has, or that is not known before the step runs."""

    kind: str = Field(pattern=r"^[A-Z][A-Za-z0-9]*$", description="E.g. `VirtualService`.")
    resource: str = Field(
        pattern=r"^[a-z][a-z0-9]*(?:\.[a-z0-9][-a-z0-9.]*)?$",
        description="As `kubectl api-resources` names it: `virtualservices.networking.istio.io`.",
    )
    cluster_scoped: bool = Field(default=False, description="It is in no namespace.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One object of a manifest, and where its kind is in the API."""

    resource: Resource
    body: Object = field(repr=False)

    @property
    def name(self) -> str:
        """Return the object's name."""
        return str(self.body["metadata"]["name"])

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it from the others: the resource and the name."""
        return self.resource.named, self.name

    def __str__(self) -> str:
        """Write it as people name it: `Deployment/maintenance`."""
        return kinds.named(self.body)


def from_file(system: System, reference: str, digest: str) -> list[Object]:
    """Read a file of the system; raise `PermanentError` where it is another one than pinned."""
    content = files.read(system, reference)
    found = hashlib.sha256(content).hexdigest()
    if found != digest.removeprefix(SCHEME):
        raise PermanentError(
            f"{reference} is not the manifest that the procedure pins: its digest is {SCHEME}"
            f"{found}. Read it, then pin this digest; nothing was applied."
        )
    return documents.read(content.decode(errors="replace"), reference)


def digest_of(items: Iterable[Item]) -> str:
    """Return a hash of the objects, whatever they were written in."""
    text = json.dumps([each.body for each in items], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def items(
    objects: Iterable[Object],
    *,
    namespace: str,
    cluster_scoped: bool,
    more: Iterable[KindOfObjects] = (),
) -> tuple[Item, ...]:
    """Return the objects in their order.

    Raises `PermanentError` for one of another namespace, one of the whole cluster unless that is
    allowed, one without a name, a kind that is not known, and for the same object twice.
    """
    hints = {each.kind: each for each in more}
    found: dict[tuple[str, str], Item] = {}
    for body in objects:
        item = Item(resource=_resource(body, hints), body=body)
        _check(item, namespace=namespace, cluster_scoped=cluster_scoped)
        if found.setdefault(item.key, item) is not item:
            raise PermanentError(f"The manifest holds {item} twice: leave one of them.")
    if not found:
        raise PermanentError("The manifest holds no object, so there is nothing to apply.")
    if len(found) > MOST:
        raise PermanentError(
            f"The manifest holds {len(found)} objects; at most {MOST} are applied."
        )
    return tuple(found.values())


def _resource(body: Object, hints: dict[str, KindOfObjects]) -> Resource:
    version, kind = str(body.get("apiVersion") or ""), str(body.get("kind") or "")
    if not version or not kind:
        raise PermanentError("An object of the manifest has no apiVersion or no kind.")
    if found := kinds.known(version, kind):
        return found
    hint = hints.get(kind)
    plural, _, group = hint.resource.partition(".") if hint else ("", "", "")
    if hint is None or group != kinds.group_of(version):
        raise PermanentError(
            f"{kind} of {version} is no kind that every cluster has: name it under `resources`, "
            f"e.g. {{kind: {kind}, resource: {kind.lower()}s.{kinds.group_of(version)}}}."
        )
    return kinds.resource(version, kind, plural=plural, namespaced=not hint.cluster_scoped)


def _check(item: Item, *, namespace: str, cluster_scoped: bool) -> None:
    metadata = item.body.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise PermanentError(f"A {item.resource.kind} of the manifest has no metadata.name.")
    if not NAME.fullmatch(item.name) and item.name != ANY:
        raise PermanentError(f"{item} of the manifest can't have this name: see metadata.name.")
    other = metadata.get("namespace")
    if item.resource.namespaced and other not in (None, namespace):
        raise PermanentError(
            f"{item} is for namespace {other}, but the system is pinned to {namespace}: nothing "
            "is applied anywhere else."
        )
    if not item.resource.namespaced and not cluster_scoped:
        raise PermanentError(
            f"{item} belongs to the whole cluster: allow that with `cluster_scoped: true`, or "
            "leave it out."
        )
