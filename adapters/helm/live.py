"""What runs in the cluster, compared with what a revision wants.

Called by `outcomes` and `failures`.  Helm looks neither at what somebody changes behind it, nor
at objects that it could not delete.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from adapters.helm import manifests
from adapters.helm.manifests import Objects
from adapters.helm.objects import Identity
from adapters.kubernetes import kinds
from adapters.kubernetes.cluster import Cluster
from adapters.kubernetes.workloads import RESOURCES, Workload

Object = dict[str, Any]
OUTLIVES = frozenset({*RESOURCES, "CronJob"})
"""Kinds whose objects stay, and run the images that their templates name."""


async def other_images(wanted: Objects, cluster: Cluster) -> list[str]:
    """Say which workloads of the release's namespace do not have the images of the manifest."""
    names = [each for each in wanted if each.kind in OUTLIVES and not each.namespace]
    found = await _find(names, cluster)
    told: list[str] = []
    for name, there in found.items():
        if there is None:
            told.append(f"{name} is not there")
            continue
        has = manifests.images(there)
        told += (
            f"{name} has {has.get(container, 'no image')}, not {image}"
            for container, image in manifests.images(wanted[name]).items()
            if not same_image(has.get(container, ""), image)
        )
    return told


async def left_over(removed: Iterable[Identity], cluster: Cluster) -> list[str]:
    """Name objects that should be gone from the release's namespace, and are not."""
    names = [each for each in removed if not each.namespace and not each.custom]
    found = await _find(names, cluster)
    return [
        str(name)
        for name, there in found.items()
        if there is not None and not there["metadata"].get("deletionTimestamp")
    ]


async def workloads(wanted: Objects, cluster: Cluster) -> dict[Workload, Object]:
    """Return the workloads of a manifest that are there."""
    names = [each for each in wanted if each.kind in RESOURCES and not each.namespace]
    found = await _find(names, cluster)
    return {
        Workload(kind=name.kind, name=name.name): there
        for name, there in found.items()
        if there is not None
    }


def same_image(has: str, wanted: str) -> bool:
    """Say whether an image is the wanted one, also behind a mirror or pinned by its digest."""
    if "@" not in wanted:
        has = has.partition("@")[0]
    first, _, rest = wanted.partition("/")
    path = rest if rest and ("." in first or ":" in first or first == "localhost") else wanted
    return has == wanted or has.endswith(f"/{path}")


async def _find(names: list[Identity], cluster: Cluster) -> dict[Identity, Object | None]:
    known = {each: kinds.known(each.version, each.kind) for each in names}
    resources = {each: found for each, found in known.items() if found is not None}
    answers = await asyncio.gather(
        *(cluster.find(resource, each.name) for each, resource in resources.items())
    )
    return dict(zip(resources, answers, strict=True))
