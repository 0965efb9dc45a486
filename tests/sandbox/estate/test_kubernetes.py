"""The API server's subset, seen through the official client and over plain HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest
from aiohttp import ClientSession
from kubernetes.aio import client, watch
from kubernetes.aio.client.exceptions import ApiException

from sandbox.estate import Estate
from sandbox.estate.access import Denial
from sandbox.estate.images import Behaviour, ImageRule
from sandbox.estate.resources import DEPLOYMENTS, PODS
from sandbox.estate.values import Object
from tests.sandbox.estate.conftest import Until

NS = "production"
APPS = "/apis/apps/v1/namespaces/production/deployments"


async def refused(call: Awaitable[object]) -> tuple[int, Object]:
    """Return the code and `Status` body with which a call is refused."""
    with pytest.raises(ApiException) as refusal:
        await call
    return refusal.value.status, json.loads(str(refusal.value.body))


async def test_the_platform_runs(apps: Any, core: Any) -> None:
    """All 18 services are there, with every pod ready, selected by label."""
    selector = "app.kubernetes.io/instance=aivo-platform"
    found = await apps.list_namespaced_deployment(NS, label_selector=selector)
    assert len(found.items) == 18
    for item in found.items:
        assert item.status.ready_replicas == item.spec.replicas
        assert item.status.observed_generation == item.metadata.generation
    pods = await core.list_namespaced_pod(NS, field_selector="status.phase=Running")
    assert len(pods.items) == sum(item.spec.replicas for item in found.items)
    sets = await apps.list_namespaced_replica_set(NS)
    assert len(sets.items) == 18


async def test_other_workloads_are_listed_empty(cluster: client.ApiClient) -> None:
    """What the platform doesn't use is answered with empty lists, not with errors."""
    apps, batch = client.AppsV1Api(cluster), client.BatchV1Api(cluster)
    scaling, policy = client.AutoscalingV2Api(cluster), client.PolicyV1Api(cluster)
    answers: list[Any] = await asyncio.gather(
        apps.list_namespaced_stateful_set(NS),
        apps.list_namespaced_daemon_set(NS),
        batch.list_namespaced_job(NS),
        batch.list_namespaced_cron_job(NS),
        scaling.list_namespaced_horizontal_pod_autoscaler(NS),
        policy.list_namespaced_pod_disruption_budget(NS),
        client.CoreV1Api(cluster).list_namespaced_event(NS),
    )
    assert [answer.items for answer in answers] == [[]] * 7


async def test_a_missing_object_is_not_found(apps: Any) -> None:
    """404 carries the `Status` that clients read."""
    code, body = await refused(apps.read_namespaced_deployment("nope", NS))
    assert code == 404
    assert body["kind"] == "Status"
    assert body["reason"] == "NotFound"
    assert body["message"] == 'deployments.apps "nope" not found'
    assert body["details"] == {"name": "nope", "kind": "deployments", "group": "apps"}


async def test_a_wrong_token_is_refused(estate: Estate) -> None:
    """A missing or wrong token is 401, as with a real cluster."""
    url = f"{estate.kubernetes_url}/api/v1/namespaces/production/pods"
    async with ClientSession() as stranger:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            answer = await stranger.get(url, headers=headers)
            assert answer.status == 401
            assert (await answer.json())["reason"] == "Unauthorized"


async def test_a_missing_right_is_named(estate: Estate, apps: Any) -> None:
    """403 names verb, resource and namespace, and the access review says the same before."""
    estate.access.deny(Denial(verb="patch", resource="deployments"))
    code, body = await refused(apps.patch_namespaced_deployment("checkout", NS, {}))
    assert code == 403
    assert body["message"] == (
        'deployments.apps "checkout" is forbidden: User '
        '"system:serviceaccount:backout:backout" cannot patch resource "deployments" in API group '
        '"apps" in the namespace "production"'
    )
    review = client.V1SelfSubjectAccessReview(
        spec=client.V1SelfSubjectAccessReviewSpec(
            resource_attributes=client.V1ResourceAttributes(
                group="apps", resource="deployments", verb="patch", namespace=NS
            )
        )
    )
    rights: Any = client.AuthorizationV1Api(apps.api_client)
    answer = await rights.create_self_subject_access_review(review)
    assert answer.status.allowed is False
    estate.access.reset()
    answer = await rights.create_self_subject_access_review(review)
    assert answer.status.allowed is True


async def test_scaling_by_its_subresource(estate: Estate, apps: Any, until: Until) -> None:
    """A patched scale changes the pods, and one with a stale version is a conflict."""
    before = await apps.read_namespaced_deployment_scale("checkout", NS)
    assert before.spec.replicas == 3
    await apps.patch_namespaced_deployment_scale("checkout", NS, {"spec": {"replicas": 0}})
    await until(lambda: not _pods(estate, "checkout"))
    code, body = await refused(apps.replace_namespaced_deployment_scale("checkout", NS, before))
    assert (code, body["reason"]) == (409, "Conflict")
    assert body["message"].startswith(
        'Operation cannot be fulfilled on deployments.apps "checkout": the object has been modified'
    )
    status = (await apps.read_namespaced_deployment("checkout", NS)).to_dict()["status"]
    assert not status.get("ready_replicas"), "zeros are left out, as the real server does"


async def test_bad_sizes_are_refused(apps: Any) -> None:
    """A negative size is invalid, and the field is named."""
    code, body = await refused(
        apps.patch_namespaced_deployment_scale("checkout", NS, {"spec": {"replicas": -1}})
    )
    assert (code, body["reason"]) == (422, "Invalid")
    assert body["details"]["causes"][0]["field"] == "spec.replicas"


async def test_json_patch_with_a_test_operation(http: ClientSession, estate: Estate) -> None:
    """A `test` that holds lets the patch through; one that doesn't is 422 and changes nothing."""
    url = f"{estate.kubernetes_url}{APPS}/checkout"
    headers = {"Content-Type": "application/json-patch+json"}
    for size, code in ((3, 200), (7, 422)):
        patch = [
            {"op": "test", "path": "/spec/replicas", "value": size},
            {"op": "add", "path": "/metadata/annotations/seen", "value": str(size)},
        ]
        answer = await http.patch(url, json=patch, headers=headers)
        assert answer.status == code
    item = estate.cluster.store.get(DEPLOYMENTS, NS, "checkout")
    assert item is not None
    assert item["metadata"]["annotations"]["seen"] == "3"


async def test_an_unknown_patch_type_is_refused(http: ClientSession, estate: Estate) -> None:
    """Plain JSON is no patch."""
    answer = await http.patch(f"{estate.kubernetes_url}{APPS}/checkout", json={})
    assert answer.status == 415
    assert (await answer.json())["reason"] == "UnsupportedMediaType"


async def test_a_collection_can_be_deleted_in_part(http: ClientSession, estate: Estate) -> None:
    """Deleting all of a kind goes by labels, too; what was deleted comes back as a list."""
    query = {"labelSelector": "app.kubernetes.io/name=checkout"}
    async with http.delete(f"{estate.kubernetes_url}{APPS}", params=query) as answer:
        body = await answer.json()
    assert body["kind"] == "DeploymentList"
    assert [item["metadata"]["name"] for item in body["items"]] == ["checkout"]
    assert not estate.cluster.store.get(DEPLOYMENTS, NS, "checkout")
    assert estate.cluster.store.get(DEPLOYMENTS, NS, "auth-service")


async def test_a_dry_run_changes_nothing(estate: Estate, apps: Any) -> None:
    """`dryRun=All` returns what would be, and stores nothing."""
    version = estate.cluster.store.version
    changed = await apps.patch_namespaced_deployment(
        "checkout", NS, {"spec": {"replicas": 5}}, dry_run="All"
    )
    assert changed.spec.replicas == 5
    assert estate.cluster.store.version == version


async def test_writing_the_same_again_keeps_the_version(apps: Any) -> None:
    """A patch without effect makes no new version, and so no rollout."""
    before = await apps.read_namespaced_deployment("checkout", NS)
    after = await apps.patch_namespaced_deployment("checkout", NS, {"spec": {"replicas": 3}})
    assert after.metadata.resource_version == before.metadata.resource_version


async def test_the_selector_is_immutable(apps: Any) -> None:
    """Changing a Deployment's selector is refused, even when labels would match."""
    body = {"spec": {"selector": {"matchLabels": {"app": "checkout"}}}}
    code, answer = await refused(apps.patch_namespaced_deployment("checkout", NS, body))
    assert code == 422
    assert "field is immutable" in answer["message"]


async def test_a_restart_replaces_the_pods(estate: Estate, apps: Any, until: Until) -> None:
    """The restart annotation makes a new ReplicaSet; the old one stays, empty."""
    old = {pod["metadata"]["uid"] for pod in _pods(estate, "checkout")}
    stamp = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T00:00:00Z"}
    patch = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
    changed = await apps.patch_namespaced_deployment("checkout", NS, patch)
    await until(lambda: _complete(estate, "checkout"))
    new = {pod["metadata"]["uid"] for pod in _pods(estate, "checkout")}
    assert len(new) == 3
    assert not old & new
    sets = await apps.list_namespaced_replica_set(
        NS, label_selector="app.kubernetes.io/name=checkout"
    )
    assert sorted(item.spec.replicas for item in sets.items) == [0, 3]
    final = await apps.read_namespaced_deployment("checkout", NS)
    assert final.metadata.generation == changed.metadata.generation
    progressing = next(item for item in final.status.conditions if item.type == "Progressing")
    assert progressing.reason == "NewReplicaSetAvailable"


async def test_an_image_that_cannot_be_pulled(
    estate: Estate, apps: Any, core: Any, until: Until
) -> None:
    """The old pods serve on, the new one waits, the deadline passes, and repair ends it."""
    rule = ImageRule(service="payment-service", tag="9.9.9", behaviour=Behaviour.PULL)
    estate.set_image(rule)
    container = {"name": "payment-service", "image": "registry.aivo.edu/aivo/payment-service:9.9.9"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    await apps.patch_namespaced_deployment("payment-service", NS, patch)
    await until(lambda: _condition(estate, "payment-service", "Progressing")["status"] == "False")
    found = await apps.read_namespaced_deployment("payment-service", NS)
    assert found.status.available_replicas == 2
    assert found.status.updated_replicas == 1
    reasons = {item.type: item.reason for item in found.status.conditions}
    assert reasons["Progressing"] == "ProgressDeadlineExceeded"
    assert reasons["Available"] == "MinimumReplicasAvailable"
    pods = await core.list_namespaced_pod(NS, field_selector="status.phase=Pending")
    waiting = pods.items[0].status.container_statuses[0].state.waiting
    assert waiting.reason == "ImagePullBackOff"
    estate.clear_faults()
    await until(lambda: _complete(estate, "payment-service"))


async def test_pods_that_are_deleted_come_back(estate: Estate, core: Any, until: Until) -> None:
    """Deleting a pod terminates it, and its ReplicaSet replaces it."""
    name = _pods(estate, "checkout")[0]["metadata"]["name"]
    await core.delete_namespaced_pod(name, NS)
    await until(lambda: name not in {pod["metadata"]["name"] for pod in _pods(estate, "checkout")})
    await until(lambda: _complete(estate, "checkout"))


async def test_a_watch_shows_the_rollout(estate: Estate, apps: Any) -> None:
    """From a version on, every change arrives as its own event."""
    listed = await apps.list_namespaced_deployment(NS)
    await apps.patch_namespaced_deployment_scale("checkout", NS, {"spec": {"replicas": 4}})
    ready = []
    watching: Any = watch.Watch  # the client's package has no types for it
    async with watching() as stream:
        async for event in stream.stream(
            apps.list_namespaced_deployment,
            NS,
            field_selector="metadata.name=checkout",
            resource_version=listed.metadata.resource_version,
            timeout_seconds=20,
        ):
            assert event["type"] == "MODIFIED"
            ready.append(event["object"].status.ready_replicas)
            if ready[-1] == 4:
                break
    assert ready[0] == 3
    assert estate.cluster.store.version > int(listed.metadata.resource_version)


async def test_a_watch_from_too_far_back_is_gone(http: ClientSession, estate: Estate) -> None:
    """A version that the server has forgotten is answered with 410, so that clients list again."""
    url = f"{estate.kubernetes_url}/api/v1/namespaces/production/pods"
    answer = await http.get(url, params={"watch": "true", "resourceVersion": "1"})
    assert answer.status == 410
    assert (await answer.json())["reason"] == "Expired"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/apis/apps/v1/namespaces/production/gadgets", 404),
        ("GET", "/apis/apps/v9/deployments", 404),
        ("DELETE", "/api/v1/namespaces", 405),
        ("GET", "/apis/apps/v1/namespaces/production/deployments/checkout/exec", 404),
        ("GET", "/api/v1/namespaces/production/pods?labelSelector=a%20b", 400),
        ("POST", "/api/v1/namespaces/nowhere/configmaps", 404),
    ],
)
async def test_what_is_not_served(
    http: ClientSession, estate: Estate, method: str, path: str, code: int
) -> None:
    """Unknown kinds, versions, subresources and selectors are refused with a `Status`."""
    body = {"metadata": {"name": "x"}} if method == "POST" else None
    answer = await http.request(method, f"{estate.kubernetes_url}{path}", json=body)
    assert answer.status == code
    assert (await answer.json())["kind"] == "Status"


async def test_labels_select_as_in_kubernetes(http: ClientSession, estate: Estate) -> None:
    """Equality, sets, existence and their negations work."""
    url = f"{estate.kubernetes_url}/apis/apps/v1/deployments"
    names = "app.kubernetes.io/name"
    for selector, count in (
        (f"{names} in (checkout,auth-service)", 2),
        (f"{names} notin (checkout),{names}!=auth-service", 16),
        (f"{names},!missing", 18),
        ("missing", 0),
    ):
        answer = await http.get(url, params={"labelSelector": selector})
        assert len((await answer.json())["items"]) == count, selector


def _pods(estate: Estate, service: str) -> list[Object]:
    return [
        pod
        for pod in estate.cluster.store.list(PODS, NS)
        if pod["metadata"]["labels"]["app.kubernetes.io/name"] == service
    ]


def _condition(estate: Estate, name: str, kind: str) -> Object:
    item = estate.cluster.store.get(DEPLOYMENTS, NS, name)
    assert item is not None
    conditions: list[Object] = item["status"]["conditions"]
    return next(condition for condition in conditions if condition["type"] == kind)


def _complete(estate: Estate, name: str) -> bool:
    item = estate.cluster.store.get(DEPLOYMENTS, NS, name)
    assert item is not None
    current = item["status"]["observedGeneration"] == item["metadata"]["generation"]
    reason = _condition(estate, name, "Progressing")["reason"]
    gone = len(_pods(estate, name)) == item["spec"]["replicas"]
    return bool(current and gone and reason == "NewReplicaSetAvailable")
