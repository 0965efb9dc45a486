"""The Helm release as the estate itself sees it: seeding the history, shipping an upgrade.

Rolling back is not done here: that is the business of the `helm` command, over the API.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.estate import charts
from sandbox.estate.bodies import completed
from sandbox.estate.catalogue import BAD_CHART, BAD_VERSION, HISTORY, NAMESPACE, RELEASE, Seed
from sandbox.estate.clock import stamp
from sandbox.estate.cluster import Cluster
from sandbox.estate.controllers.authors import Author
from sandbox.estate.controllers.nodes import new_nodes
from sandbox.estate.controllers.revisions import noted
from sandbox.estate.controllers.templates import REVISION, new_pod, new_replicaset, template_hash
from sandbox.estate.objects.decoding import decode
from sandbox.estate.objects.shapes import shape_of
from sandbox.estate.objects.strategic import strategic_merge
from sandbox.estate.registry import Write
from sandbox.estate.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SECRETS,
    Resource,
)
from sandbox.estate.values import Object, clone
from sandbox.helm import records

_HELM = "helm"
_SERVER = "kube-apiserver"
_NAME = "kubernetes.io/metadata.name"
_REVISION = 37  # of every Deployment, at the start
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
    for node in new_nodes():
        cluster.store.put(NODES, node)
    for name in ("default", "kube-system", NAMESPACE, "staging"):
        item: Object = {"metadata": {"name": name, "labels": {_NAME: name}}}
        _create(cluster, NAMESPACES, item, _SERVER)
    for name, data in _CONFIG.items():
        meta = {"name": name, "namespace": NAMESPACE}
        _create(cluster, CONFIGMAPS, {"metadata": meta, "data": data}, _HELM)
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
    secret = records.secret(release, changed=changed)
    meta = secret["metadata"]
    old = cluster.store.get(SECRETS, meta["namespace"], meta["name"])
    if old is None:
        _create(cluster, SECRETS, secret, _HELM)
    else:
        cluster.registry.change(SECRETS, old, secret, Write(manager=_HELM))


def _apply(cluster: Cluster, wanted: Object) -> None:
    meta = wanted["metadata"]
    live = cluster.store.get(DEPLOYMENTS, meta["namespace"], meta["name"])
    if live is None:
        _create(cluster, DEPLOYMENTS, _owned(wanted), _HELM)
        return
    changed = strategic_merge(clone(live), _owned(wanted), shape_of(DEPLOYMENTS))
    changed = completed(DEPLOYMENTS, changed)
    cluster.registry.change(DEPLOYMENTS, live, changed, Write(manager=_HELM))


def _owned(wanted: Object) -> Object:
    item = clone(wanted)
    item["metadata"].setdefault("annotations", {}).update(_OWNERSHIP)
    return item


def _create(cluster: Cluster, resource: Resource, item: Object, manager: str) -> Object:
    item = completed(resource, decode(clone(item), shape_of(resource)).object)
    return cluster.registry.create(resource, item, Write(manager=manager))


def _run(cluster: Cluster, wanted: Object, age: timedelta) -> None:
    """Put a Deployment with its pods as they are long after a rollout."""
    since = stamp(age)
    made = clone(_create(cluster, DEPLOYMENTS, _owned(wanted), _HELM))
    made["metadata"] |= {"generation": 41, "creationTimestamp": stamp(_FIRST_DEPLOYED)}
    made["metadata"]["annotations"][REVISION] = str(_REVISION)
    deployment = cluster.store.put(DEPLOYMENTS, made)
    author = Author(cluster.store, cluster.registry)
    hashed = template_hash(deployment["spec"]["template"])
    wanted_set = new_replicaset(deployment, hashed)
    wanted_set["spec"]["replicas"] = deployment["spec"]["replicas"]
    wanted_set["metadata"]["annotations"] = noted(deployment, None, _REVISION)
    replicaset = clone(author.create(REPLICASETS, wanted_set))
    replicaset["metadata"]["creationTimestamp"] = since
    replicaset = cluster.store.put(REPLICASETS, replicaset)
    for _ in range(int(deployment["spec"]["replicas"])):
        pod = clone(author.create(PODS, new_pod(replicaset, replicaset["spec"]["template"])))
        pod["metadata"]["creationTimestamp"] = since
        cluster.kubelet.born_ready(cluster.store.put(PODS, pod))
    cluster.settle(deployment)
