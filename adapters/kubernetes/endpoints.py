"""What stands behind Services: their addresses, the pods of these, and whether they are ready.

Called by `switch_selector` and `patch_ingress_backend`.  Read from the EndpointSlices, because
that is what traffic follows; a Service's selector only says what is meant to be there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.resources import ENDPOINT_SLICES
from adapters.values import listed

OWNER = "kubernetes.io/service-name"
RISING_DELAY = 5.0
"""Seconds after which to look again where no pod is ready to take traffic back."""
ENDED = frozenset({"Succeeded", "Failed"})
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One pod (or, where `pod` is empty, one foreign address) behind a Service.

    `ports` are the names of the Service's ports that it answers; a port without one is "".
    """

    pod: str
    ready: bool
    ports: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """The pods that a selector takes: `ready` and `total` count them, leaving ones left out."""

    ready: int
    total: int
    images: tuple[str, ...]

    def __str__(self) -> str:
        """Write `3 of 4 pods ready (shop/checkout:1.0.0)`."""
        told = f"{self.ready} of {self.total} pods ready"
        return f"{told} ({listed(self.images, 3)})" if self.images else told


async def behind(cluster: Cluster, services: Iterable[str]) -> dict[str, tuple[Endpoint, ...]]:
    """Return the endpoints of each Service; none where it has none, or is not there."""
    names = tuple(dict.fromkeys(services))
    slices = await cluster.items(ENDPOINT_SLICES, labels=f"{OWNER} in ({', '.join(names)})")
    found: dict[str, dict[str, Endpoint]] = {name: {} for name in names}
    for each in slices:
        _collect(each, found[each["metadata"]["labels"][OWNER]])
    return {name: tuple(endpoints.values()) for name, endpoints in found.items()}


def _collect(part: Object, found: dict[str, Endpoint]) -> None:
    """Add a slice: a pod stands in several where it has two addresses or several ports."""
    ports = frozenset(str(port.get("name") or "") for port in part.get("ports") or ())
    for each in part.get("endpoints") or ():
        target = each.get("targetRef") or {}
        pod = str(target.get("name", "")) if target.get("kind") == "Pod" else ""
        known = pod or str(each["addresses"][0])
        # Without the condition an endpoint counts as ready: so the API says.
        is_ready = (each.get("conditions") or {}).get("ready") is not False
        before = found.get(known)
        found[known] = Endpoint(
            pod=pod,
            ready=is_ready and (before is None or before.ready),
            ports=ports | (before.ports if before else frozenset()),
        )


def ready(endpoints: Iterable[Endpoint], port: str | None = None) -> int:
    """Count those that are ready, or ready on one port."""
    return sum(1 for e in endpoints if e.ready and (port is None or port in e.ports))


def is_there(pod: Object) -> bool:
    """Say whether a pod neither leaves nor has ended."""
    phase = (pod.get("status") or {}).get("phase")
    return not pod["metadata"].get("deletionTimestamp") and phase not in ENDED


def is_ready(pod: Object) -> bool:
    """Say whether a pod is there and takes traffic."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return is_there(pod) and any(
        c.get("type") == "Ready" and c.get("status") == "True" for c in conditions
    )


def selected(selector: Mapping[str, str], pods: Iterable[Object]) -> list[Object]:
    """Return the pods that a Service's selector takes; an empty one takes none."""
    if not selector:
        return []
    return [
        pod
        for pod in pods
        if is_there(pod) and selector.items() <= (pod["metadata"].get("labels") or {}).items()
    ]


def counted(pods: Iterable[Object]) -> Pods:
    """Count pods, and name what they are meant to run."""
    every = list(pods)
    images = {
        str(container["image"])
        for pod in every
        for container in (pod.get("spec") or {}).get("containers") or ()
    }
    return Pods(
        ready=sum(1 for pod in every if is_ready(pod)),
        total=len(every),
        images=tuple(sorted(images)),
    )


def digests(pods: Iterable[Object]) -> frozenset[str]:
    """Return what the pods' containers really run: `sha256:…` each."""
    return frozenset(digest for pod in pods for digest in digests_of(pod))


def digests_of(pod: Object) -> frozenset[str]:
    """Return what one pod's containers really run; a container that never ran has none."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    found = (str(each.get("imageID") or "") for each in statuses)
    return frozenset(image.rpartition("@")[2].rpartition("//")[2] for image in found if image)
