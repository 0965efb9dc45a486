"""The kinds that the simulated API server serves; discovery and routing read this table."""

from __future__ import annotations

from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind: its names, its place, and which subresources it has."""

    group: str
    version: str
    plural: str
    kind: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    scalable: bool = False
    verbs: tuple[str, ...] = ALL_VERBS

    @property
    def singular(self) -> str:
        """Return the lower-case name of one object."""
        return self.kind.lower()

    @property
    def qualified(self) -> str:
        """Return the name as messages write it: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """Return the `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version


def _core(plural: str, kind: str, *short: str, namespaced: bool = True) -> Resource:
    return Resource(
        group="", version="v1", plural=plural, kind=kind, short=short, namespaced=namespaced
    )


NAMESPACES = _core("namespaces", "Namespace", "ns", namespaced=False)
PODS = _core("pods", "Pod", "po")
SECRETS = _core("secrets", "Secret")
CONFIGMAPS = _core("configmaps", "ConfigMap", "cm")
DEPLOYMENTS = Resource(
    group="apps",
    version="v1",
    plural="deployments",
    kind="Deployment",
    short=("deploy",),
    scalable=True,
)
REPLICASETS = Resource(
    group="apps",
    version="v1",
    plural="replicasets",
    kind="ReplicaSet",
    short=("rs",),
    scalable=True,
)
ACCESS_REVIEWS = Resource(
    group="authorization.k8s.io",
    version="v1",
    plural="selfsubjectaccessreviews",
    kind="SelfSubjectAccessReview",
    namespaced=False,
    verbs=("create",),
)

RESOURCES = (
    NAMESPACES,
    PODS,
    SECRETS,
    CONFIGMAPS,
    _core("nodes", "Node", "no", namespaced=False),
    _core("services", "Service", "svc"),
    _core("serviceaccounts", "ServiceAccount", "sa"),
    _core("events", "Event", "ev"),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc"),
    DEPLOYMENTS,
    REPLICASETS,
    Resource(
        group="apps",
        version="v1",
        plural="statefulsets",
        kind="StatefulSet",
        short=("sts",),
        scalable=True,
    ),
    Resource(group="apps", version="v1", plural="daemonsets", kind="DaemonSet", short=("ds",)),
    Resource(group="batch", version="v1", plural="jobs", kind="Job"),
    Resource(group="batch", version="v1", plural="cronjobs", kind="CronJob", short=("cj",)),
    Resource(
        group="autoscaling",
        version="v2",
        plural="horizontalpodautoscalers",
        kind="HorizontalPodAutoscaler",
        short=("hpa",),
    ),
    Resource(
        group="policy",
        version="v1",
        plural="poddisruptionbudgets",
        kind="PodDisruptionBudget",
        short=("pdb",),
    ),
    Resource(
        group="networking.k8s.io",
        version="v1",
        plural="networkpolicies",
        kind="NetworkPolicy",
        short=("netpol",),
    ),
    ACCESS_REVIEWS,
)


def find(group: str, version: str, plural: str) -> Resource | None:
    """Return the kind that is served under these path segments, if any."""
    for resource in RESOURCES:
        if (resource.group, resource.version, resource.plural) == (group, version, plural):
            return resource
    return None
