"""The Kubernetes API over HTTP: what `kubectl`, `helm` and the client library call.

Mounted by `server` under `/kubernetes`; shapes, codes and messages follow the real server.
"""

from __future__ import annotations

import json
from dataclasses import replace

from aiohttp import web

from sandbox.estate import aggregated, commands, discovery
from sandbox.estate.access import TOKEN, Access
from sandbox.estate.cluster import Cluster
from sandbox.estate.options import delete_options, require_manager, write_options
from sandbox.estate.patching import APPLY_PATCH
from sandbox.estate.reads import Reads, selection, view
from sandbox.estate.resources import ACCESS_REVIEWS, EXEC
from sandbox.estate.routing import Call, NoSuchPathError, parse
from sandbox.estate.statuses import (
    ApiStatusError,
    bad_request,
    unauthorized,
    unsupported_media_type,
)
from sandbox.estate.values import Object
from sandbox.estate.watches import watch
from sandbox.estate.writes import Writes

_BY_HAND = ("kubectl", "helm", "go-http-client")
_DEPRECATED = {
    "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
}


class KubernetesApi:
    """One HTTP handler for every path of the API server."""

    def __init__(self, cluster: Cluster, access: Access) -> None:
        self._cluster = cluster
        self._store = cluster.store
        self._reads = Reads(cluster.store)
        self._access = access

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            return await self._answer(request)
        except ApiStatusError as error:
            return web.json_response(error.body(), status=error.code)
        except NoSuchPathError:
            return web.Response(status=404, text="404 page not found\n")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if path.strip("/") in ("livez", "readyz", "healthz"):
            return web.Response(text="ok")
        _authenticate(request)
        groups = aggregated.answer(path, request.headers.get("Accept", ""))
        if groups is not None:
            headers = {"Content-Type": aggregated.CONTENT_TYPE}
            return web.Response(text=json.dumps(groups), headers=headers)
        document = discovery.answer(path) if request.method == "GET" else None
        if document is not None:
            return web.json_response(document)
        call = parse(request.method, path, request.query)
        self._access.check(call)
        match call.verb:
            case "watch":
                selected = selection(call.resource, request.query)
                return await watch(request, self._store, call, selected)
            case "list":
                accept = request.headers.get("Accept", "")
                return _answered(call, self._reads.list(call, request.query, accept))
            case "get" if call.subresource == EXEC:
                self._access.check(replace(call, verb="create"))  # servers since 1.35 ask for both
                return await commands.run(self._reads.found(call), request)
            case "get":
                return _warned(self._reads.get(call, request), _deprecation(call))
            case "delete" | "deletecollection":
                return await self._delete(request, call)
            case _:
                return await self._write(request, call)

    async def _delete(self, request: web.Request, call: Call) -> web.Response:
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            body = {}  # protobuf: only programs that also put their options into the query send it
        options = delete_options(request.query, body)
        if call.verb == "deletecollection":
            selected = selection(call.resource, request.query)
            return _answered(call, self._cluster.deletions.delete_all(call, options, selected))
        deleted = self._cluster.deletions.delete(call, options)
        return _warned(_answered(call, deleted.answer), deleted.warnings)

    async def _write(self, request: web.Request, call: Call) -> web.Response:
        data, kind = await request.read(), request.content_type
        if kind.endswith("protobuf"):
            raise unsupported_media_type()
        names = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
        agent = request.headers.get("User-Agent", "")
        if call.verb == "patch" and kind == APPLY_PATCH:
            require_manager(request.query)
        options = write_options(request.query, agent, names[call.verb])
        if call.resource == ACCESS_REVIEWS:
            return web.json_response(
                self._access.review(_object(data), options.manager), status=201
            )
        writes = Writes(self._store, self._cluster.registry)
        there = call.name and self._store.get(call.resource, call.namespace, call.name)
        match call.verb:
            case "create":
                item = writes.create(call, data, options)
            case "update":
                item = writes.replace(call, data, options)
            case _:
                item = writes.patch(call, data, kind, options)
        answer = web.json_response(view(call, item), status=200 if there else 201)
        return _warned(answer, writes.warnings)


def _authenticate(request: web.Request) -> None:
    """Refuse a missing or wrong token.

    `kubectl` and the real `helm` never send a token over plain HTTP, so a person who looks
    around with them is let in without one; every other client needs it.
    """
    sent = request.headers.get("Authorization")
    agent = request.headers.get("User-Agent", "").lower()
    if sent != f"Bearer {TOKEN}" and not (sent is None and agent.startswith(_BY_HAND)):
        raise unauthorized()


def _object(data: bytes) -> Object:
    try:
        body = json.loads(data or b"{}")
    except ValueError as error:
        raise bad_request(f"error decoding the body: {error}") from None
    if not isinstance(body, dict):
        raise bad_request("the body must be an object")
    return body


def _deprecation(call: Call) -> list[str]:
    text = _DEPRECATED.get(call.resource.qualified)
    return [text] if text else []


def _answered(call: Call, document: Object) -> web.Response:
    return _warned(web.json_response(document), _deprecation(call))


def _warned(response: web.Response, warnings: list[str]) -> web.Response:
    for text in warnings:
        response.headers.add("Warning", f"299 - {json.dumps(text)}")
    return response
