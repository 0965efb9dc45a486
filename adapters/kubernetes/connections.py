"""The pinned cluster of a system: logging in, and checking that it is the one that is meant.

Called by every Kubernetes action, and by `helm.rollback` for its rights.  One login a
(kubeconfig, context) is shared through `context.clients`.
"""

import asyncio
import importlib
import os
from pathlib import Path
from typing import Any

from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import NAMESPACES
from config.models.connections import KubernetesConnection
from config.models.systems import System
from flows.actions import Clients, Context, PermanentError, Permission

IN_CLUSTER = "in-cluster"
IDENTITY = "kube-system"
"""The namespace whose UID tells clusters apart."""


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


def identity(system: System) -> tuple[Permission, ...]:
    """Return the right that telling the cluster from another one needs."""
    connection = system.connections.kubernetes
    if connection is None or connection.uid is None:
        return ()
    return (Permission(kind="kubernetes", verb="get", resource=NAMESPACES.named, name=IDENTITY),)


class Link:
    """A logged-in API client and how its token is kept fresh."""

    def __init__(self, api: Any, loader: Any) -> None:
        self.api = api
        _send_once(api.rest_client)
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


def _send_once(rest: Any) -> None:
    """Keep the transport from sending a PUT or DELETE again when a kept connection breaks.

    The first one may have been acted upon: an action looks, and says so, instead.
    """
    rest.pool_manager = rest._create_pool_manager()
    rest.pool_manager._retry_connection = False


async def connect(context: Context) -> Cluster:
    """Return the system's cluster, logged in and checked against its pin."""
    return await reach(context.system, context.surroundings.kubeconfig, context.clients)


async def reach(system: System, path: Path | None, clients: Clients) -> Cluster:
    """Return a system's cluster, by the kubeconfig at `path` or kubectl's own."""
    connection = pinned(system)
    link = await clients.get(
        f"kubernetes:{path}:{connection.context}:{connection.server}:{connection.uid}",
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
    _check_address(connection, str(configuration.host))
    link = Link(sdk.ApiClient(configuration), loader)
    try:
        await _check_identity(connection, link)
    except BaseException:
        await link.close()
        raise
    return link


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


def _check_address(connection: KubernetesConnection, host: str) -> None:
    if connection.server and connection.server.rstrip("/") != host.rstrip("/"):
        raise PermanentError(
            f'The context "{connection.context}" points at {host}, but system.yaml pins '
            f"{connection.server}: nothing is done on another cluster than the pinned one."
        )


async def _check_identity(connection: KubernetesConnection, link: Link) -> None:
    if connection.uid is None:
        return
    there = await Cluster(link, connection.namespace).read(NAMESPACES, IDENTITY)
    uid = there["metadata"]["uid"]
    if uid != connection.uid:
        raise PermanentError(
            f"The cluster behind {link.server} is another one than system.yaml pins: its namespace "
            f"{IDENTITY} has the UID {uid}, not {connection.uid}. Nothing is done there."
        )


def warm_up() -> None:
    """Load what the first connection would wait for.  To be called in a thread."""
    importlib.import_module("kubernetes.aio.client")
    importlib.import_module("kubernetes.aio.config")
