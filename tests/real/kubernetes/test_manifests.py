"""`kubernetes.apply_manifest` against a real control plane."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adapters.kubernetes.apply_manifest import ApplyManifest
from adapters.vault import KeyVault
from flows.actions import (
    Holds,
    NotYet,
    PermanentError,
    Refuted,
    TransientError,
)
from tests.adapters.fakes import FakeContext
from tests.adapters.uses import Use
from tests.real.bench import manifests as made
from tests.real.bench.clusters import Cluster
from tests.real.bench.gateway import Gateway
from tests.real.kubernetes import faults

Json = Any
APPLY = "kubernetes.apply_manifest"


def maintenance(replicas: int = 1) -> list[Json]:
    """Return what shows people a page while the service is away."""
    return [
        made.config_map("maintenance", page="<h1>We are back soon</h1>"),
        made.deployment("maintenance", "shop/page:1.0.0", replicas=replicas),
        made.service("checkout", selector={"app": "maintenance"}),
    ]


def written(context: FakeContext, folder: Path, *objects: Json) -> dict[str, str]:
    """Write a manifest beside the system's files; return the inputs that name it."""
    context.system = context.system.placed_in(folder)
    text = "\n---\n".join(map(json.dumps, objects)).encode()
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files" / "page.yaml").write_bytes(text)
    return {"manifest": "file:files/page.yaml", "digest": hashlib.sha256(text).hexdigest()}


def fields(found: Json) -> Json:
    """Return an object without what the server counts by itself."""
    kept = {k: v for k, v in found["metadata"].items() if k in ("name", "labels", "annotations")}
    return {**{k: v for k, v in found.items() if k != "status"}, "metadata": kept}


async def served(cluster: Cluster) -> None:
    """Have a service run that the maintenance page will stand in for."""
    cluster.apply(cluster.deployment(), cluster.service())
    await cluster.settled("checkout")


async def test_a_page_is_put_up_and_taken_down(
    cluster: Cluster, real: FakeContext, use: Callable[..., Use], tmp_path: Path
) -> None:
    """New objects come and go, the Service points at them and back, and nothing else changes."""
    await served(cluster)
    before = fields(cluster.get("service", "checkout"))
    page = use(APPLY, **written(real, tmp_path, *maintenance()), force=True)
    seen = await page.preview()
    assert (seen.in_place, seen.touches) == (False, 3)
    assert [(c.subject, c.before, c.after) for c in seen.changes] == [
        ("ConfigMap/maintenance", None, "new, entries page"),
        ("Deployment/maintenance", None, "new, shop/page:1.0.0"),
        ("Service/checkout spec.selector.app", "checkout", "maintenance"),
    ]
    assert cluster.all("configmap")[0]["metadata"]["name"] != "maintenance"
    await page.apply()
    done = await page.outcome()
    assert isinstance(done, Holds), done
    assert done.output["created"] == ["ConfigMap/maintenance", "Deployment/maintenance"]
    assert cluster.get("service", "checkout")["spec"]["selector"] == {"app": "maintenance"}
    assert (await page.preview()).in_place
    said = "deleted: Deployment/maintenance, ConfigMap/maintenance"
    assert await page.undo() == f"put back: Service/checkout; {said}"
    assert fields(cluster.get("service", "checkout")) == before
    names = [each["metadata"]["name"] for each in cluster.all("deployment")]
    assert names == ["checkout"]
    gone = "not there: Deployment/maintenance, ConfigMap/maintenance"
    assert await page.undo() == f"as before: Service/checkout; {gone}"


async def test_a_workload_comes_back_as_it_was(
    cluster: Cluster, real: FakeContext, use: Callable[..., Use], tmp_path: Path
) -> None:
    """Changed, added and lengthened fields of a template are put back, and its pods with them."""
    made_before = made.deployment("checkout", "shop/checkout:1.0.0")
    cluster.kubectl("apply", "-f", "-", stdin=_json(made_before))
    await cluster.settled("checkout")
    before = cluster.get("deployment", "checkout")
    wanted = made.deployment("checkout", "shop/page:1.0.0", replicas=3)
    pods = wanted["spec"]["template"]["spec"]
    pods["containers"][0]["env"] = [{"name": "API_TOKEN", "value": "s3cret!"}]
    pods["containers"].append({"name": "sidecar", "image": "shop/sidecar:1"})
    wanted["metadata"]["labels"] = {"tier": "page"}
    page = use(APPLY, **written(real, tmp_path, wanted), force=True)
    seen = await page.preview()
    assert "spec.replicas" in {each.subject.partition(" ")[2] for each in seen.changes}
    await page.apply()
    assert isinstance(await page.outcome(), Holds)
    assert "s3cret!" not in repr((seen, page.captured))
    assert len(cluster.get("deployment", "checkout")["spec"]["template"]["spec"]["containers"]) == 2
    await page.undo()
    after = cluster.get("deployment", "checkout")
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("labels") == before["metadata"].get("labels")
    await cluster.settled("checkout")


async def test_an_autoscaler_is_warned_of(cluster: Cluster, use: Callable[..., Use]) -> None:
    """Replicas that a controller set would be set again; other fields are no matter of it."""
    cluster.apply(cluster.deployment())
    await cluster.settled("checkout")
    path = cluster.api.path(cluster.namespace, "deployment", "checkout")
    cluster.api.call(
        "PATCH",
        f"{path}/scale?fieldManager=kube-controller-manager",
        {"spec": {"replicas": 3}},
        content_type="application/merge-patch+json",
    )
    wanted = made.deployment("checkout", "shop/checkout:1.0.0", replicas=5)
    seen = await use(APPLY, objects=[wanted], force=True).preview()
    assert any("autoscaler sets the replicas of Deployment/checkout" in w for w in seen.warnings)
    del wanted["spec"]["replicas"]
    wanted["metadata"]["labels"] = {"tier": "page"}
    seen = await use(APPLY, objects=[wanted], force=True).preview()
    assert (seen.in_place, seen.warnings) == (False, ())


async def test_an_undo_leaves_the_owner_in_peace(cluster: Cluster, use: Callable[..., Use]) -> None:
    """Whoever applied the object before applies it again without a conflict with Backout."""
    cluster.kubectl(
        "apply", "--server-side", "-f", "-", stdin=_json(made.config_map("page", a="1"))
    )
    page = use(APPLY, objects=[made.config_map("page", a="2", b="3")], force=True)
    await page.apply()
    with pytest.raises(Exception, match=r"conflict with .backout."):
        _reapply(cluster, a="4")
    await page.undo()
    assert cluster.get("configmap", "page")["data"] == {"a": "1"}
    _reapply(cluster, a="4")
    managers = {f["manager"] for f in cluster.get("configmap", "page")["metadata"]["managedFields"]}
    assert managers == {"kubectl"}


def _json(found: Json) -> str:
    return json.dumps(found)


def _reapply(cluster: Cluster, **data: str) -> None:
    given = _json(made.config_map("page", **data))
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=given)


async def test_fields_of_others_are_taken_only_by_force(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """A field that somebody else sets otherwise is refused, with who and how to go on."""
    cluster.apply(made.config_map("page", a="1"))
    page = use(APPLY, objects=[made.config_map("page", a="2")])
    with pytest.raises(PermanentError, match=r'conflict with "bench".*`force: true` takes them'):
        await page.preview()
    assert isinstance(await page.verify(), Refuted)
    assert cluster.get("configmap", "page")["data"] == {"a": "1"}


async def test_secrets_are_masked_and_sealed(
    cluster: Cluster, real: FakeContext, use: Callable[..., Use], tmp_path: Path
) -> None:
    """No value shows anywhere; undo brings the old one; without a key nothing is done."""
    cluster.apply(made.secret("db", password="hunter2"))
    page = use(APPLY, **written(real, tmp_path, made.secret("db", password="s3cret!")), force=True)
    seen = await page.preview()
    await page.apply()
    hidden = ("hunter2", "s3cret!", *(_base64(each) for each in ("hunter2", "s3cret!")))
    assert not any(each in repr((seen, page.captured)) for each in hidden)
    assert isinstance(await page.outcome(), Holds)
    await page.undo()
    assert cluster.get("secret", "db")["data"] == {"password": _base64("hunter2")}
    real.surroundings = _without_key(real)
    with pytest.raises(PermanentError, match="BACKOUT_CAPTURE_KEY is not set"):
        await page.preview()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _without_key(context: FakeContext) -> Any:
    return replace(context.surroundings, vault=KeyVault([]))


async def test_another_file_is_refused(
    cluster: Cluster, real: FakeContext, use: Callable[..., Use], tmp_path: Path
) -> None:
    """A file that changed since it was pinned is not applied."""
    given = written(real, tmp_path, made.config_map("page", a="1"))
    written(real, tmp_path, made.config_map("page", a="2"))
    with pytest.raises(PermanentError, match="is not the manifest that the procedure pins"):
        await use(APPLY, **given).preview()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"metadata": {"name": "page", "namespace": "kube-system"}}, "is for namespace kube-sys"),
        ({"kind": "Namespace"}, "belongs to the whole cluster"),
        ({"kind": "Widget", "apiVersion": "shop/v1"}, "no kind that every cluster has"),
        ({"metadata": {}}, "has no metadata.name"),
        ({"metadata": {"name": "../secrets/db"}}, "can't have this name"),
        ({"datum": {"a": "1"}}, "does not fit its kind: .*datum: field not declared in schema"),
        ({"apiVersion": "v7"}, "has no ConfigMap of v7"),
    ],
)
async def test_objects_that_do_not_belong_here_are_refused(
    cluster: Cluster, use: Callable[..., Use], changed: Json, said: str
) -> None:
    """Other namespaces, kinds and fields are named before anything is written."""
    before = [each["metadata"]["name"] for each in cluster.all("configmap")]
    wrong = {**made.config_map("page", a="1"), **changed}
    with pytest.raises(PermanentError, match=said):
        await use(APPLY, objects=[made.config_map("other", a="1"), wrong]).preview()
    assert [each["metadata"]["name"] for each in cluster.all("configmap")] == before


async def test_objects_of_the_cluster_and_custom_ones_by_name(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """What is outside of the namespace, or of a kind of its own, is applied where it is allowed."""
    role = made.made("rbac.authorization.k8s.io/v1", "ClusterRole", cluster.namespace, rules=[])
    kinds = [{"kind": "VirtualService", "resource": "virtualservices.networking.istio.io"}]
    objects = [role, made.virtual_service()]
    both = use(APPLY, objects=objects, cluster_scoped=True, resources=kinds)
    await both.apply()
    assert isinstance(await both.outcome(), Holds)
    await both.undo()
    assert cluster.all("virtualservice") == []


async def test_what_is_applied_must_work(cluster: Cluster, use: Callable[..., Use]) -> None:
    """Workloads, Services and Jobs are waited for; a failed Job is the end of it."""
    objects = [
        made.deployment("page", "shop/unready:1", replicas=1),
        made.service("page"),
        made.job("fill", "shop/fill:1", exit_code=3),
    ]
    page = use(APPLY, objects=objects[:2])
    await page.apply()
    waiting = await page.verify()
    assert isinstance(waiting, NotYet)
    assert "0 of 1 pod ready" in waiting.progress
    assert "Service/page has no ready pod" in waiting.progress
    cluster.patch("deployment", "page", {"spec": {"progressDeadlineSeconds": 1}})
    cluster.patch("deployment", "page", _image("page", "shop/bad:1"))
    assert isinstance(await page.outcome(), Refuted)
    fill = use(APPLY, objects=objects[2:])
    await fill.apply()
    failed = await fill.outcome()
    assert isinstance(failed, Refuted)
    assert failed.why == "Job/fill failed (BackoffLimitExceeded)"


def _image(name: str, image: str) -> Json:
    return {"spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}}


async def test_a_change_after_the_preview_is_drift_and_other_changes_are_not(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """The fingerprint follows the fields that would be overwritten, and no others."""
    cluster.apply(cluster.deployment(), made.config_map("page", a="1", z="0"))
    await cluster.settled("checkout")
    objects = [made.config_map("page", a="2"), made.config_map("new", a="1")]
    page = use(APPLY, objects=objects, force=True)
    before = await page.preview()
    cluster.patch("configmap", "page", {"data": {"z": "9"}, "metadata": {"labels": {"x": "y"}}})
    assert (await page.preview()).fingerprint == before.fingerprint
    cluster.patch("configmap", "page", {"data": {"a": "5"}})
    assert (await page.preview()).fingerprint != before.fingerprint
    cluster.patch("configmap", "page", {"data": {"a": "1"}})
    assert (await page.preview()).fingerprint == before.fingerprint
    cluster.apply(made.config_map("new", a="1"))
    assert (await page.preview()).fingerprint != before.fingerprint


async def test_a_change_between_look_and_request_overwrites_nothing(
    cluster: Cluster, use_through: Callable[..., Use], gateway: Gateway
) -> None:
    """Somebody else writes, makes or replaces the object just before: theirs stays."""
    cluster.apply(made.config_map("page", a="1"))
    page = use_through(APPLY, objects=[made.config_map("page", a="2")], force=True)
    captured = await page.action.capture(page.inputs, page.context)
    really = "/configmaps/[a-z]+[?](?!.*dryRun)"
    gateway.before(
        lambda: cluster.patch("configmap", "page", {"data": {"a": "7"}}),
        method="PATCH",
        path=really,
    )
    with pytest.raises(TransientError, match="changed by someone else"):
        await page.action.apply(page.inputs, captured, page.context)
    with pytest.raises(PermanentError, match=r"changed by somebody else since \(data\.a\)"):
        await page.action.apply(page.inputs, captured, page.context)
    assert cluster.get("configmap", "page")["data"] == {"a": "7"}

    new = use_through(APPLY, objects=[made.config_map("fresh", a="2")], force=True)
    captured = await new.action.capture(new.inputs, new.context)
    gateway.before(
        lambda: cluster.apply(made.config_map("fresh", a="7")), method="PATCH", path=really
    )
    with pytest.raises(TransientError, match="changed by someone else"):
        await new.action.apply(new.inputs, captured, new.context)
    with pytest.raises(PermanentError, match="somebody made it meanwhile"):
        await new.action.apply(new.inputs, captured, new.context)
    with pytest.raises(PermanentError, match="this step did not make it"):
        await new.action.undo(new.inputs, captured, new.context)
    assert cluster.get("configmap", "fresh")["data"] == {"a": "7"}


async def test_a_field_that_drifts_after_the_capture_is_not_overwritten(
    cluster: Cluster, use: Callable[..., Use]
) -> None:
    """Undo would not know what it was, so the apply stops before it."""
    cluster.apply(made.config_map("page", a="1", z="0"))
    page = use(APPLY, objects=[made.config_map("page", a="2", z="0")], force=True)
    captured = await page.action.capture(page.inputs, page.context)
    cluster.patch("configmap", "page", {"data": {"z": "9"}})
    with pytest.raises(PermanentError, match=r"changed by somebody else just now \(data\.z\)"):
        await page.action.apply(page.inputs, captured, page.context)
    assert cluster.get("configmap", "page")["data"] == {"a": "1", "z": "9"}


async def test_undo_leaves_what_others_changed(cluster: Cluster, use: Callable[..., Use]) -> None:
    """A later change of an applied field stops the undo before it writes; others stay in place."""
    cluster.apply(made.config_map("page", a="1"), made.config_map("second", a="1"))
    objects = [made.config_map("page", a="2", b="2"), made.config_map("second", a="2")]
    page = use(APPLY, objects=objects, force=True)
    await page.apply()
    cluster.patch("configmap", "page", {"data": {"c": "mine"}})
    cluster.patch("configmap", "page", {"data": {"a": "7"}})
    with pytest.raises(PermanentError, match=r"ConfigMap/page was changed .* \(data\.a\)"):
        await page.undo()
    assert cluster.get("configmap", "second")["data"] == {"a": "2"}
    cluster.patch("configmap", "page", {"data": {"a": "2"}})
    assert await page.undo() == "put back: ConfigMap/second, ConfigMap/page"
    assert cluster.get("configmap", "page")["data"] == {"a": "1", "c": "mine"}
    cluster.delete("configmap", "page")
    with pytest.raises(PermanentError, match="somebody deleted or replaced it"):
        await page.undo()


async def test_a_retry_goes_on_where_the_first_attempt_ended(
    cluster: Cluster, use_through: Callable[..., Use], gateway: Gateway
) -> None:
    """The second object failed: the first is not written again, and undo knows both."""
    objects = [made.config_map(name, a="1") for name in ("first", "second")]
    page = use_through(APPLY, objects=objects)
    captured = await page.action.capture(page.inputs, page.context)
    gateway.answer(429, method="PATCH", path="/configmaps/second[?](?!.*dryRun)")
    with pytest.raises(TransientError):
        await page.action.apply(page.inputs, captured, page.context)
    gateway.requests.clear()
    await page.action.apply(page.inputs, captured, page.context)
    assert [each.path.partition("?")[0].rpartition("/")[2] for each in gateway.writes()] == [
        "second"
    ]
    page.captured = captured
    assert await page.undo() == "deleted: ConfigMap/second, ConfigMap/first"


async def test_a_failing_api_server(
    cluster: Cluster, use_through: Callable[..., Use], gateway: Gateway
) -> None:
    """Every failure of the API server is what it is: for a change, and for something new."""
    cluster.apply(made.config_map("page", a="1"))
    objects = [made.config_map("page", a="2")]
    await faults.check(use_through(APPLY, "change", objects=objects, force=True), gateway)
    objects = [made.config_map("fresh", a="2")]
    await faults.check(use_through(APPLY, "make", objects=objects), gateway)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "exactly one of manifest and objects"),
        ({"manifest": "file:files/x.yaml"}, "a manifest has a digest"),
        ({"objects": [made.secret("db", password="x")]}, "would be journalled"),
        ({"manifest": "/etc/passwd", "digest": "0" * 64}, "manifest"),
        ({"objects": [made.config_map("x")], "namespace": "other"}, "namespace"),
    ],
)
def test_inputs_are_checked(inputs: Json, said: str) -> None:
    """What can't be meant is refused when the procedure is loaded."""
    with pytest.raises(ValidationError, match=said):
        ApplyManifest.Inputs.model_validate(inputs)
