"""A small JSON client of the Kubernetes API: one namespace of one cluster.

`connections.connect` makes it.  Answers are the JSON that the API server sent, failures are action
errors; objects are never turned into models, so that what is written back is what was read.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from adapters.kubernetes import errors
from adapters.kubernetes.resources import REVIEWS, Resource
from flows.actions import Permission

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
PAGE = 500
MANAGER = "backout"
"""The field manager that changes are written under."""
CHANNELS = "v4.channel.k8s.io"
"""How a websocket carries the output of a command."""

Object = dict[str, Any]


class Patch(StrEnum):
    """Ways to patch, by their content types."""

    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    JSON = "application/json-patch+json"
    APPLY = "application/apply-patch+yaml"


class Link(Protocol):
    """A logged-in API client, and the transport whose errors it raises through."""

    api: Any
    transport: Any

    @property
    def server(self) -> str:
        """Return the API server's address."""
        ...

    async def refresh(self) -> None:
        """Renew a token that is nearly over."""
        ...


class Cluster:
    """One namespace of one cluster."""

    def __init__(self, link: Link, namespace: str) -> None:
        self._link = link
        self.namespace = namespace

    @property
    def server(self) -> str:
        """Return the API server's address."""
        return self._link.server

    async def items(self, resource: Resource, *, labels: str = "") -> list[Object]:
        """Return every object of a kind in the namespace, page by page."""
        found: list[Object] = []
        query: dict[str, str] = {"limit": str(PAGE)}
        if labels:
            query["labelSelector"] = labels
        while True:
            page = await self.call("GET", "list", resource, query=query)
            found.extend(page.get("items") or ())
            query["continue"] = (page.get("metadata") or {}).get("continue") or ""
            if not query["continue"]:
                return found

    async def read(self, resource: Resource, name: str, *, sub: str = "") -> Object:
        """Return one object (or its subresource); raise `NotFoundError`."""
        return await self.call("GET", "get", resource, name, sub=sub)

    async def find(self, resource: Resource, name: str) -> Object | None:
        """Return one object, or None where it is not there."""
        try:
            return await self.read(resource, name)
        except errors.NotFoundError:
            return None

    async def create(self, resource: Resource, body: Object, *, dry_run: bool = False) -> Object:
        """Create an object; raise `ExistsError` where its name is taken."""
        return await self.call("POST", "create", resource, body=body, dry_run=dry_run)

    async def patch(  # noqa: PLR0913 - they are the ways of the API
        self,
        resource: Resource,
        name: str,
        body: Any,
        *,
        kind: Patch = Patch.MERGE,
        sub: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Patch one object (or its subresource).

        A JSON patch whose `test` fails raises `ChangedError`; `force` takes fields over that
        another manager applied, for server-side apply.
        """
        query = {"force": "true"} if force else {}
        return await self.call(
            "PATCH",
            "patch",
            resource,
            name,
            sub=sub,
            body=body,
            kind=kind,
            query=query,
            dry_run=dry_run,
        )

    async def put(
        self, resource: Resource, name: str, body: Any, *, sub: str = "", dry_run: bool = False
    ) -> Object:
        """Replace one object (or its subresource), under the resource version in the body."""
        return await self.call("PUT", "update", resource, name, sub=sub, body=body, dry_run=dry_run)

    async def delete(
        self, resource: Resource, name: str, *, uid: str = "", dry_run: bool = False
    ) -> None:
        """Delete one object and, in the background, what it owns; raise `NotFoundError`.

        With `uid` only this very object is deleted; another of its name raises `ConflictError`.
        """
        body: Object = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        await self.call("DELETE", "delete", resource, name, body=body, dry_run=dry_run)

    async def review(self, body: Any) -> Object:
        """Ask the API server about an access; nothing is stored."""
        return await self.call("POST", "create", REVIEWS, body=body)

    async def text(self, resource: Resource, name: str, sub: str, query: Mapping[str, str]) -> str:
        """Return a subresource that is text."""
        return (await self.raw(resource, name, sub, query)).decode(errors="replace")

    async def raw(self, resource: Resource, name: str, sub: str, query: Mapping[str, str]) -> bytes:
        """Return a subresource as it comes, such as a pod's log."""
        call = self._call("GET", "get", resource, name, sub=sub)
        return await self._send(call, self._path(resource, name, sub, query), None, accept="*/*")

    @asynccontextmanager
    async def dial(
        self, resource: Resource, name: str, sub: str, query: Sequence[tuple[str, str]]
    ) -> AsyncIterator[Any]:
        """Open a websocket of `aiohttp` to a subresource, such as a command in a pod.

        Raises what a read raises, also where the connection breaks while it is used.
        """
        call = self._call("GET", "get", resource, name, sub=sub)
        await self._link.refresh()
        api, aiohttp = self._link.api, self._link.transport
        path = self._path(resource, name, sub, query)
        _, url, headers, *_ = await api.param_serialize("GET", path, auth_settings=["BearerToken"])
        rest = api.rest_client
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                socket = await rest.pool_manager.ws_connect(
                    url, headers=headers, protocols=(CHANNELS,), proxy=rest.proxy
                )
            async with socket:
                yield socket
        except aiohttp.WSServerHandshakeError as error:
            said = json.dumps({"message": error.message}).encode()
            raise errors.from_answer(call, error.status, error.headers or {}, said) from error
        except aiohttp.ClientConnectorError as error:
            raise errors.from_failure(call, error, server=self.server, sent=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.from_failure(call, error, server=self.server, sent=True) from error

    async def call(  # noqa: PLR0913 - one place knows how a request is built
        self,
        method: str,
        verb: str,
        resource: Resource,
        name: str = "",
        *,
        sub: str = "",
        query: Mapping[str, str] | None = None,
        body: Any = None,
        kind: Patch = Patch.MERGE,
        dry_run: bool = False,
    ) -> Object:
        """Send one request and return its JSON."""
        call = self._call(method, verb, resource, name, sub=sub, dry_run=dry_run)
        asked = {k: v for k, v in (query or {}).items() if v}
        if dry_run:
            asked["dryRun"] = "All"
        if call.manages:
            asked["fieldManager"] = MANAGER
        content = str(kind) if method == "PATCH" else "application/json"
        data = await self._send(call, self._path(resource, name, sub, asked), body, content=content)
        return _parsed(call, data, self.server)

    def _call(
        self,
        method: str,
        verb: str,
        resource: Resource,
        name: str,
        *,
        sub: str = "",
        dry_run: bool = False,
    ) -> errors.Call:
        right = f"{resource.named}/{sub}" if sub else resource.named
        scope = self.namespace if resource.namespaced else ""
        return errors.Call(
            method=method,
            permission=Permission(kind="kubernetes", verb=verb, resource=right, scope=scope),
            name=name,
            probe=dry_run or resource is REVIEWS,
            manages=method in ("POST", "PUT", "PATCH") and resource is not REVIEWS,
        )

    def _path(
        self,
        resource: Resource,
        name: str,
        sub: str,
        query: Mapping[str, str] | Sequence[tuple[str, str]],
    ) -> str:
        scope = f"/namespaces/{quote(self.namespace)}" if resource.namespaced else ""
        tail = "".join(f"/{quote(part)}" for part in (name, sub) if part)
        path = f"{resource.base}{scope}/{resource.plural}{tail}"
        return f"{path}?{urlencode(query)}" if query else path

    async def _send(
        self,
        call: errors.Call,
        path: str,
        body: Any,
        *,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> bytes:
        await self._link.refresh()
        api, aiohttp = self._link.api, self._link.transport
        method, url, headers, body, _ = await api.param_serialize(
            call.method,
            path,
            header_params={"Accept": accept, "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
        )
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
        try:
            answer = await api.call_api(
                method, url, header_params=headers, body=body, _request_timeout=timeout
            )
            data: bytes = await answer.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise errors.from_failure(call, error, server=self.server, sent=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.from_failure(call, error, server=self.server, sent=True) from error
        if answer.status >= 400:
            raise errors.from_answer(call, answer.status, answer.headers, data)
        return data


def _parsed(call: errors.Call, data: bytes, server: str) -> Object:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise errors.from_failure(call, error, server=server, sent=True) from error
    return found if isinstance(found, dict) else {}
