"""Requests that are refused, as clients of all kinds send them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = Any

JSON = "application/json"
PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
APPS = "/apis/apps/v1/namespaces/{}/deployments"
CHECKOUT = f"{APPS}/checkout"
SETTINGS = "/api/v1/namespaces/{}/configmaps"
ROUTES = "/apis/networking.istio.io/v1/namespaces/{}/virtualservices/checkout"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
DRY = "?dryRun=All&fieldManager=backout"
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request, with `{}` for the namespace in its path, and the code of its answer."""

    named: str
    code: int
    method: str
    path: str
    body: Json = None
    kind: str = JSON


def _settings(**meta: Json) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", **meta}}


def _image(image: Json) -> Json:
    container = {"name": "checkout", "image": image}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def _weights(*weights: int) -> Json:
    route = [
        {"destination": {"host": "checkout", "subset": f"s{at}"}, "weight": weight}
        for at, weight in enumerate(weights)
    ]
    return {"spec": {"http": [{"route": route}]}}


def _test(path: str, value: Json) -> Json:
    return [{"op": "test", "path": path, "value": value}]


REFUSALS = (
    Refusal(named="no such object", code=404, method="GET", path=f"{APPS}/nothing"),
    Refusal(named="no such kind", code=404, method="GET", path="/apis/apps/v1/gadgets"),
    Refusal(named="bad selector", code=400, method="GET", path=f"{APPS}?labelSelector=a%20b"),
    Refusal(
        named="nothing to patch",
        code=404,
        method="PATCH",
        path=f"{APPS}/nothing{DRY}",
        body={"spec": {"replicas": 1}},
        kind=MERGE,
    ),
    Refusal(
        named="negative size",
        code=422,
        method="PATCH",
        path=CHECKOUT + DRY,
        body={"spec": {"replicas": -1}},
        kind=MERGE,
    ),
    Refusal(
        named="negative scale",
        code=422,
        method="PATCH",
        path=f"{CHECKOUT}/scale{DRY}",
        body={"spec": {"replicas": -1}},
        kind=MERGE,
    ),
    Refusal(
        named="selector kept",
        code=422,
        method="PATCH",
        path=CHECKOUT + DRY,
        body={"spec": {"selector": {"matchLabels": {"app": "other"}}}},
        kind=MERGE,
    ),
    Refusal(
        named="no image",
        code=422,
        method="PATCH",
        path=CHECKOUT + DRY,
        body=_image(""),
        kind=STRATEGIC,
    ),
    Refusal(
        named="wrong type",
        code=422,
        method="PATCH",
        path=CHECKOUT + DRY,
        body={"spec": {"replicas": "many"}},
        kind=MERGE,
    ),
    Refusal(
        named="long label",
        code=422,
        method="PATCH",
        path=CHECKOUT + DRY,
        body={"metadata": {"labels": {"app": "x" * 64}}},
        kind=MERGE,
    ),
    Refusal(
        named="other than tested",
        code=422,
        method="PATCH",
        path=CHECKOUT + DRY,
        body=_test("/spec/replicas", 9),
        kind=PATCH,
    ),
    Refusal(
        named="nothing to test",
        code=422,
        method="PATCH",
        path=CHECKOUT + DRY,
        body=_test("/spec/nothing/here", 9),
        kind=PATCH,
    ),
    Refusal(
        named="no kind of patch", code=415, method="PATCH", path=CHECKOUT + DRY, body={}, kind=JSON
    ),
    Refusal(
        named="stale patch",
        code=409,
        method="PATCH",
        path=f"{SETTINGS}/settings{DRY}",
        body={"metadata": {"resourceVersion": "1"}, "data": {"MODE": "shut"}},
        kind=MERGE,
    ),
    Refusal(
        named="stale update",
        code=409,
        method="PUT",
        path=f"{SETTINGS}/settings{DRY}",
        body=_settings(resourceVersion="1"),
    ),
    Refusal(
        named="another one",
        code=409,
        method="PUT",
        path=f"{SETTINGS}/settings{DRY}",
        body=_settings(uid=NOBODY),
    ),
    Refusal(named="taken", code=409, method="POST", path=SETTINGS + DRY, body=_settings()),
    Refusal(
        named="bad name", code=422, method="POST", path=SETTINGS + DRY, body=_settings(name="A_b")
    ),
    Refusal(
        named="owned by others",
        code=409,
        method="PATCH",
        path=f"{SETTINGS}/settings{DRY}",
        body={**_settings(), "data": {"MODE": "shut"}},
        kind=APPLY,
    ),
    Refusal(
        named="apply by nobody",
        code=422,
        method="PATCH",
        path=f"{SETTINGS}/settings?dryRun=All",
        body=_settings(),
        kind=APPLY,
    ),
    Refusal(
        named="deletion of another one",
        code=409,
        method="DELETE",
        path=f"{SETTINGS}/settings",
        body={"preconditions": {"uid": NOBODY}},
    ),
    Refusal(
        named="unknown dry run",
        code=422,
        method="PATCH",
        path=f"{CHECKOUT}?dryRun=Some",
        body={},
        kind=MERGE,
    ),
    Refusal(named="empty review", code=422, method="POST", path=REVIEWS, body={"spec": {}}),
    Refusal(
        named="weight over all",
        code=422,
        method="PATCH",
        path=ROUTES + DRY,
        body=_weights(150, 0),
        kind=MERGE,
    ),
    Refusal(
        named="no weight at all",
        code=422,
        method="PATCH",
        path=ROUTES + DRY,
        body=_weights(0, 0),
        kind=MERGE,
    ),
)
