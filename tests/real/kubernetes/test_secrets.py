"""Secrets synchronized and revoked, on a real control plane."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from adapters.kubernetes.revoke_secrets import RevokeSecretsInputs
from flows.actions import Holds, PermanentError, Refuted, TransientError
from tests.adapters.fakes import FakeContext
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults
from tests.real.kubernetes.readers import (
    REAL_WRITE,
    REVOKE,
    SYNC,
    Json,
    Make,
    everything_from,
    keep_values,
    reader,
    restarted_by,
    tells_nothing,
    values,
    variable,
)


@pytest.fixture(autouse=True)
def kept(real: FakeContext, through: FakeContext) -> None:
    """Keep values outside of the cluster."""
    keep_values(real, through)


async def test_secret_gets_the_values_that_are_kept_elsewhere(use: Make, cluster: Cluster) -> None:
    """Type and other keys stay (unless exact), values are told by marks only, undo restores."""
    old = {"PASSWORD": "old-password", "MORE": "m"}
    cluster.apply(
        cluster.secret("app-secret", type_="example.com/shop", **old),
        reader(cluster, "users", env=variable("secret", "app-secret", "PASSWORD")),
    )
    await cluster.settled("users")
    step = use(SYNC, name="app-secret", data={"PASSWORD": "env:NEW_PASSWORD"}, restart=True)
    preview = await step.preview()
    await step.apply()
    done = await step.outcome()
    assert isinstance(done, Holds), done
    assert values(cluster, "app-secret") == {"PASSWORD": "new-password", "MORE": "m"}
    assert cluster.get("secret", "app-secret")["type"] == "example.com/shop"
    assert done.output["marks"]["app-secret"]
    assert restarted_by(cluster, "users") == step.context.mark
    tells_nothing(preview, done, step.captured, await step.undo())
    assert values(cluster, "app-secret") == old
    exact = use(SYNC, "exact", name="app-secret", json_from="env:ALL", exact=True)
    assert [c.after is None for c in (await exact.preview()).changes] == [True, False, False]
    await exact.apply()
    assert isinstance(await exact.outcome(), Holds)
    assert values(cluster, "app-secret") == {"PASSWORD": "new-password", "USER": "shop-2"}
    await exact.undo()
    assert values(cluster, "app-secret") == old


async def test_leaked_values_are_replaced_for_good(use: Make, cluster: Cluster) -> None:
    """Given and made-up values are in place, repeats write the same, and undo refuses."""
    two = [cluster.secret("api", KEY="old-password", OTHER="o"), cluster.secret("signing", KEY="k")]
    for each in two:
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(each))
    cluster.apply(reader(cluster, "users", envFrom=everything_from("secret", "signing")))
    await cluster.settled("users")
    given = [
        {"name": "api", "data": {"KEY": "env:NEW_PASSWORD"}},
        {"name": "signing", "generate": ["KEY"]},
    ]
    step = use(REVOKE, secrets=given)
    preview = await step.preview()
    assert (await step.preview()).fingerprint == preview.fingerprint
    assert [(c.subject, c.after) for c in preview.changes][1:] == [
        ("signing (Opaque): KEY", "a new random value"),
        ("users", "1 pod, all new"),
    ]
    assert "OTHER of api keep their values: replace them, too, if they leaked." in preview.warnings
    assert "locked out" in preview.losses
    await step.apply()
    done = await step.outcome()
    assert isinstance(done, Holds), done
    made = values(cluster, "signing")["KEY"]
    assert len(made) > 40
    assert values(cluster, "api") == {"KEY": "new-password", "OTHER": "o"}
    assert "old-password" not in json.dumps(cluster.get("secret", "api")["metadata"])
    for each in ("api", "signing"):
        assert "last-applied" not in json.dumps(cluster.get("secret", each)["metadata"])
    version = cluster.get("secret", "signing")["metadata"]["resourceVersion"]
    await step.action.apply(step.inputs, step.captured, step.context)
    assert cluster.get("secret", "signing")["metadata"]["resourceVersion"] == version
    tells_nothing(preview, done, step.captured)
    assert made not in repr(step.captured)
    with pytest.raises(PermanentError, match="nobody confirmed otherwise"):
        await step.undo()
    assert values(cluster, "signing")["KEY"] == made


async def test_clean_values_come_back(use: Make, cluster: Cluster) -> None:
    """With if_clean undo restores everything, also what `kubectl apply` had noted."""
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(cluster.secret("api", KEY="old-password")))
    before = cluster.get("secret", "api")
    step = use(REVOKE, secrets=[{"name": "api", "generate": ["KEY"]}], restart=False, if_clean=True)
    await step.apply()
    assert values(cluster, "api")["KEY"] != "old-password"
    said = await step.undo()
    after = cluster.get("secret", "api")
    assert after["data"] == before["data"]
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert await step.undo() == said == "KEY of api: the values of before are there"


@pytest.mark.parametrize(
    ("kind", "metadata", "said"),
    [
        ("helm.sh/release.v1", {}, "Helm's record of a release"),
        ("bootstrap.kubernetes.io/token", {}, "it lets nodes join"),
        ("kubernetes.io/tls", {}, "have its issuer revoke it"),
        ("kubernetes.io/dockerconfigjson", {}, "revoke it at the registry"),
        ("Opaque", {"annotations": {"cert-manager.io/certificate-name": "www"}}, "certificate www"),
        ("Opaque", {"labels": {"reconcile.external-secrets.io/managed": "true"}}, "ExternalSecret"),
        ("Opaque", {"labels": {"argocd.argoproj.io/instance": "shop"}}, "written by Argo CD"),
    ],
)
async def test_secrets_with_machinery_of_their_own_are_refused(
    use: Make, cluster: Cluster, kind: str, metadata: Json, said: str
) -> None:
    """Each is refused with what to do instead, before anything changed."""
    keys = {
        "kubernetes.io/tls": ("tls.crt", "tls.key"),
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    }.get(kind, ("KEY",))
    found = cluster.secret("owned", type_=kind, **dict.fromkeys(keys, "{}"))
    found["metadata"] |= metadata
    cluster.apply(found, cluster.secret("free", KEY="1"))
    given = [
        {"name": name, "generate": [key]} for name, key in (("free", "KEY"), ("owned", keys[0]))
    ]
    with pytest.raises(PermanentError, match=said):
        await use(REVOKE, secrets=given).preview()
    assert values(cluster, "free") == {"KEY": "1"}


def test_secrets_can_be_named_in_one_text() -> None:
    """As a person writes them who asks for a plan; a value itself is never taken so."""
    read = RevokeSecretsInputs.model_validate({"secrets": "app/SIGNING, pay/KEY=env:NEW, pay/B"})
    assert [(each.name, each.data, each.generate) for each in read.secrets] == [
        ("app", {}, ("SIGNING",)),
        ("pay", {"KEY": "env:NEW"}, ("B",)),
    ]
    for text, said in (("app", "write name/KEY"), ("app/KEY=hunter2", "match pattern"), ("", "1")):
        with pytest.raises(ValidationError, match=said):
            RevokeSecretsInputs.model_validate({"secrets": text})


async def test_interrupted_revocation_goes_on(
    use_through: Make, cluster: Cluster, gateway: Gateway
) -> None:
    """The first Secret is written, the second refused for the moment: a repeat does the rest."""
    cluster.apply(cluster.secret("a", KEY="old-password"), cluster.secret("b", KEY="old-password"))
    given = [{"name": name, "generate": ["KEY"]} for name in "ab"]
    step = use_through(REVOKE, secrets=given)
    await step.preview()
    gateway.answer(503, method="PATCH", path=f"secrets/b{REAL_WRITE}")
    with pytest.raises(TransientError):
        await faults.attempt(step)
    first = values(cluster, "a")["KEY"]
    assert first != "old-password"
    assert values(cluster, "b")["KEY"] == "old-password"
    refuted = await step.verify()
    assert isinstance(refuted, Refuted)
    assert refuted.why == "Secret b was not changed"
    await step.action.apply(step.inputs, step.captured, step.context)
    assert isinstance(await step.verify(), Holds)
    assert values(cluster, "a")["KEY"] == first
