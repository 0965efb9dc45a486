"""What the API server checks and fills in before an object is stored."""

from __future__ import annotations

import re

from sandbox.estate.resources import DEPLOYMENTS, Resource
from sandbox.estate.selectors import matches
from sandbox.estate.statuses import bad_request, conflict, invalid
from sandbox.estate.values import Object, without_nulls

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_SERVER_FIELDS = ("uid", "creationTimestamp", "generation", "managedFields", "selfLink")


def new_object(resource: Resource, namespace: str, item: Object) -> Object:
    """Check an object that a client creates, and complete it."""
    item = dict(without_nulls(item))
    meta = item.setdefault("metadata", {})
    name = meta.get("name", "")
    if item.get("kind", resource.kind) != resource.kind:
        raise bad_request(f"the object provided is of kind {item['kind']}, not {resource.kind}")
    if not name or not _NAME.fullmatch(name):
        raise invalid(resource, name, "metadata.name", f'Invalid value: "{name}"')
    if meta.setdefault("namespace", namespace) != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if not resource.namespaced:
        del meta["namespace"]
    if "spec" in item:
        meta["generation"] = 1
        item.setdefault("status", {})
    _check_spec(resource, item)
    return item


def changed_object(resource: Resource, old: Object, new: Object) -> Object:
    """Check an object that a client changes, and keep what only the server may set."""
    new = dict(without_nulls(new))
    before, meta = old["metadata"], new.setdefault("metadata", {})
    name = before["name"]
    if meta.get("name", name) != name:
        raise bad_request("the name of the object does not match the name on the URL")
    version = meta.get("resourceVersion")
    if version and version != before["resourceVersion"]:
        raise conflict(resource, name)
    meta |= {key: before[key] for key in ("name", "namespace") if key in before}
    meta |= {key: before[key] for key in _SERVER_FIELDS if key in before}
    if "status" in old:
        new["status"] = old["status"]
    _check_spec(resource, new)
    if resource == DEPLOYMENTS and new["spec"]["selector"] != old["spec"]["selector"]:
        raise invalid(resource, name, "spec.selector", "field is immutable")
    if new.get("spec") != old.get("spec"):
        meta["generation"] = int(before.get("generation", 1)) + 1
    return new


def _check_spec(resource: Resource, item: Object) -> None:
    if not resource.scalable:
        return
    name, spec = item["metadata"]["name"], item.get("spec") or {}
    replicas = spec.setdefault("replicas", 1)
    if not isinstance(replicas, int):
        raise bad_request(f"{resource.kind}.spec.replicas: expected int32, got {replicas!r}")
    if replicas < 0:
        problem = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid(resource, name, "spec.replicas", problem)
    template = spec.get("template") or {}
    if not (template.get("spec") or {}).get("containers"):
        raise invalid(resource, name, "spec.template.spec.containers", "Required value")
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not matches(labels, spec.get("selector") or {}):
        problem = f"Invalid value: {labels}: `selector` does not match template `labels`"
        raise invalid(resource, name, "spec.template.metadata.labels", problem)
