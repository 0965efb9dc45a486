"""The Kubernetes API subset over HTTP: what `kubectl`, `helm` and the client library call.

Mounted by `server` under `/kubernetes`; shapes, codes and messages follow the real server.
"""

from __future__ import annotations

import json

from aiohttp import web

from sandbox.estate import discovery, scales, tables
from sandbox.estate.access import TOKEN, Access
from sandbox.estate.admission import changed_object, new_object
from sandbox.estate.cluster import Cluster
from sandbox.estate.patches import json_patch, merge_patch, strategic_merge
from sandbox.estate.resources import ACCESS_REVIEWS, NAMESPACES, PODS
from sandbox.estate.routing import Call, parse
from sandbox.estate.selectors import Predicate, by_fields, by_labels
from sandbox.estate.statuses import (
    ApiStatusError,
    already_exists,
    bad_request,
    method_not_allowed,
    no_such_path,
    not_found,
    unauthorized,
    unsupported_patch,
)
from sandbox.estate.values import Object, clone
from sandbox.estate.watches import watch


class KubernetesApi:
    """One HTTP handler for every path of the API server."""

    def __init__(self, cluster: Cluster, access: Access) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._access = access

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            return await self._answer(request)
        except ApiStatusError as error:
            return web.json_response(error.body(), status=error.code)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if path.strip("/") in ("livez", "readyz", "healthz"):
            return web.Response(text="ok")
        _authenticate(request)
        document = discovery.answer(path) if request.method == "GET" else None
        if document is not None:
            return web.json_response(document)
        call = parse(request.method, path, request.query)
        self._access.check(call)
        match call.verb:
            case "list":
                return self._list(request, call)
            case "watch":
                return await watch(request, self._store, call, _selection(request))
            case "get":
                return self._get(request, call)
            case "delete":
                return self._delete(call, dry=_is_dry(request))
            case _:
                return await self._write(request, call)

    def _list(self, request: web.Request, call: Call) -> web.Response:
        selected = _selection(request)
        items = [item for item in self._store.list(call.resource, call.namespace) if selected(item)]
        version = str(self._store.version)
        if tables.wanted(request.headers.get("Accept", "")):
            return web.json_response(tables.table(call.resource, items, version))
        return web.json_response(
            {
                "kind": f"{call.resource.kind}List",
                "apiVersion": call.resource.api_version,
                "metadata": {"resourceVersion": version},
                "items": items,
            }
        )

    def _get(self, request: web.Request, call: Call) -> web.Response:
        item = self._find(call)
        if call.subresource == "log" and call.resource == PODS:
            return web.Response(text=_log(item))
        if tables.wanted(request.headers.get("Accept", "")):
            version = item["metadata"]["resourceVersion"]
            return web.json_response(tables.table(call.resource, [item], version))
        return web.json_response(self._view(call, item))

    def _delete(self, call: Call, *, dry: bool) -> web.Response:
        item = self._find(call)
        if call.subresource:
            raise method_not_allowed()
        if call.resource == PODS:
            if not dry:
                self._cluster.kubelet.terminate(call.namespace, call.name)
            return web.json_response(self._store.get(PODS, call.namespace, call.name))
        if not dry:
            self._store.delete(call.resource, call.namespace, call.name)
        details: Object = {
            "name": call.name,
            "kind": call.resource.plural,
            "uid": item["metadata"]["uid"],
        }
        if call.resource.group:
            details["group"] = call.resource.group
        success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return web.json_response(success | {"details": details})

    async def _write(self, request: web.Request, call: Call) -> web.Response:
        body = await _body(request)
        if call.resource == ACCESS_REVIEWS:
            return web.json_response(self._access.review(_object(body)), status=201)
        if call.verb == "create":
            item = self._create(call, _object(body), dry=_is_dry(request))
            return web.json_response(item, status=201)
        item = self._find(call)
        if call.verb == "patch":
            changed = _patched(self._view(call, item), body, request.content_type)
        else:
            changed = _object(body)
        if call.subresource == "scale":
            changed = scales.apply(item, changed)
        checked = changed_object(call.resource, item, changed)
        if not _is_dry(request) and _differs(item, checked):
            checked = self._store.put(call.resource, checked)
        return web.json_response(self._view(call, checked))

    def _create(self, call: Call, body: Object, *, dry: bool) -> Object:
        if call.name:
            raise method_not_allowed()
        if call.resource.namespaced and not self._store.get(NAMESPACES, "", call.namespace):
            raise not_found(NAMESPACES, call.namespace)
        item = new_object(call.resource, call.namespace, body)
        name = item["metadata"]["name"]
        if self._store.get(call.resource, call.namespace, name):
            raise already_exists(call.resource, name)
        return item if dry else self._store.put(call.resource, item)

    def _find(self, call: Call) -> Object:
        item = self._store.get(call.resource, call.namespace, call.name)
        if item is None:
            raise not_found(call.resource, call.name)
        known = {"": True, "status": True, "log": call.resource == PODS}
        if not known.get(call.subresource, call.subresource == "scale" and call.resource.scalable):
            raise no_such_path()
        return item

    def _view(self, call: Call, item: Object) -> Object:
        return scales.view(item) if call.subresource == "scale" else item


def _authenticate(request: web.Request) -> None:
    """Refuse a missing or wrong token.

    `kubectl` and the real `helm` never send a token over plain HTTP, so a person who looks
    around with them is let in without one; every other client needs it.
    """
    sent = request.headers.get("Authorization")
    agent = request.headers.get("User-Agent", "").lower()
    by_hand = agent.startswith(("kubectl", "helm", "go-http-client"))
    if sent != f"Bearer {TOKEN}" and not (sent is None and by_hand):
        raise unauthorized()


def _selection(request: web.Request) -> Predicate:
    labels = by_labels(request.query.get("labelSelector", ""))
    fields = by_fields(request.query.get("fieldSelector", ""))
    return lambda item: labels(item) and fields(item)


def _is_dry(request: web.Request) -> bool:
    return request.query.get("dryRun") == "All"


async def _body(request: web.Request) -> object:
    if request.content_type.endswith(("protobuf", "yaml")):
        raise unsupported_patch(request.content_type)
    try:
        return json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise bad_request(f"error decoding the body: {error}") from None


def _object(body: object) -> Object:
    if not isinstance(body, dict):
        raise bad_request("the body must be an object")
    return body


def _patched(target: Object, patch: object, content_type: str) -> Object:
    if content_type == "application/json-patch+json":
        if not isinstance(patch, list):
            raise bad_request("a JSON patch is a list of operations")
        return json_patch(target, patch)
    if content_type == "application/merge-patch+json":
        return dict(merge_patch(clone(target), _object(patch)))
    if content_type == "application/strategic-merge-patch+json":
        return strategic_merge(clone(target), _object(patch))
    raise unsupported_patch(content_type)


def _differs(old: Object, new: Object) -> bool:
    """Tell whether a write changes anything; if not, the real server keeps the version too."""
    before, after = clone(old), clone(new)
    before["metadata"].pop("resourceVersion", None)
    after["metadata"].pop("resourceVersion", None)
    return {key: before[key] for key in before if key not in ("kind", "apiVersion")} != {
        key: after[key] for key in after if key not in ("kind", "apiVersion")
    }


def _log(pod: Object) -> str:
    image = pod["spec"]["containers"][0]["image"]
    return f"starting {image}\nlistening on :8080\n"
