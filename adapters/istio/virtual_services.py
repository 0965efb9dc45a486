"""Where VirtualServices are: the version of Istio's API that the cluster serves.

Called by `set_route_weights`.
"""

from dataclasses import replace

from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import VIRTUAL_SERVICES, Resource
from flows.actions import PermanentError

VERSIONS = ("v1", "v1beta1")


async def served(cluster: Cluster) -> Resource:
    """Return the resource in the newest version that is served.

    Raises `PermanentError` where none is.  Asks for discovery, which everyone may.
    """
    group = VIRTUAL_SERVICES.group
    for version in VERSIONS:
        here = Resource(
            base=f"/apis/{group}", plural=version, kind="APIResourceList", namespaced=False
        )
        found = await cluster.find(here, "") or {}
        if any(e.get("name") == VIRTUAL_SERVICES.plural for e in found.get("resources") or ()):
            return replace(VIRTUAL_SERVICES, base=f"/apis/{group}/{version}")
    raise PermanentError(
        f"The cluster at {cluster.server} serves no VirtualServices ({group} "
        f"{' or '.join(VERSIONS)}): is Istio there, and is this the right cluster?"
    )
