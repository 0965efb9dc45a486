"""What holds for all changes of ConfigMaps and Secrets: drift, others, a failing API server."""

from __future__ import annotations

import pytest

from flows.actions import PermanentError, Refuted
from tests.adapters.fakes import FakeContext
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults
from tests.real.kubernetes.readers import (
    PATCH,
    REAL_WRITE,
    REPLACE,
    REVOKE,
    SYNC,
    Json,
    Make,
    budget_is_seen,
    everything_from,
    keep_values,
    reader,
    shop,
)


@pytest.fixture(autouse=True)
def kept(real: FakeContext, through: FakeContext) -> None:
    """Keep values outside of the cluster."""
    keep_values(real, through)


async def test_only_what_matters_is_drift(use: Make, cluster: Cluster) -> None:
    """Another entry, counts and status are none; the entry itself, and a new reader, are."""
    await shop(cluster)
    step = use(PATCH, name="app-config", key="READ_ONLY_MODE", value="true", restart=True)
    seen = (await step.preview()).fingerprint
    cluster.patch(
        "configmap", "app-config", {"data": {"OTHER": "1"}, "metadata": {"labels": {"a": "b"}}}
    )
    cluster.patch("deployment", "users", {"spec": {"replicas": 3}})
    await cluster.settled("users")
    assert (await step.preview()).fingerprint == seen
    cluster.apply(reader(cluster, "third", envFrom=everything_from("configMap", "app-config")))
    with_reader = (await step.preview()).fingerprint
    assert with_reader != seen
    cluster.patch("configmap", "app-config", {"data": {"READ_ONLY_MODE": "maybe"}})
    assert (await step.preview()).fingerprint != with_reader


async def test_a_change_in_between_is_never_overwritten(
    use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """Changed after the look and before the write, or after the step: left as it is, and said."""
    await shop(cluster)

    def theirs() -> None:
        cluster.patch("configmap", "app-config", {"data": {"READ_ONLY_MODE": "theirs"}})

    step = use_through(PATCH, name="app-config", key="READ_ONLY_MODE", value="true")
    gateway.before(theirs, method="PATCH", path=f"configmaps/app-config{REAL_WRITE}")
    with pytest.raises(PermanentError, match="no longer what it was"):
        await step.apply()
    assert cluster.get("configmap", "app-config")["data"]["READ_ONLY_MODE"] == "theirs"
    with pytest.raises(PermanentError, match="Somebody else changed READ_ONLY_MODE of ConfigMap"):
        await step.action.apply(step.inputs, step.captured, step.context)
    refuted = await step.verify()
    assert isinstance(refuted, Refuted)
    assert refuted.why == "ConfigMap app-config is not as wanted: look at READ_ONLY_MODE"
    fresh = use_through(PATCH, "fresh", name="app-config", key="READ_ONLY_MODE", value="true")
    await fresh.apply()
    cluster.patch("configmap", "app-config", {"data": {"READ_ONLY_MODE": "later"}})
    with pytest.raises(PermanentError, match="left as it is: compare, and put it back by hand"):
        await fresh.undo()
    assert cluster.get("configmap", "app-config")["data"]["READ_ONLY_MODE"] == "later"


async def test_who_else_writes_is_warned_of(use: Make, cluster: Cluster) -> None:
    """Argo CD and Helm are named, and a disruption budget that allows nothing."""
    await shop(cluster)
    annotations = {
        "argocd.argoproj.io/tracking-id": "shop",
        "meta.helm.sh/release-name": "checkout",
    }
    cluster.patch("configmap", "app-config", {"metadata": {"annotations": annotations}})
    cluster.apply(cluster.disruption_budget("users", least=1))
    await budget_is_seen(cluster)
    step = use(PATCH, name="app-config", key="READ_ONLY_MODE", value="true", restart=["users"])
    told = " ".join((await step.preview()).warnings)
    assert "Argo CD manages ConfigMap app-config and would put it back" in told
    assert "Helm release checkout" in told
    assert "users: the disruption budget users allows no pod to be missing" in told


async def test_reader_that_is_gone_does_not_stop_the_undo(use: Make, cluster: Cluster) -> None:
    """The value is put back, the others restart, and it is said who is no longer there."""
    await shop(cluster)
    step = use(PATCH, name="app-config", key="READ_ONLY_MODE", value="true", restart=True)
    await step.apply()
    cluster.delete("deployment", "orders")
    said = await step.undo()
    assert said.endswith("users restarted; orders not restarted: no longer there")


CHECKED = (
    (PATCH, {"name": "app-config", "key": "READ_ONLY_MODE", "value": "true", "restart": True}),
    (REPLACE, {"name": "app-config", "data": {"READ_ONLY_MODE": "true"}, "restart": ["users"]}),
    (SYNC, {"name": "app-secret", "data": {"PASSWORD": "env:NEW_PASSWORD"}, "restart": False}),
    (
        REVOKE,
        {
            "secrets": [{"name": "app-secret", "data": {"PASSWORD": "env:NEW_PASSWORD"}}],
            "restart": ["idle"],
            "if_clean": True,
        },
    ),
)


@pytest.mark.parametrize(("uses", "inputs"), CHECKED, ids=[uses for uses, _ in CHECKED])
async def test_failing_api_server(
    use_through: Make, cluster: Cluster, gateway: Gateway, uses: str, inputs: Json
) -> None:
    """Refusals, lost answers and repeats: the list of checks that holds for every action."""
    await shop(cluster)
    cluster.apply(reader(cluster, "orders", env=[]))
    await cluster.settled("orders")
    cluster.apply(cluster.secret("app-secret", PASSWORD="old-password"))
    await faults.check(use_through(uses, **inputs), gateway)
