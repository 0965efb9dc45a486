"""Manifests are compared by objects and images, and no value leaves."""

from adapters.helm import manifests

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


def test_difference() -> None:
    """Objects that come, go and change are counted, and images are named."""
    found = manifests.compare(BEFORE, AFTER)
    assert found.added == ("Service/checkout",)
    assert found.removed == ("CronJob/report", "PersistentVolumeClaim/uploads")
    assert found.changed == ("Deployment/checkout", "Secret/key")
    assert found.touches == 5
    assert found.summary == "objects: 2 changed, 1 added, 2 removed"
    assert found.losses == "removes PersistentVolumeClaim/uploads with what they hold"
    assert [(c.subject, c.before, c.after) for c in found.images] == [
        ("CronJob/report image", "aivo/r:2", None),
        ("Deployment/checkout main image", "aivo/checkout:2", "aivo/checkout:1"),
    ]
    assert "hunter" not in repr(found)


def test_rights_follow_from_the_difference() -> None:
    """What Helm would do to well-known kinds is known before it does it."""
    assert list(manifests.compare(BEFORE, AFTER).rights()) == [
        ("patch", "deployments.apps"),
        ("patch", "secrets"),
        ("create", "services"),
        ("delete", "cronjobs.batch"),
        ("delete", "persistentvolumeclaims"),
    ]


def test_equal_manifests() -> None:
    """The order of keys is no difference."""
    same = manifests.compare("kind: A\nmetadata: {name: x}\n", "metadata: {name: x}\nkind: A\n")
    assert same.touches == 0
    assert same.summary == "no object changes"
