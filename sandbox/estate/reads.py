"""Lists and single objects, as JSON or as the tables that `kubectl` prints, and pods' logs."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.estate import logs, scales, tables
from sandbox.estate.resources import LOG, SCALE, Resource
from sandbox.estate.routing import Call
from sandbox.estate.selectors import Predicate, by_fields, by_labels
from sandbox.estate.statuses import bad_request, not_found
from sandbox.estate.store import Store
from sandbox.estate.values import Object

_TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105  # the version of a continue token


class Reads:
    """What can be read of the cluster's objects."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, call: Call, query: Mapping[str, str], accept: str) -> Object:
        """Return the selected objects, or as many as were asked for at once."""
        selected = selection(call.resource, query)
        limit = _number(query.get("limit", ""))
        _check_version(query.get("resourceVersion", ""))
        begin = _begin(query["continue"]) if query.get("continue") else ""
        items = [item for item in self._store.list(call.resource, call.namespace) if selected(item)]
        rest = [item for item in items if _key(item) >= begin]
        page = rest[:limit] if limit > 0 else rest
        meta: Object = {"resourceVersion": str(self._store.version)}
        if call.resource.custom:
            meta["continue"] = ""
        if len(page) < len(rest):
            meta["continue"] = _token(self._store.version, _key(page[-1]))
            meta["remainingItemCount"] = len(rest) - len(page)
        if tables.wanted(accept):
            return tables.table(call.resource, page, str(self._store.version))
        return {
            "kind": f"{call.resource.kind}List",
            "apiVersion": call.resource.api_version,
            "metadata": meta,
            "items": [_listed(call.resource, item) for item in page],
        }

    def found(self, call: Call) -> Object:
        """Return the object that a call names; refuse if there is none."""
        item = self._store.get(call.resource, call.namespace, call.name)
        if item is None:
            raise not_found(call.resource, call.name)
        return item

    def get(self, call: Call, request: web.Request) -> web.Response:
        """Return one object, its Scale, or a pod's log."""
        item = self.found(call)
        if call.subresource == LOG:
            return web.Response(text=logs.log(item, request.query))
        if tables.wanted(request.headers.get("Accept", "")):
            version = item["metadata"]["resourceVersion"]
            return web.json_response(tables.table(call.resource, [item], version))
        return web.json_response(view(call, item))


def view(call: Call, item: Object) -> Object:
    """Return an object as this request sees it: in its version, or as a Scale."""
    if call.subresource == SCALE:
        return item if item["kind"] == "Scale" else scales.view(item)
    return _versioned(call.resource, item)


def selection(resource: Resource, query: Mapping[str, str]) -> Predicate:
    """Return a test for the objects that a list or watch asks for."""
    labels = by_labels(query.get("labelSelector", ""))
    fields = by_fields(resource, query.get("fieldSelector", ""))
    return lambda item: labels(item) and fields(item)


def _versioned(resource: Resource, item: Object) -> Object:
    return {"kind": resource.kind, "apiVersion": resource.api_version} | {
        key: value for key, value in item.items() if key not in ("kind", "apiVersion")
    }


def _listed(resource: Resource, item: Object) -> Object:
    """Return an object as an item of a list; only custom ones name their kind there."""
    seen = _versioned(resource, item)
    if not resource.custom:
        del seen["kind"], seen["apiVersion"]
    return seen


def _key(item: Object) -> str:
    meta = item["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"


def _number(text: str) -> int:
    try:
        return int(text or 0)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _check_version(text: str) -> None:
    if text and not text.isdigit():
        problem = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(
            f'invalid resource version: resourceVersion: Invalid value: "{text}": {problem}'
        )


def _token(version: int, last: str) -> str:
    token = {"v": _TOKEN_VERSION, "rv": version, "start": f"{last}\0"}
    text = json.dumps(token, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _begin(token: str) -> str:
    try:
        padded = token + "=" * (-len(token) % 4)
        found: Any = json.loads(base64.urlsafe_b64decode(padded))
        return str(found["start"])
    except (ValueError, KeyError, TypeError):
        problem = "continue key is not valid: invalid character 'i' looking for beginning of value"
        raise bad_request(f"invalid continue token: {problem}") from None
