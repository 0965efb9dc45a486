"""`helm rollback`: a new revision with an old manifest, recorded step by step as Helm does.

Killed half-way it leaves `pending-rollback` behind, exactly what the bot has to cope with. Helm's
rollback, unlike its upgrade, doesn't refuse while another operation is pending.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from sandbox.helm import records, yaml_subset
from sandbox.helm.cluster import ApiError, Cluster, HelmError
from sandbox.helm.wire import quote

STRATEGIC = "application/strategic-merge-patch+json"
_POLL = 0.2
_KINDS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
}


class Options(NamedTuple):
    """What the command line asked for."""

    revision: int
    wait: bool
    timeout: float
    dry_run: bool
    history_max: int


def run(cluster: Cluster, name: str, namespace: str, options: Options) -> None:
    """Roll a release back."""
    if options.revision < 0:
        raise HelmError("invalid release revision")
    past = cluster.releases(name, namespace)
    if not past:
        raise HelmError("release: not found")
    current = past[-1]
    wanted = options.revision or int(current["version"]) - 1
    source = next((item for item in past if item["version"] == wanted), None)
    if source is None:
        raise HelmError(f"release has no {wanted} version")
    if options.dry_run:
        return
    target = _target(current, source, wanted)
    _prune(cluster, past, options.history_max)
    cluster.create_release(target)
    _perform(cluster, current, target, options)


def _target(current: records.Release, source: records.Release, wanted: int) -> records.Release:
    info = {
        "first_deployed": current["info"]["first_deployed"],
        "last_deployed": records.now(),
        "deleted": "",
        "description": f"Rollback to {wanted}",
        "status": "pending-rollback",
        "notes": source["info"].get("notes", ""),
    }
    number = int(current["version"]) + 1
    return {**source, "info": info, "version": number, "namespace": current["namespace"]}


def _prune(cluster: Cluster, past: list[records.Release], most: int) -> None:
    """Forget the oldest revisions, so that the new one fits; never the deployed one."""
    surplus = len(past) - (most - 1) if most > 0 else 0
    for release in past[: max(0, surplus)]:
        if release["info"]["status"] != "deployed":
            cluster.delete_release(release)


def _perform(
    cluster: Cluster, current: records.Release, target: records.Release, options: Options
) -> None:
    objects = yaml_subset.load_all(target["manifest"])
    name = target["name"]
    try:
        for item in objects:
            _apply(cluster, item, release=name, namespace=target["namespace"])
    except HelmError as error:
        current["info"]["status"] = "superseded"
        _fail(cluster, current, target, f'Rollback "{name}" failed: {error}')
        raise
    if options.wait and not _ready_in_time(cluster, objects, options.timeout):
        problem = "context deadline exceeded"
        _fail(cluster, current, target, f'Release "{name}" failed: {problem}')
        raise HelmError(f"release {name} failed: {problem}")
    for release in cluster.releases(name, target["namespace"]):
        if release["info"]["status"] == "deployed":
            release["info"]["status"] = "superseded"
            cluster.update_release(release)
    target["info"]["status"] = "deployed"
    cluster.update_release(target)


def _fail(
    cluster: Cluster, current: records.Release, target: records.Release, description: str
) -> None:
    target["info"] |= {"status": "failed", "description": description}
    for release in (current, target):
        try:
            cluster.update_release(release)
        except HelmError:
            continue  # as Helm: the first error is the one to tell


def _apply(cluster: Cluster, item: dict[str, object], *, release: str, namespace: str) -> None:
    kind, meta = str(item["kind"]), item["metadata"]
    assert isinstance(meta, dict)
    meta.setdefault("annotations", {}).update(
        {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
    )
    base = _KINDS[kind].format(quote(namespace))
    try:
        cluster.call("PATCH", f"{base}/{quote(meta['name'])}", item, STRATEGIC)
    except ApiError as error:
        if error.code != 404:
            raise HelmError(f'cannot patch "{meta["name"]}" with kind {kind}: {error}') from None
        cluster.call("POST", base, item)


def _ready_in_time(cluster: Cluster, objects: list[dict[str, object]], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    names = [item["metadata"] for item in objects if item["kind"] == "Deployment"]
    while True:
        if all(_is_ready(cluster, meta) for meta in names):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)


def _is_ready(cluster: Cluster, meta: object) -> bool:
    """Judge as Helm does: enough pods of the *new* ReplicaSet are ready."""
    assert isinstance(meta, dict)
    base = _KINDS["Deployment"].format(quote(meta["namespace"]))
    item = cluster.call("GET", f"{base}/{quote(meta['name'])}")
    status = item.get("status", {})
    if status.get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return False
    wanted = int(item["spec"].get("replicas", 1))
    unavailable = wanted * 25 // 100
    updated = int(status.get("updatedReplicas", 0))
    old = int(status.get("replicas", 0)) - updated
    ready = int(status.get("readyReplicas", 0)) - old
    return updated >= wanted and ready >= wanted - unavailable
