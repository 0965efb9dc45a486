"""Manifests are compared by objects and images, and no value leaves."""

import pytest

from adapters.helm import live, manifests, needs
from adapters.helm.manifests import Difference

BEFORE = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout}
spec:
  template:
    spec:
      initContainers: [{name: migrate, image: "aivo/migrate:2"}]
      containers: [{name: main, image: "aivo/checkout:2"}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: r, image: "aivo/r:2"}]}}}}}
---
kind: Secret
metadata: {name: key}
stringData: {password: hunter2}
---
kind: PersistentVolumeClaim
metadata: {name: uploads}
---
"""
AFTER = """\
kind: Deployment
apiVersion: apps/v1
metadata: {name: checkout}
spec:
  template:
    spec:
      initContainers: [{name: migrate, image: "aivo/migrate:2"}]
      containers: [{name: main, image: "aivo/checkout:1"}]
---
kind: Secret
metadata: {name: key}
stringData: {password: hunter1}
---
kind: Service
metadata: {name: checkout}
"""


def compare(before: str, after: str) -> Difference:
    """Compare two manifests of a release in `production`."""
    return manifests.compare(
        manifests.read(before, "production"), manifests.read(after, "production")
    )


def names(found: object) -> list[str]:
    """Write identities as people read them."""
    assert isinstance(found, tuple)
    return [str(each) for each in found]


def test_difference() -> None:
    """Objects that come, go and change are counted, and images are named."""
    found = compare(BEFORE, AFTER)
    assert names(found.added) == ["Service/checkout"]
    assert names(found.removed) == ["CronJob/report", "PersistentVolumeClaim/uploads"]
    assert names(found.changed) == ["Deployment/checkout", "Secret/key"]
    assert len(found.touched) == 5
    assert found.summary == "objects: 2 changed, 1 added, 2 removed"
    assert found.losses == "removes PersistentVolumeClaim/uploads with what they hold"
    assert [(c.subject, c.before, c.after) for c in found.images] == [
        ("CronJob/report image", "aivo/r:2", None),
        ("Deployment/checkout main image", "aivo/checkout:2", "aivo/checkout:1"),
    ]
    assert "hunter" not in repr(found)


def test_equal_manifests() -> None:
    """The order of keys is no difference."""
    same = compare("kind: A\nmetadata: {name: x}\n", "metadata: {name: x}\nkind: A\n")
    assert same.touched == ()
    assert same.summary == "no object changes"


def test_objects_of_one_name_are_told_apart() -> None:
    """Namespace and API group count, the version of the API does not."""
    found = compare(
        """\
{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: infra}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: x}}
---
{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: x}}
""",
        """\
{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: production}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: x}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: x}}
""",
    )
    assert names(found.added) == ["Gateway.gateway.networking.k8s.io/x"]
    assert names(found.removed) == ["ConfigMap/x in infra", "Gateway.networking.istio.io/x"]
    assert names(found.changed) == ["ConfigMap/x", "PodDisruptionBudget/x"]


def test_lists_are_taken_apart() -> None:
    """What stands in a List is an object like the others."""
    item = "{apiVersion: v1, kind: Service, metadata: {name: x}}"
    found = manifests.read(f"{{apiVersion: v1, kind: List, items: [{item}]}}", "production")
    assert [str(each) for each in found] == ["Service/x"]


def test_what_is_marked_to_be_kept_is_not_removed() -> None:
    """Helm leaves such objects alone, and so they are no loss."""
    keep = "{name: x, annotations: {helm.sh/resource-policy: keep}}"
    found = compare(f"{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {keep}}}", "")
    assert (found.removed, found.losses) == ((), "")
    assert names(found.kept) == ["PersistentVolumeClaim/x"]


@pytest.mark.parametrize(
    ("has", "wanted", "same"),
    [
        ("aivo/checkout:2", "aivo/checkout:2", True),
        ("aivo/checkout:2", "aivo/checkout:1", False),
        ("mirror.example/aivo/checkout:2", "aivo/checkout:2", True),
        ("mirror.example/hub/aivo/checkout:2", "docker.io/aivo/checkout:2", True),
        ("aivo/checkout:2@sha256:abc", "aivo/checkout:2", True),
        ("aivo/checkout:2@sha256:abc", "aivo/checkout:2@sha256:def", False),
        ("mirror.example:5000/other:2", "mirror.example:5000/checkout:2", False),
        ("", "aivo/checkout:2", False),
    ],
)
def test_same_image(has: str, wanted: str, same: bool) -> None:
    """A mirror in front and a digest behind make no other image."""
    assert live.same_image(has, wanted) is same


def test_rights_are_told_without_manifests() -> None:
    """Each resource gets what Helm does to it, in its scope; hooks are watched."""
    found = needs.granted(
        ["deployments.apps", "clusterroles.rbac.authorization.k8s.io"], ["jobs.batch"], "production"
    )
    told = {(p.resource, p.verb, p.scope) for p in found}
    assert ("deployments.apps", "delete", "production") in told
    assert ("replicasets.apps", "list", "production") in told
    assert ("clusterroles.rbac.authorization.k8s.io", "patch", "") in told
    assert ("jobs.batch", "watch", "production") in told
    assert ("deployments.apps", "watch", "production") not in told
    assert ("secrets", "delete", "production") not in told
