"""Real Helm on the real API server: histories, rollbacks, and rollbacks undone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.helm import attempts, commands
from adapters.helm.releases import Revision
from adapters.kubernetes import roles
from flows.actions import (
    Context,
    Holds,
    InterruptedByHoldError,
    NotYet,
    PermanentError,
    Refuted,
    TransientError,
    UnknownOutcomeError,
)
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.bench import assets
from tests.real.bench.clusters import Cluster
from tests.real.bench.helms import Helm
from tests.real.helm.checkout import NEW, OLD, add_later, image, newest, statuses

Json = Any
Make = Callable[..., Use]
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout}
spec:
  hosts: [{{ .Values.host | default "checkout" }}]
  http: [{route: [{destination: {host: checkout}, weight: 100}]}]
"""


@pytest.fixture(params=["helm", "helm4"], ids=["Helm 3", "Helm 4"])
def either(request: pytest.FixtureRequest, cluster: Cluster, real: FakeContext) -> Helm:
    """Helm 3, then Helm 4, which the actions use as well."""
    path = assets.program(request.param)
    real.surroundings = replace(real.surroundings, helm=str(path))
    return Helm(path, cluster)


async def test_history_rollback_look_and_undo(
    either: Helm, chart: Path, cluster: Cluster, use: Make
) -> None:
    """From the history's choice to the undo, each step once, however often it is asked for."""
    add_later(chart)
    either.release("checkout", chart, "--wait")
    either.release("checkout", chart, "--wait", image=NEW, later=True, settings={"currency": "USD"})
    seen = await use("helm.history", release="checkout").verify()
    assert isinstance(seen, Holds)
    assert (seen.output["current"], seen.output["last_good"]) == (2, 1)
    back = use("helm.rollback", release="checkout", revision=1, timeout="30s")
    before = await back.preview()
    assert not before.in_place
    assert [(c.before, c.after) for c in before.changes[1:]] == [(NEW, OLD)]
    assert before.warnings == ("Removes what came later: ConfigMap/later.",)
    assert before.touches == 3
    await back.apply()
    done = await back.outcome()
    assert isinstance(done, Holds)
    assert (done.output["revision"], done.output["left_over"]) == (3, [])
    assert image(cluster) == OLD
    assert cluster.get("configmap", "checkout")["data"] == {"currency": "EUR"}
    await back.action.apply(back.inputs, back.captured, back.context)
    assert (await back.preview()).in_place
    assert len(either.history("checkout")) == 3
    assert await back.undo() == "revision 4 carries revision 2 (1.0.0) again"
    assert image(cluster) == NEW
    assert cluster.get("configmap", "later")
    assert await back.undo() == "revision 4 carries revision 2 (1.0.0) again"
    assert statuses(either) == ["superseded"] * 3 + ["deployed"]


async def test_helm_4_takes_a_release_of_helm_3_back(
    helm: Helm, helm4: Helm, chart: Path, cluster: Cluster, use: Make, real: FakeContext
) -> None:
    """The records of Helm 3 are good for Helm 4."""
    helm.release("checkout", chart, "--wait")
    helm.release("checkout", chart, "--wait", image=NEW)
    real.surroundings = replace(real.surroundings, helm=str(helm4.path))
    back = use("helm.rollback", release="checkout", revision=1, timeout="30s")
    await back.apply()
    assert isinstance(await back.outcome(), Holds)
    assert image(cluster) == OLD


async def test_target_that_does_not_run_fails_in_the_pods_words(
    either: Helm, chart: Path, cluster: Cluster, use: Make
) -> None:
    """Helm says that it stopped waiting, the pods say why; the undo does not wait for them."""
    either.release("checkout", chart, image="shop/checkout:bad")
    either.release("checkout", chart, "--wait", image=NEW)
    back = use("helm.rollback", release="checkout", revision=1, timeout="2s")
    with pytest.raises(PermanentError, match=r"revision 3 failed.*image can't be pulled"):
        await back.apply()
    verdict = await back.verify()
    assert isinstance(verdict, Refuted)
    assert verdict.final
    assert "image can't be pulled" in verdict.why
    assert await back.undo() == "revision 4 carries revision 2 (1.0.0) again"
    assert image(cluster) == NEW


async def test_upgrade_after_the_preview_is_not_rolled_back(
    helm: Helm, chart: Path, cluster: Cluster, use: Make
) -> None:
    """The fingerprint tells it; and what comes after the capture is refused at the last moment."""
    helm.release("checkout", chart)
    helm.release("checkout", chart, image=NEW)
    back = use("helm.rollback", release="checkout", revision=1, timeout="30s")
    before = await back.preview()
    back.captured = await back.action.capture(back.inputs, back.context)
    helm.release("checkout", chart, image="shop/checkout:1.2.0")
    assert (await back.preview()).fingerprint != before.fingerprint
    with pytest.raises(PermanentError, match="Somebody deployed revision 3 of checkout"):
        await back.action.apply(back.inputs, back.captured, back.context)
    assert image(cluster) == "shop/checkout:1.2.0"


async def test_upgrade_after_the_rollback_is_not_undone(
    helm: Helm, chart: Path, cluster: Cluster, use: Make
) -> None:
    """A fix that somebody shipped meanwhile stays."""
    helm.release("checkout", chart)
    helm.release("checkout", chart, image=NEW)
    back = use("helm.rollback", release="checkout", revision=1, timeout="30s")
    await back.apply()
    helm.release("checkout", chart, image="shop/checkout:1.2.0")
    with pytest.raises(PermanentError, match="Somebody deployed revision 4 of checkout"):
        await back.undo()
    assert image(cluster) == "shop/checkout:1.2.0"


async def test_status_and_counts_are_no_drift(
    helm: Helm, chart: Path, cluster: Cluster, use: Make
) -> None:
    """What changes beside Helm's history does not hold a plan up."""
    helm.release("checkout", chart)
    helm.release("checkout", chart, image=NEW)
    back = use("helm.rollback", release="checkout", revision=1)
    before = await back.preview()
    cluster.patch("deployment", "checkout", {"spec": {"replicas": 5}})
    assert (await back.preview()).fingerprint == before.fingerprint


async def test_image_that_somebody_puts_back_is_seen(
    helm: Helm, chart: Path, cluster: Cluster, use: Make
) -> None:
    """Helm's record alone proves nothing: the cluster's workloads are looked at."""
    helm.release("checkout", chart, "--wait")
    helm.release("checkout", chart, "--wait", image=NEW)
    back = use("helm.rollback", release="checkout", revision=1, timeout="30s")
    await back.apply()
    containers = [{"name": "checkout", "image": NEW}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    cluster.patch("deployment", "checkout", patch)
    verdict = await back.verify()
    assert isinstance(verdict, Refuted)
    assert f"Deployment/checkout has {NEW}, not {OLD}" in verdict.why
    cluster.delete("deployment", "checkout")
    verdict = await back.verify()
    assert isinstance(verdict, Refuted)
    assert "Deployment/checkout is not there" in verdict.why


async def test_gone_release_and_revision_are_named(helm: Helm, chart: Path, use: Make) -> None:
    """Before anything happened, with what Helm still has."""
    helm.release("checkout", chart)
    with pytest.raises(PermanentError, match='no Helm release "nothing"'):
        await use("helm.history", release="nothing").verify()
    with pytest.raises(PermanentError, match=r"no earlier revision that is known to be good"):
        await use("helm.history", release="checkout").verify()
    with pytest.raises(
        PermanentError, match=r"Revision 7 of checkout is gone: .* keeps revision 1"
    ):
        await use("helm.rollback", release="checkout", revision=7).preview()


async def test_held_while_helm_works_and_found_later(
    helm: Helm, chart: Path, use: Make, real: FakeContext
) -> None:
    """A hold ends the waiting only; no second Helm is started beside the first."""
    helm.release("checkout", chart, "--wait", image="shop/checkout:slow")
    helm.release("checkout", chart, "--wait", image=NEW)
    back = use("helm.rollback", release="checkout", revision=1, timeout="30s")
    real.holds_after = 3
    with pytest.raises(InterruptedByHoldError):
        await back.apply()
    real.holds_after = None
    with pytest.raises((TransientError, UnknownOutcomeError)):
        await back.action.apply(back.inputs, back.captured, back.context)
    while not isinstance(verdict := await back.verify(), Holds):
        assert isinstance(verdict, NotYet) or not verdict.final, verdict
        await asyncio.sleep(0.1)
    assert statuses(helm) == ["superseded", "superseded", "deployed"]


async def test_helm_that_ends_while_its_history_is_read(
    helm: Helm,
    chart: Path,
    cluster: Cluster,
    use: Make,
    real: FakeContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is neither taken for gone nor started again; the next look finds what it wrote last."""
    helm.release("checkout", chart, image="shop/checkout:unready")
    helm.release("checkout", chart, image=NEW)
    back = use("helm.rollback", release="checkout", revision=1, timeout="90s")
    real.holds_after = 1
    with pytest.raises(InterruptedByHoldError):
        await back.apply()
    real.holds_after = None
    while newest(helm) != (3, "pending-rollback"):
        await asyncio.sleep(0.1)
    history, read = commands.history, []

    async def overtaken(context: Context, release: str) -> tuple[Revision, ...]:
        read.append(found := await history(context, release))
        if len(read) == 2:
            cluster.patch("deployment", "checkout", {"spec": {"replicas": 0}})
        while attempts.alive(context):
            await asyncio.sleep(0.05)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(commands, "history", overtaken)
        verdict, said = await asyncio.gather(
            back.verify(),
            back.action.apply(back.inputs, back.captured, back.context),
            return_exceptions=True,
        )
    assert isinstance(verdict, NotYet), verdict
    assert isinstance(said, UnknownOutcomeError), said
    assert isinstance(await back.outcome(), Holds)
    assert statuses(helm) == ["superseded", "superseded", "deployed"]


async def test_no_record_is_forgotten(
    helm: Helm, chart: Path, use: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Helm drops the oldest beyond its limit, which may be the one to return to: not here."""
    for number in range(3):
        helm.release("checkout", chart, settings={"number": str(number)})
    monkeypatch.setenv("HELM_MAX_HISTORY", "2")
    back = use("helm.rollback", release="checkout", revision=1, timeout="30s")
    await back.apply()
    assert [each["revision"] for each in helm.history("checkout")] == [1, 2, 3, 4]


async def test_hooks_run_with_the_least_rights(
    either: Helm, chart: Path, cluster: Cluster, use: Make, real: FakeContext
) -> None:
    """Their kinds are an input, so that the Role is enough; the preview names them."""
    hook = cluster.job("migrate-down")
    hook["metadata"].setdefault("annotations", {})["helm.sh/hook"] = "pre-rollback"
    (chart / "templates" / "hook.yaml").write_text(json.dumps(hook), encoding="utf-8")
    either.release("checkout", chart, "--wait")
    either.release("checkout", chart, "--wait", image=NEW)
    back = use("helm.rollback", release="checkout", revision=1, timeout="30s", hooks=["jobs.batch"])
    granted = roles.rules(back.action.permissions(back.inputs, real.system))
    kubeconfig = cluster.as_user([rule.plain() for rule in granted])
    real.surroundings = replace(real.surroundings, kubeconfig=kubeconfig)
    preview = await back.preview()
    assert "Helm runs hooks: Job/migrate-down (pre-rollback)." in preview.warnings
    await back.apply()
    assert isinstance(await back.outcome(), Holds)
    assert cluster.get("job", "migrate-down")["status"]["succeeded"] == 1


async def test_custom_resources_are_known_from_the_cluster(
    helm: Helm, chart: Path, cluster: Cluster, use: Make
) -> None:
    """Rights on them are asked for by the cluster's names; their definitions stay as they are."""
    (chart / "templates" / "route.yaml").write_text(ROUTE, encoding="utf-8")
    helm.release("checkout", chart, "--wait")
    helm.release("checkout", chart, "--wait", host="new.example")
    back = use("helm.rollback", release="checkout", revision=1, timeout="30s")
    warnings = (await back.preview()).warnings
    assert any("custom resources (VirtualService.networking.istio.io)" in each for each in warnings)
    await back.apply()
    assert isinstance(await back.outcome(), Holds)
    assert cluster.get("VirtualService", "checkout")["spec"]["hosts"] == ["checkout"]
