"""What is known of kinds without a cluster is what a real one serves."""

from __future__ import annotations

import pytest

from adapters.kubernetes import kinds
from adapters.kubernetes.connections import connect
from flows.actions import PermanentError
from tests.adapters.fakes import FakeContext
from tests.real.bench.clusters import Cluster


def test_the_table_is_what_the_cluster_serves(cluster: Cluster) -> None:
    """Each kind has the plural and the scope of the table."""
    wrong = []
    for (group, kind), (plural, namespaced) in kinds.KNOWN.items():
        path = "/api/v1"
        if group:
            versions = cluster.api.call("GET", f"/apis/{group}")
            path = f"/apis/{versions['preferredVersion']['groupVersion']}"
        served = {each["name"]: each for each in cluster.api.call("GET", path)["resources"]}
        found = served.get(plural, {})
        if (found.get("kind"), found.get("namespaced")) != (kind, namespaced):
            wrong.append(f"{kind} of {group or 'core'}: {found}")
    assert not wrong, "\n".join(wrong)


async def test_other_kinds_are_asked_for(cluster: Cluster, real: FakeContext) -> None:
    """A custom kind is found by discovery; one that is not there is named."""
    client = await connect(real)
    found = await kinds.discover(client, "networking.istio.io/v1", "VirtualService")
    assert (found.named, found.namespaced) == ("virtualservices.networking.istio.io", True)
    for version in ("networking.istio.io/v1", "nowhere.example/v1"):
        with pytest.raises(PermanentError, match=f"has no kind Widget in {version}"):
            await kinds.discover(client, version, "Widget")
