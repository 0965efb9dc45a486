"""Fixtures of the real tier: a Kubernetes cluster, a gateway to it, Helm, and contexts on them.

    cluster       a namespace of the test's own (tests.real.bench.clusters.Cluster)
    gateway       the same API server behind a proxy that records and injects faults
    real, use     an action's context there, and uses of actions as in tests/adapters;
                  `through` and `use_through` are the same through the gateway
    helm, helm4   Helm 3 and Helm 4 in the namespace; `chart` is something to install

With BACKOUT_TEST_KUBECONFIG (and BACKOUT_TEST_CONTEXT) the cluster is that one, and only
namespaces are made in it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from tests.adapters.fakes import FakeContext, surroundings_for, system_for
from tests.adapters.uses import Use
from tests.real.bench import assets, control_plane, definitions
from tests.real.bench.certificates import Authority
from tests.real.bench.clusters import Bench, Cluster, administered
from tests.real.bench.gateway import Gateway, opened
from tests.real.bench.helms import Helm, write_chart


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark everything in this folder; its servers are slow where the machine is busy."""
    item.add_marker("real")
    if item.get_closest_marker("timeout") is None:
        item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The session's cluster: a control plane of its own, or the one that a person offers."""
    folder = tmp_path_factory.mktemp("bench")
    assets.program("kubectl")
    if given := os.environ.get(control_plane.OFFERED):
        context = os.environ.get(control_plane.OFFERED_CONTEXT, "")
        with administered(Path(given), folder=folder, context=context) as found:
            definitions.install(found.api)
            yield found
        return
    with (
        control_plane.started(folder) as plane,
        administered(plane.kubeconfig, folder=folder) as found,
    ):
        definitions.install(found.api)
        yield found


@pytest.fixture
def cluster(bench: Bench, tmp_path: Path) -> Iterator[Cluster]:
    """A namespace of the test's own."""
    with bench.cluster(tmp_path) as found:
        yield found


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the gateways' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def gateway(cluster: Cluster, authority: Authority) -> Iterator[Gateway]:
    """The API server behind a proxy that records requests and injects faults."""
    with opened(cluster, authority) as found:
        yield found


@pytest.fixture(scope="session")
def registry() -> ActionRegistry:
    """All actions."""
    return ActionRegistry()


@pytest.fixture
async def pool() -> AsyncIterator[ClientPool]:
    """Shared connections, closed after the test."""
    clients = ClientPool()
    yield clients
    await clients.close()


@pytest.fixture
def real(cluster: Cluster, pool: ClientPool, tmp_path: Path) -> FakeContext:
    """A context whose cluster is the test's namespace, and whose Helm is Helm 3."""
    return context_for(
        cluster, pool, tmp_path, kubeconfig=cluster.kubeconfig, server=cluster.server
    )


@pytest.fixture
def through(cluster: Cluster, gateway: Gateway, pool: ClientPool, tmp_path: Path) -> FakeContext:
    """The same context through the gateway."""
    return context_for(cluster, pool, tmp_path, gateway.kubeconfig, gateway.server)


@pytest.fixture
def use(registry: ActionRegistry, real: FakeContext) -> Callable[..., Use]:
    """Make uses of actions: `use("kubernetes.scale", names=["checkout"], replicas=0)`."""

    return uses_in(registry, real)


@pytest.fixture
def use_through(registry: ActionRegistry, through: FakeContext) -> Callable[..., Use]:
    """Make uses of actions through the gateway."""
    return uses_in(registry, through)


@pytest.fixture
def helm(cluster: Cluster) -> Helm:
    """Helm 3 in the namespace."""
    return Helm(assets.program("helm"), cluster)


@pytest.fixture
def helm4(cluster: Cluster) -> Helm:
    """Helm 4 in the namespace."""
    return Helm(assets.program("helm4"), cluster)


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart of a Deployment, a Service and a ConfigMap; values image, replicas, settings."""
    return write_chart(tmp_path / "shop")


def uses_in(registry: ActionRegistry, context: FakeContext) -> Callable[..., Use]:
    """Return a maker of uses in a context."""

    def make(uses: str, step: str = "step", **inputs: object) -> Use:
        return Use(registry, context, uses, step, **inputs)

    return make


def context_for(
    cluster: Cluster, pool: ClientPool, folder: Path, kubeconfig: Path, server: str
) -> FakeContext:
    """Return a context that is pinned to the test's namespace."""
    return FakeContext(
        system=system_for(
            kubernetes={
                "context": cluster.context,
                "namespace": cluster.namespace,
                "server": server,
            }
        ),
        surroundings=surroundings_for(
            folder, kubeconfig=kubeconfig, helm=str(assets.program("helm"))
        ),
        clients=pool,
        waits=True,
    )
