"""Kinds of objects in manifests: which resource each one is, and whether it has a namespace.

Called by `manifests` and by `adapters.helm`, which act on whatever kinds a manifest holds.
What every cluster has is known here, so that rights can be told without one; the rest is asked.
"""

from collections.abc import Mapping
from typing import Any

from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.errors import NotFoundError
from adapters.kubernetes.resources import Resource
from flows.actions import PermanentError

Object = Mapping[str, Any]
IN_NAMESPACES: Mapping[str, tuple[str, ...]] = {
    "": (
        "ConfigMap configmaps",
        "Endpoints endpoints",
        "LimitRange limitranges",
        "PersistentVolumeClaim persistentvolumeclaims",
        "Pod pods",
        "PodTemplate podtemplates",
        "ReplicationController replicationcontrollers",
        "ResourceQuota resourcequotas",
        "Secret secrets",
        "Service services",
        "ServiceAccount serviceaccounts",
    ),
    "apps": (
        "DaemonSet daemonsets",
        "Deployment deployments",
        "ReplicaSet replicasets",
        "StatefulSet statefulsets",
    ),
    "autoscaling": ("HorizontalPodAutoscaler horizontalpodautoscalers",),
    "batch": ("CronJob cronjobs", "Job jobs"),
    "coordination.k8s.io": ("Lease leases",),
    "discovery.k8s.io": ("EndpointSlice endpointslices",),
    "networking.k8s.io": ("Ingress ingresses", "NetworkPolicy networkpolicies"),
    "policy": ("PodDisruptionBudget poddisruptionbudgets",),
    "rbac.authorization.k8s.io": ("Role roles", "RoleBinding rolebindings"),
}
OF_THE_CLUSTER: Mapping[str, tuple[str, ...]] = {
    "": ("Namespace namespaces", "PersistentVolume persistentvolumes"),
    "admissionregistration.k8s.io": (
        "MutatingWebhookConfiguration mutatingwebhookconfigurations",
        "ValidatingAdmissionPolicy validatingadmissionpolicies",
        "ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings",
        "ValidatingWebhookConfiguration validatingwebhookconfigurations",
    ),
    "apiextensions.k8s.io": ("CustomResourceDefinition customresourcedefinitions",),
    "apiregistration.k8s.io": ("APIService apiservices",),
    "networking.k8s.io": ("IngressClass ingressclasses",),
    "rbac.authorization.k8s.io": (
        "ClusterRole clusterroles",
        "ClusterRoleBinding clusterrolebindings",
    ),
    "scheduling.k8s.io": ("PriorityClass priorityclasses",),
    "storage.k8s.io": ("StorageClass storageclasses",),
}


def _known() -> dict[tuple[str, str], tuple[str, bool]]:
    """Return plural and scope by (group, kind)."""
    found: dict[tuple[str, str], tuple[str, bool]] = {}
    for table, namespaced in ((IN_NAMESPACES, True), (OF_THE_CLUSTER, False)):
        for group, entries in table.items():
            for entry in entries:
                kind, plural = entry.split()
                found[group, kind] = (plural, namespaced)
    return found


KNOWN = _known()
OF_CLUSTERS = frozenset(
    f"{plural}.{group}" if group else plural
    for (group, _), (plural, namespaced) in KNOWN.items()
    if not namespaced
)
"""Resources, as `kubectl auth can-i` names them, that are in no namespace."""


def group_of(api_version: str) -> str:
    """Return the group of an object's `apiVersion`; the core group is empty."""
    return api_version.partition("/")[0] if "/" in api_version else ""


def known(api_version: str, kind: str) -> Resource | None:
    """Return the resource of a kind that every cluster has, or None."""
    found = KNOWN.get((group_of(api_version), kind))
    if found is None:
        return None
    return resource(api_version, kind, plural=found[0], namespaced=found[1])


def resource(api_version: str, kind: str, *, plural: str, namespaced: bool) -> Resource:
    """Return the resource of a kind in a version of the API."""
    base = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return Resource(base=base, plural=plural, kind=kind, namespaced=namespaced)


async def discover(cluster: Cluster, api_version: str, kind: str) -> Resource:
    """Ask the cluster for the resource of a kind; raise `PermanentError` where it has none."""
    if found := known(api_version, kind):
        return found
    group, _, version = api_version.rpartition("/")
    asked = Resource(base=f"/apis/{group}", plural=version, kind="", namespaced=False)
    try:
        answer = await cluster.call("GET", "get", asked)
    except NotFoundError:
        answer = {}
    for each in answer.get("resources") or ():
        if each.get("kind") == kind and "/" not in str(each.get("name")):
            namespaced = bool(each.get("namespaced"))
            return resource(api_version, kind, plural=str(each["name"]), namespaced=namespaced)
    raise PermanentError(
        f"The cluster has no kind {kind} in {api_version}: install its CustomResourceDefinition, "
        "or leave these objects out."
    )


def named(found: Object) -> str:
    """Write an object as people name it: `Deployment/checkout`."""
    return f"{found.get('kind')}/{(found.get('metadata') or {}).get('name')}"
