"""The estate as the page's panel shows it: one JSON object, polled each second."""

from __future__ import annotations

import time

from sandbox.estate import releases
from sandbox.estate.catalogue import SERVICES
from sandbox.estate.cluster import Cluster
from sandbox.estate.controllers.kubelet import is_ready
from sandbox.estate.resources import DEPLOYMENTS, PODS
from sandbox.estate.traffic import Point, Traffic
from sandbox.estate.values import Object
from sandbox.estate.website import Website, is_well

_SERIES = 600  # seconds
_MOST_POINTS = 300


def cluster_view(cluster: Cluster, point: Point) -> list[Object]:
    """Return each service with its version and the state of its pods."""
    pods: dict[str, list[Object]] = {}
    for pod in cluster.store.list(PODS):
        name = (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/name", "")
        pods.setdefault(name, []).append(pod)
    return [
        {
            "name": item["metadata"]["name"],
            "version": _tag(item["spec"]["template"]["spec"]),
            "desired": item["spec"]["replicas"],
            "ready": (item.get("status") or {}).get("readyReplicas", 0),
            "well": is_well(point, item["metadata"]["name"]),
            "error_ratio": round(point.services.get(item["metadata"]["name"], 0.0), 4),
            "pods": [_pod(pod) for pod in pods.get(item["metadata"]["name"], [])],
        }
        for item in cluster.store.list(DEPLOYMENTS)
        if item["metadata"]["name"] in {service.name for service in SERVICES}
    ]


def history_view(cluster: Cluster) -> list[Object]:
    """Return the Helm revisions, newest first."""
    return [
        {
            "revision": release["version"],
            "status": release["info"]["status"],
            "version": release["chart"]["metadata"]["appVersion"],
            "description": release["info"]["description"],
            "deployed": release["info"]["last_deployed"],
        }
        for release in reversed(releases.history(cluster))
    ]


def traffic_view(traffic: Traffic, website: Website) -> Object:
    """Return the present numbers and the error ratio of the last minutes."""
    health = website.health()
    point = traffic.points[-1]
    recent = [entry for entry in traffic.points if entry.at > time.time() - _SERIES]
    thin = max(1, len(recent) // _MOST_POINTS)
    return {
        "health": health,
        "availability": round(point.availability, 5),
        "error_ratio": round(point.error_ratio, 5),
        "latency_p95": round(point.latency_p95, 3),
        "affected_users": int(point.affected_users),
        "series": [[round(entry.at, 2), round(entry.error_ratio, 5)] for entry in recent[::thin]],
    }


def _tag(spec: Object) -> str:
    return str(spec["containers"][0]["image"]).rpartition(":")[2]


def _pod(pod: Object) -> Object:
    states = pod["status"].get("containerStatuses") or []
    waiting = [
        state["state"]["waiting"]["reason"] for state in states if "waiting" in state["state"]
    ]
    leaving = "deletionTimestamp" in pod["metadata"]
    return {
        "name": pod["metadata"]["name"],
        "version": _tag(pod["spec"]),
        "ready": is_ready(pod),
        "state": "Terminating" if leaving else (waiting or [pod["status"]["phase"]])[0],
        "failing": any(reason.endswith("BackOff") for reason in waiting),
    }
