"""The kinds that the simulated API server serves; discovery and routing read this table."""

from __future__ import annotations

from dataclasses import dataclass

ALL_VERBS = (
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
)
CUSTOM_VERBS = (
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
)  # in the order in which the server lists them
STATUS = "status"
SCALE = "scale"
LOG = "log"
EXEC = "exec"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind: its names, its place, and which subresources it has."""

    group: str
    version: str
    plural: str
    kind: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    everyday: bool = False  # what `kubectl get all` shows
    custom: bool = False
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
    def qualified_kind(self) -> str:
        """Return the kind as messages about invalid objects write it: `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def api_version(self) -> str:
        """Return the `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def scalable(self) -> bool:
        """Tell whether its objects have a size that `/scale` sets."""
        return SCALE in self.subresources


def _core(plural: str, kind: str, *short: str, subresources: tuple[str, ...] = ()) -> Resource:
    return Resource(
        group="", version="v1", plural=plural, kind=kind, short=short, subresources=subresources
    )


def _apps(plural: str, kind: str, *short: str, subresources: tuple[str, ...]) -> Resource:
    return Resource(
        group="apps",
        version="v1",
        plural=plural,
        kind=kind,
        short=short,
        subresources=subresources,
        everyday=True,
    )


def _grouped(
    group: str, plural: str, kind: str, *short: str, version: str = "v1", status: bool = True
) -> Resource:
    return Resource(
        group=group,
        version=version,
        plural=plural,
        kind=kind,
        short=short,
        subresources=(STATUS,) if status else (),
        everyday=group in ("batch", "autoscaling"),
    )


def _custom(group: str, version: str, plural: str, kind: str, *short: str) -> Resource:
    return Resource(
        group=group,
        version=version,
        plural=plural,
        kind=kind,
        short=short,
        subresources=(STATUS,),
        custom=True,
        verbs=CUSTOM_VERBS,
    )


NAMESPACES = Resource(
    group="",
    version="v1",
    plural="namespaces",
    kind="Namespace",
    short=("ns",),
    namespaced=False,
    subresources=(STATUS,),
    verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
)
NODES = Resource(
    group="",
    version="v1",
    plural="nodes",
    kind="Node",
    short=("no",),
    namespaced=False,
    subresources=(STATUS,),
)
PODS = Resource(
    group="",
    version="v1",
    plural="pods",
    kind="Pod",
    short=("po",),
    subresources=(EXEC, LOG, STATUS),
    everyday=True,
)
SERVICES = Resource(
    group="",
    version="v1",
    plural="services",
    kind="Service",
    short=("svc",),
    subresources=(STATUS,),
    everyday=True,
)
SECRETS = _core("secrets", "Secret")
CONFIGMAPS = _core("configmaps", "ConfigMap", "cm")
ENDPOINTS = _core("endpoints", "Endpoints", "ep")
SERVICE_ACCOUNTS = _core("serviceaccounts", "ServiceAccount", "sa")
DEPLOYMENTS = _apps("deployments", "Deployment", "deploy", subresources=(SCALE, STATUS))
REPLICASETS = _apps("replicasets", "ReplicaSet", "rs", subresources=(SCALE, STATUS))
STATEFULSETS = _apps("statefulsets", "StatefulSet", "sts", subresources=(SCALE, STATUS))
DAEMONSETS = _apps("daemonsets", "DaemonSet", "ds", subresources=(STATUS,))
CONTROLLER_REVISIONS = _grouped("apps", "controllerrevisions", "ControllerRevision", status=False)
JOBS = _grouped("batch", "jobs", "Job")
CRONJOBS = _grouped("batch", "cronjobs", "CronJob", "cj")
AUTOSCALERS = _grouped(
    "autoscaling", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "hpa", version="v2"
)
BUDGETS = _grouped("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb")
NETWORK_POLICIES = _grouped(
    "networking.k8s.io", "networkpolicies", "NetworkPolicy", "netpol", status=False
)
INGRESSES = _grouped("networking.k8s.io", "ingresses", "Ingress", "ing")
ENDPOINT_SLICES = _grouped("discovery.k8s.io", "endpointslices", "EndpointSlice", status=False)
VIRTUAL_SERVICES = _custom("networking.istio.io", "v1", "virtualservices", "VirtualService", "vs")
SCALED_OBJECTS = _custom("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", "so")
ACCESS_REVIEWS = Resource(
    group="authorization.k8s.io",
    version="v1",
    plural="selfsubjectaccessreviews",
    kind="SelfSubjectAccessReview",
    namespaced=False,
    verbs=("create",),
)

RESOURCES = (
    CONFIGMAPS,
    ENDPOINTS,
    _core("events", "Event", "ev"),
    NAMESPACES,
    NODES,
    _core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc", subresources=(STATUS,)),
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    CONTROLLER_REVISIONS,
    DAEMONSETS,
    DEPLOYMENTS,
    REPLICASETS,
    STATEFULSETS,
    ACCESS_REVIEWS,
    AUTOSCALERS,
    CRONJOBS,
    JOBS,
    INGRESSES,
    NETWORK_POLICIES,
    BUDGETS,
    ENDPOINT_SLICES,
    VIRTUAL_SERVICES,
    _custom("networking.istio.io", "v1beta1", "virtualservices", "VirtualService", "vs"),
    SCALED_OBJECTS,
)


def find(group: str, version: str, plural: str) -> Resource | None:
    """Return the kind that is served under these path segments, if any."""
    for resource in RESOURCES:
        if (resource.group, resource.version, resource.plural) == (group, version, plural):
            return resource
    return None


def serves(group: str, version: str) -> bool:
    """Tell whether a group is served in a version."""
    return any((item.group, item.version) == (group, version) for item in RESOURCES)
