"""Kinds of Kubernetes objects: where their URLs are, and how rights name them.

Called by every module of this folder.
"""

from dataclasses import dataclass

CORE = "/api/v1"
APPS = "/apis/apps/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of objects.  `namespaced` is false for those of the whole cluster."""

    base: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """Return the API group; the core group is empty."""
        return "" if self.base == CORE else self.base.split("/")[2]

    @property
    def version(self) -> str:
        """Return what objects call `apiVersion`: `v1`, `apps/v1`."""
        return self.base.removeprefix("/apis/").removeprefix("/api/")

    @property
    def named(self) -> str:
        """Return the name that `kubectl auth can-i` takes: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Resource(base=CORE, plural="pods", kind="Pod")
CONFIGMAPS = Resource(base=CORE, plural="configmaps", kind="ConfigMap")
SECRETS = Resource(base=CORE, plural="secrets", kind="Secret")
SERVICE_ACCOUNTS = Resource(base=CORE, plural="serviceaccounts", kind="ServiceAccount")
SERVICES = Resource(base=CORE, plural="services", kind="Service")
NAMESPACES = Resource(base=CORE, plural="namespaces", kind="Namespace", namespaced=False)
DEPLOYMENTS = Resource(base=APPS, plural="deployments", kind="Deployment")
STATEFULSETS = Resource(base=APPS, plural="statefulsets", kind="StatefulSet")
DAEMONSETS = Resource(base=APPS, plural="daemonsets", kind="DaemonSet")
REPLICASETS = Resource(base=APPS, plural="replicasets", kind="ReplicaSet")
REVISIONS = Resource(base=APPS, plural="controllerrevisions", kind="ControllerRevision")
JOBS = Resource(base="/apis/batch/v1", plural="jobs", kind="Job")
CRONJOBS = Resource(base="/apis/batch/v1", plural="cronjobs", kind="CronJob")
AUTOSCALERS = Resource(
    base="/apis/autoscaling/v2", plural="horizontalpodautoscalers", kind="HorizontalPodAutoscaler"
)
BUDGETS = Resource(
    base="/apis/policy/v1", plural="poddisruptionbudgets", kind="PodDisruptionBudget"
)
INGRESSES = Resource(base="/apis/networking.k8s.io/v1", plural="ingresses", kind="Ingress")
NETWORK_POLICIES = Resource(
    base="/apis/networking.k8s.io/v1", plural="networkpolicies", kind="NetworkPolicy"
)
ENDPOINT_SLICES = Resource(
    base="/apis/discovery.k8s.io/v1", plural="endpointslices", kind="EndpointSlice"
)
VIRTUAL_SERVICES = Resource(
    base="/apis/networking.istio.io/v1", plural="virtualservices", kind="VirtualService"
)
SCALED_OBJECTS = Resource(
    base="/apis/keda.sh/v1alpha1", plural="scaledobjects", kind="ScaledObject"
)
REVIEWS = Resource(
    base="/apis/authorization.k8s.io/v1",
    plural="selfsubjectaccessreviews",
    kind="SelfSubjectAccessReview",
    namespaced=False,
)
