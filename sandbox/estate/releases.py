"""The Helm release as the estate itself sees it: seeding the history, shipping an upgrade.

Rolling back is not done here: that is the business of the `helm` command, over the API.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.estate import charts
from sandbox.estate.catalogue import BAD_CHART, BAD_VERSION, HISTORY, NAMESPACE, RELEASE, Seed
from sandbox.estate.clock import stamp
from sandbox.estate.cluster import Cluster
from sandbox.estate.patches import strategic_merge
from sandbox.estate.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SECRETS,
)
from sandbox.estate.templates import REVISION, new_pod, new_replicaset, template_hash
from sandbox.estate.values import Object, clone
from sandbox.helm import records

_FIRST_DEPLOYED = timedelta(days=212)
_OWNERSHIP = {
    "meta.helm.sh/release-name": RELEASE,
    "meta.helm.sh/release-namespace": NAMESPACE,
}

_CONFIG = {
    "app-config": {"READ_ONLY_MODE": "false", "LOG_LEVEL": "info"},
    "database-config": {"DATABASE_URL": "postgresql://aivo-prod-primary:5432/aivo"},
}


def history(cluster: Cluster) -> list[records.Release]:
    """Return the stored revisions, oldest first."""
    found = [
        records.decode(item["data"]["release"])
        for item in cluster.store.list(SECRETS, NAMESPACE)
        if item.get("type") == records.SECRET_TYPE
    ]
    return sorted(found, key=lambda release: int(release["version"]))


def seed(cluster: Cluster) -> None:
    """Fill an empty cluster: namespaces, configuration, the history, and all pods running."""
    for name in ("default", "kube-system", NAMESPACE, "staging"):
        labels = {"kubernetes.io/metadata.name": name}
        item: Object = {"metadata": {"name": name, "labels": labels}}
        cluster.store.put(NAMESPACES, item | {"status": {"phase": "Active"}})
    for name, data in _CONFIG.items():
        meta = {"name": name, "namespace": NAMESPACE}
        cluster.store.put(CONFIGMAPS, {"metadata": meta, "data": data})
    for entry in HISTORY:
        _store(cluster, _release(entry), changed="createdAt")
    current = HISTORY[-1]
    for deployment in charts.deployments(current.chart, current.version):
        _run(cluster, deployment, current.age)


def ship(cluster: Cluster, *, chart: str = BAD_CHART, version: str = BAD_VERSION) -> int:
    """Do what `helm upgrade` does with a new version; return the new revision."""
    past = history(cluster)
    for old in past:
        if old["info"]["status"] == "deployed":
            old["info"]["status"] = "superseded"
            _store(cluster, old, changed="modifiedAt")
    revision = int(past[-1]["version"]) + 1 if past else 1
    entry = Seed(
        revision=revision,
        version=version,
        chart=chart,
        status="deployed",
        description="Upgrade complete",
        age=timedelta(0),
    )
    _store(cluster, _release(entry), changed="createdAt")
    for wanted in charts.deployments(chart, version):
        _apply(cluster, wanted)
    return revision


def bad_revision(cluster: Cluster) -> int | None:
    """Return the newest revision if it is the bad release, being served."""
    newest = history(cluster)[-1:]
    for release in newest:
        version = release["chart"]["metadata"]["appVersion"]
        if version == BAD_VERSION and release["info"]["status"] == "deployed":
            return int(release["version"])
    return None


def forget(cluster: Cluster, revision: int) -> bool:
    """Lose a revision's record; tell whether it was there."""
    name = records.secret_name(RELEASE, revision)
    return cluster.store.delete(SECRETS, NAMESPACE, name) is not None


def set_status(cluster: Cluster, revision: int, status: str) -> bool:
    """Change a revision's status (`pending-upgrade`, …); tell whether it was there."""
    for release in history(cluster):
        if int(release["version"]) == revision:
            release["info"]["status"] = status
            _store(cluster, release, changed="modifiedAt")
            return True
    return False


def _release(entry: Seed) -> records.Release:
    now = datetime.now(UTC)
    return {
        "name": RELEASE,
        "info": {
            "first_deployed": records.go_time(now - _FIRST_DEPLOYED),
            "last_deployed": records.go_time(now - entry.age),
            "deleted": "",
            "description": entry.description,
            "status": entry.status,
            "notes": f"AIVO {entry.version} is being served from namespace {NAMESPACE}.\n",
        },
        "chart": {
            "metadata": charts.metadata(entry.chart, entry.version),
            "lock": None,
            "templates": [],
            "values": {"image": {"tag": ""}},
            "schema": None,
            "files": None,
        },
        "config": {"image": {"tag": entry.version}},
        "manifest": charts.manifest(entry.chart, entry.version),
        "version": entry.revision,
        "namespace": NAMESPACE,
    }


def _store(cluster: Cluster, release: records.Release, *, changed: str) -> None:
    cluster.store.put(SECRETS, records.secret(release, changed=changed))


def _apply(cluster: Cluster, wanted: Object) -> None:
    meta = wanted["metadata"]
    live = cluster.store.get(DEPLOYMENTS, meta["namespace"], meta["name"])
    if live is None:
        cluster.store.put(DEPLOYMENTS, _owned(wanted) | {"status": {}})
        return
    changed = strategic_merge(clone(live), _owned(wanted))
    if changed["spec"] != live["spec"]:
        changed["metadata"]["generation"] = int(live["metadata"]["generation"]) + 1
    cluster.store.put(DEPLOYMENTS, changed)


def _owned(wanted: Object) -> Object:
    item = clone(wanted)
    item["metadata"].setdefault("annotations", {}).update(_OWNERSHIP)
    return item


def _run(cluster: Cluster, wanted: Object, age: timedelta) -> None:
    """Put a Deployment with its pods as they are long after a rollout."""
    item = _owned(wanted)
    since = stamp(age)
    item["metadata"] |= {"generation": 41, "creationTimestamp": stamp(_FIRST_DEPLOYED)}
    item["metadata"]["annotations"][REVISION] = "37"
    deployment = cluster.store.put(DEPLOYMENTS, item | {"status": {}})
    replicaset = new_replicaset(deployment, template_hash(deployment["spec"]["template"]))
    replicaset["metadata"] |= {"creationTimestamp": since, "annotations": {REVISION: "37"}}
    replicaset["spec"]["replicas"] = deployment["spec"]["replicas"]
    replicaset = cluster.store.put(REPLICASETS, replicaset)
    for _ in range(int(deployment["spec"]["replicas"])):
        pod = new_pod(replicaset, cluster.random)
        pod["metadata"]["creationTimestamp"] = since
        cluster.store.put(PODS, cluster.kubelet.born_ready(pod))
    cluster.settle(deployment)
