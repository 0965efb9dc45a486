"""The pinned cluster of a system, as one small JSON client.

Called by every Kubernetes action, and by `helm.rollback` for its rights.  One client a
(kubeconfig, context) is shared through `context.clients`.
"""

import asyncio
import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from adapters.kubernetes import errors
from config.models.systems import KubernetesConnection, System
from flows.actions import Context, PermanentError, Permission

IN_CLUSTER = "in-cluster"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
PAGE = 500
LARGEST_ANSWER = 64 * 1024 * 1024
MERGE_PATCH = "application/merge-patch+json"
CORE = "/api/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of objects: where its URLs are, and how rights name it."""

    base: str
    plural: str

    @property
    def named(self) -> str:
        """Return the name that `kubectl auth can-i` takes: `deployments.apps`, `pods`."""
        group = "" if self.base == CORE else self.base.split("/")[2]
        return f"{self.plural}.{group}" if group else self.plural


PODS = Resource(base=CORE, plural="pods")
AUTOSCALERS = Resource(base="/apis/autoscaling/v2", plural="horizontalpodautoscalers")
BUDGETS = Resource(base="/apis/policy/v1", plural="poddisruptionbudgets")
REVIEWS = Resource(base="/apis/authorization.k8s.io/v1", plural="selfsubjectaccessreviews")


def pinned(system: System) -> KubernetesConnection:
    """Return the system's cluster; raise `PermanentError` where it has none."""
    connection = system.connections.kubernetes
    if connection is None:
        raise PermanentError(
            f"{system.title} has no cluster: add connections.kubernetes to its system.yaml."
        )
    return connection


def namespace_of(system: System) -> str:
    """Return the pinned namespace, or nothing: for permissions, which are asked offline."""
    connection = system.connections.kubernetes
    return connection.namespace if connection else ""


class Link:
    """A logged-in API client and how its token is kept fresh."""

    def __init__(self, api: Any, loader: Any) -> None:
        self.api = api
        # The client's own transport raises its errors through, so they are told apart by its names.
        self.transport: Any = importlib.import_module("kubernetes.aio.client.rest").aiohttp
        self._loader = loader

    @property
    def server(self) -> str:
        """Return the API server's address."""
        return str(self.api.configuration.host)

    async def refresh(self) -> None:
        """Ask the kubeconfig's credential command again once its token is nearly over."""
        user = getattr(self._loader, "_user", None)
        if user is not None and "exec" in user:
            await self._loader.load_from_exec_plugin()
            if token := getattr(self._loader, "token", None):
                self.api.configuration.api_key["BearerToken"] = token

    async def close(self) -> None:
        """Close its connections."""
        await self.api.close()


class Cluster:
    """One namespace of one cluster.  Answers are JSON objects, failures action errors."""

    def __init__(self, link: Link, namespace: str) -> None:
        self._link = link
        self.namespace = namespace

    @property
    def server(self) -> str:
        """Return the API server's address."""
        return self._link.server

    async def items(self, resource: Resource, *, labels: str = "") -> list[dict[str, Any]]:
        """Return every object of a kind in the namespace, page by page."""
        found: list[dict[str, Any]] = []
        query: dict[str, str] = {"limit": str(PAGE)}
        if labels:
            query["labelSelector"] = labels
        while True:
            page = await self.call("GET", "list", resource, query=query)
            found.extend(page.get("items") or ())
            query["continue"] = (page.get("metadata") or {}).get("continue") or ""
            if not query["continue"]:
                return found

    async def read(self, resource: Resource, name: str, *, sub: str = "") -> dict[str, Any]:
        """Return one object (or its subresource); raise `NotFoundError`."""
        return await self.call("GET", "get", resource, name, sub=sub)

    async def patch(
        self, resource: Resource, name: str, body: Any, *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Merge-patch one object."""
        return await self.call("PATCH", "patch", resource, name, body=body, dry_run=dry_run)

    async def put(
        self, resource: Resource, name: str, body: Any, *, sub: str = "", dry_run: bool = False
    ) -> dict[str, Any]:
        """Replace one object (or its subresource)."""
        return await self.call("PUT", "update", resource, name, sub=sub, body=body, dry_run=dry_run)

    async def review(self, body: Any) -> dict[str, Any]:
        """Ask the API server about an access; nothing is stored."""
        return await self.call("POST", "create", REVIEWS, body=body, namespaced=False)

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
        dry_run: bool = False,
        namespaced: bool = True,
    ) -> dict[str, Any]:
        """Send one request and return its JSON."""
        right = f"{resource.named}/{sub}" if sub else resource.named
        call = errors.Call(
            method=method,
            permission=Permission(
                kind="kubernetes",
                verb=verb,
                resource=right,
                scope=self.namespace if namespaced else "",
            ),
            name=name,
            probe=dry_run or resource is REVIEWS,
        )
        scope = f"/namespaces/{quote(self.namespace)}" if namespaced else ""
        tail = "".join(f"/{quote(part)}" for part in (name, sub) if part)
        asked = {k: v for k, v in {**(query or {})}.items() if v}
        if dry_run:
            asked["dryRun"] = "All"
        path = f"{resource.base}{scope}/{resource.plural}{tail}"
        return await self._send(call, f"{path}?{urlencode(asked)}" if asked else path, body)

    async def _send(self, call: errors.Call, path: str, body: Any) -> dict[str, Any]:
        await self._link.refresh()
        api, aiohttp = self._link.api, self._link.transport
        patches = call.method == "PATCH"
        headers = {
            "Accept": "application/json",
            "Content-Type": MERGE_PATCH if patches else "application/json",
        }
        method, url, headers, body, _ = await api.param_serialize(
            call.method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
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
        return _parsed(call, data, self.server)


def _parsed(call: errors.Call, data: bytes, server: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise errors.from_failure(call, error, server=server, sent=True) from error
    return found if isinstance(found, dict) else {}


async def connect(context: Context) -> Cluster:
    """Return the system's cluster, logged in and checked against its pin."""
    connection = pinned(context.system)
    path = context.surroundings.kubeconfig
    link = await context.clients.get(
        f"kubernetes:{path}:{connection.context}:{connection.server}",
        lambda: _open(path, connection),
        Link.close,
    )
    return Cluster(link, connection.namespace)


async def _open(path: Path | None, connection: KubernetesConnection) -> Link:
    # The package takes over half a second to import: a thread keeps the loop answering clicks.
    sdk = await asyncio.to_thread(importlib.import_module, "kubernetes.aio.client")
    configuration = sdk.Configuration()
    if connection.context == IN_CLUSTER:
        loader = None
        _load_in_cluster(configuration)
    else:
        loader = await _load_file(_existing(path), connection.context, configuration)
    _check_pin(connection, str(configuration.host))
    return Link(sdk.ApiClient(configuration), loader)


def _load_in_cluster(configuration: Any) -> None:
    config: Any = importlib.import_module("kubernetes.aio.config")
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException as error:
        raise PermanentError(
            f"connections.kubernetes.context is {IN_CLUSTER}, but Backout does not run in a "
            f"cluster: {error}"
        ) from error


async def _load_file(path: str, name: str, configuration: Any) -> Any:
    config: Any = importlib.import_module("kubernetes.aio.config")
    try:
        # persist_config would rewrite the person's kubeconfig on load.
        loader = await config.load_kube_config(
            config_file=path,
            context=name,
            client_configuration=configuration,
            persist_config=False,
        )
    except (config.ConfigException, OSError, ValueError, TypeError, AttributeError) as error:
        raise PermanentError(
            f'The kubeconfig {path} gives no way to the context "{name}": {error}. '
            "Compare `kubectl config get-contexts` with connections.kubernetes.context."
        ) from error
    user = loader._user
    by_command = user is not None and "exec" in user
    if by_command and not (configuration.api_key or configuration.cert_file):
        # The loader only logs what went wrong with the command.
        raise PermanentError(
            f'The credential command of the context "{name}" gave no token: run '
            f"`kubectl --context {name} get pods` to see why."
        )
    return loader


def _existing(path: Path | None) -> str:
    given = str(path) if path else os.environ.get("KUBECONFIG") or "~/.kube/config"
    if any(Path(part).expanduser().is_file() for part in given.split(os.pathsep) if part):
        return given
    raise PermanentError(
        f"There is no kubeconfig at {given}: set KUBECONFIG to the file with the cluster's context."
    )


def _check_pin(connection: KubernetesConnection, host: str) -> None:
    if connection.server and connection.server.rstrip("/") != host.rstrip("/"):
        raise PermanentError(
            f'The context "{connection.context}" points at {host}, but system.yaml pins '
            f"{connection.server}: nothing is done on another cluster than the pinned one."
        )


def warm_up() -> None:
    """Load what the first connection would wait for.  To be called in a thread."""
    importlib.import_module("kubernetes.aio.client")
    importlib.import_module("kubernetes.aio.config")
