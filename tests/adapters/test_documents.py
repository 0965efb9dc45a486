"""Manifests are read from files, and the rights on their objects are known without a cluster."""

from typing import Any

import pytest

from adapters.kubernetes import documents, roles
from adapters.kubernetes.apply_manifest import ApplyManifest, ApplyManifestInputs
from flows.actions import ANY, PermanentError
from tests.adapters.fakes import system_for

Json = Any
ISTIO, RBAC = "networking.istio.io", "rbac.authorization.k8s.io"
VERBS = 'verbs: ["create", "delete", "get", "patch"]'
ROUTE = {"kind": "VirtualService", "resource": f"virtualservices.{ISTIO}"}
ROLE = {"kind": "ClusterRole", "resource": f"clusterroles.{RBAC}"}
WIDE = {"kind": "Widget", "resource": "widgets.shop.example", "cluster_scoped": True}
SET = {"kind": "StatefulSet", "resource": "statefulsets.apps"}


def test_documents_are_read_one_by_one() -> None:
    """Separators, comments and lists are no objects themselves."""
    text = """\
---
# nothing here
---
kind: ConfigMap
metadata: {name: a}
---
kind: List
items:
- {kind: Service, metadata: {name: b}}
- {kind: ServiceList, items: [{kind: Service, metadata: {name: c}}]}
"""
    found = documents.read(text, "file:x.yaml")
    assert [each["metadata"]["name"] for each in found] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1,\n", "file:x.yaml is no YAML, line 2"),
        ("a: 1\n", "something that is no object: it has no kind"),
        ("kind: List\nitems: [1]\n", "something that is no object"),
        ("kind: ConfigMap\nmetadata: {name: a}\ndata: {day: 2026-11-21}\n", "put it in quotes"),
        ("kind: !!python/object/apply:os.getcwd []\n", "file:x.yaml is no YAML"),
    ],
)
def test_what_is_no_manifest_is_told(text: str, said: str) -> None:
    """With the file, and the line where YAML can't be read."""
    with pytest.raises(PermanentError, match=said):
        documents.read(text, "file:x.yaml")


def rights(unknown: Json | None = None, **inputs: Json) -> list[str]:
    """Return the rules that the action needs; some inputs may be not known yet."""
    known = ApplyManifestInputs.model_validate({**ApplyManifest.example, **inputs})
    system = system_for(kubernetes={"context": "x", "namespace": "production"})
    found = ApplyManifest().permissions(known.model_copy(update=unknown), system)
    return [f"{each.scope or 'cluster'}: {each}" for each in roles.rules(found)]


def test_objects_that_are_written_out_need_rights_by_name() -> None:
    """Even to create; and what their readiness is looked up in."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "checkout"}}
    whole = f'resources: ["services"], resourceNames: ["checkout"], {VERBS}'
    slices = 'apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list"]'
    assert rights(objects=[service | {"spec": {"selector": {"app": "page"}}}]) == [
        f'production: {{apiGroups: [""], {whole}}}',
        f"production: {{{slices}}}",
    ]
    assert rights(objects=[service]) == [f'production: {{apiGroups: [""], {whole}}}']


@pytest.mark.parametrize(
    "unknown", [{"objects": (ANY,)}, {"objects": None, "manifest": ANY, "digest": ANY}]
)
def test_objects_that_are_not_known_yet_need_rights_by_kind(unknown: Json) -> None:
    """In the namespace, unless the kind has none; without kinds it can't be told."""
    assert rights(unknown, resources=[ROUTE, ROLE, WIDE, SET]) == [
        f'cluster: {{apiGroups: ["{RBAC}"], resources: ["clusterroles"], {VERBS}}}',
        f'cluster: {{apiGroups: ["shop.example"], resources: ["widgets"], {VERBS}}}',
        'production: {apiGroups: [""], resources: ["pods"], verbs: ["list"]}',
        f'production: {{apiGroups: ["apps"], resources: ["statefulsets"], {VERBS}}}',
        f'production: {{apiGroups: ["{ISTIO}"], resources: ["virtualservices"], {VERBS}}}',
    ]
    with pytest.raises(PermanentError, match="name their kinds under `resources`"):
        rights(unknown)
